"""What can be counted of a model: its parameters and the multiply-accumulates of a clip."""

import copy
import logging
import warnings
from collections import Counter
from typing import Any

from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.ops import scan_macs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # fvcore scripts a function when imported, which torch deprecates
    from fvcore.nn import FlopCountAnalysis

# Operators that fvcore has no count for and that hold no multiply-accumulates of the kind counted here.
UNCOUNTED = {
    *("aten::add", "aten::add_", "aten::mul", "aten::mul_", "aten::where", "aten::div", "aten::mean", "aten::clone"),
    *("aten::max_pool2d", "aten::max_pool3d", "aten::avg_pool2d", "aten::adaptive_avg_pool3d"),
    *("aten::sigmoid", "aten::silu", "aten::hardswish", "aten::hardsigmoid", "aten::gelu", "aten::softmax"),
    *("aten::unflatten", "aten::expand", "aten::expand_as", "aten::ones_like", "aten::zeros_like", "aten::pad"),
}
COUNTED = ("conv", "linear", "matmul", "mm", "addmm", "bmm", "einsum", "recurrent_scan")


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def count_gmacs(model: nn.Module, clip: Tensor) -> float:
    """Multiply-accumulates (in 1e9) of convolutions, linear layers, matrix products and recurrent scans.

    clip: (N, 3, T, H, W); the count is for all N clips. Batch norm and pooling are left out, as in most papers.
    Errors: InputError if the model runs an operator that would be counted as zero.
    """
    model = copy.deepcopy(model).eval()  # fvcore runs the model: in train mode that would move batch norm's statistics
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    analysis = FlopCountAnalysis(model, clip)
    analysis.set_op_handle("rcn_bench::recurrent_scan", _scan_handle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's warnings about Python ints in shapes
        counts = analysis.by_operator()
        unknown = set(analysis.unsupported_ops()) - UNCOUNTED
    if unknown:
        raise InputError(
            f"operators without a count: {', '.join(sorted(unknown))}; add them to UNCOUNTED or give them a handle in "
            f"{__name__}"
        )
    return sum(counts[kind] for kind in COUNTED) / 1e9


def _scan_handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"recurrent_scan": scan_macs(*inputs[0].type().sizes())})
