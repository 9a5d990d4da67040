"""The energy that a GPU has used, by the counter of its driver (NVML)."""

import ctypes

import torch


class EnergyCounter:
    """Of a device; of a processor, and of a GPU whose driver does not tell, it counts nothing."""

    def __init__(self, device: torch.device) -> None:
        self._card = ctypes.c_void_p()
        self._library = _library() if device.type == "cuda" else None
        if self._library is not None:
            name = f"GPU-{torch.cuda.get_device_properties(device).uuid}".encode()
            if self._library.nvmlDeviceGetHandleByUUID(name, ctypes.byref(self._card)) != 0:
                self._library = None

    def joules(self) -> float | None:
        """Since the driver was loaded, all that runs on the card included; the counter moves every 20 to 100 ms."""
        millijoules = ctypes.c_ulonglong()
        if self._library is None:
            return None
        refused = self._library.nvmlDeviceGetTotalEnergyConsumption(self._card, ctypes.byref(millijoules))
        return None if refused else millijoules.value / 1000


def _library() -> ctypes.CDLL | None:
    """The driver's, ready to be asked; None on a machine without one."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    return library if library.nvmlInit_v2() == 0 else None
