"""Which networks can run frame by frame."""

from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet


def require_causal(model: nn.Module, name: str) -> FrameNet:
    """Errors: InputError for a model that hands on no state; name: of the model, behind that of its file."""
    if not isinstance(model, FrameNet):
        raise InputError(
            f"{name} hands on no state and cannot run frame by frame; causal models can, see "
            "`rcn-bench models`, and your own that make_recurrent, make_causal or make_shifted returns"
        )
    return model
