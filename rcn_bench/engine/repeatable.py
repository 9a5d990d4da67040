"""The same bits again: which algorithms a training may use so that it can be repeated on the same kind of card."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

from rcn_bench.errors import InputError, reason

NO_ALGORITHM = "does not have a deterministic implementation"  # in torch's refusals


@contextmanager
def repeatable(wanted: bool, compiled: bool, device: torch.device) -> Iterator[None]:
    """Compute with repeatable algorithms if they are wanted, else with the fastest, found by timing.

    On a CPU all are repeatable. compiled: whether torch.compile is used, which then takes no choice by timing either.
    Errors: InputError for an operation, or a torch, that cannot repeat itself.
    """
    torch.backends.cudnn.benchmark = not wanted
    if not wanted or device.type == "cpu":
        yield
        return
    compiler = _compiler()
    if compiled and not hasattr(compiler, "deterministic"):
        raise InputError(
            f"train.deterministic: the compiler of torch {torch.__version__} chooses by timing; update torch, or set "
            "train.compile: false"
        )
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # one work space a stream, in place of whichever is free
    torch.use_deterministic_algorithms(True)
    # Nothing here reads what it has not written, and filling it takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with compiler.patch({"deterministic": True} if compiled else {}):
            yield
    except RuntimeError as error:
        if NO_ALGORITHM not in str(error):
            raise
        raise InputError(f"train.deterministic: {reason(error)}; set it to false, or replace that layer") from error
    finally:
        torch.use_deterministic_algorithms(False)


def _compiler() -> ModuleType:
    """Its settings; loaded here alone, since that takes seconds."""
    import torch._inductor.config

    return torch._inductor.config
