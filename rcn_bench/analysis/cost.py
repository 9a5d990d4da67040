"""What can be counted of a model: its parameters and the multiply-accumulates of a clip."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rcn_bench.analysis.operators import formulas, is_free, operator_name
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def count_gmacs(model: nn.Module, clip: Tensor) -> float:
    """Multiply-accumulates (in 1e9) of convolutions, linear layers, matrix products, attention and recurrences.

    clip: (N, 3, T, H, W); the count is for all N clips. The model runs once, and each of torch's basic operators that
    it comes down to is counted, or is known to sum no products and free: element-wise ones, batch norm, pooling and
    reshaping, as in most papers (docs/counting.md).
    Errors: InputError that names the operators of which neither is known.
    """
    model = copy.deepcopy(model).eval()  # in train mode a run would move batch norm's statistics
    with torch.no_grad(), _attention_in_parts(), _Counter() as counter:
        model(clip)
    if counter.unknown:
        raise InputError(
            f"operators whose multiply-accumulates are not known: {', '.join(sorted(counter.unknown))}; give each a "
            "formula with torch.utils.flop_counter.register_flop_formula, or use others"
        )
    return counter.flops / 2 / 1e9


def count_step_gmacs(model: FrameNet, clip: Tensor) -> float:
    """Likewise of a new frame of live video, with the state of those before it. clip: of two frames or more."""
    return count_gmacs(_OneStep(model.eval(), clip[:, :, 0]), clip[:, :, -1])


class _OneStep(nn.Module):
    """A frame of a stream, after the first."""

    def __init__(self, model: FrameNet, first: Tensor) -> None:
        super().__init__()
        self.model = model
        with torch.no_grad():
            _, self.state = model.step(first, model.initial_state(len(first)))

    def forward(self, frame: Tensor) -> Tensor:
        return self.model.step(frame, self.state)[0]


class _Counter(TorchDispatchMode):
    """Adds up the FLOPs of all operators that run under it, and keeps the names of those that are not known."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.unknown: set[str] = set()
        self._formulas = formulas()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        with self:  # one that is made of others is counted as those
            result = function.decompose(*arguments, **keywords)
        if result is not NotImplemented:
            return result
        result = function(*arguments, **keywords)
        if formula := self._formulas.get(function.overloadpacket):
            self.flops += formula(*arguments, **keywords, out_val=result)
        elif not is_free(function, (arguments, keywords)):
            self.unknown.add(operator_name(function))
        return result


@contextmanager
def _attention_in_parts() -> Iterator[None]:
    """Without nn.MultiheadAttention's short cut, one operator for projections and attention."""
    short_cut = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(short_cut)
