"""Multiply-accumulates by fvcore: a second count, from a trace in place of torch's operators as they run."""

import copy
import logging
import math
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from rcn_bench.analysis.operators import sums_no_products
from rcn_bench.errors import warn
from rcn_bench.ops import scan_macs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # fvcore scripts a function when imported, which torch deprecates
    from fvcore.nn import FlopCountAnalysis

PRODUCTS = ("conv", "linear", "matmul", "mm", "addmm", "bmm", "einsum", "recurrent_scan")  # of what fvcore counts


def hold_against_fvcore(gmacs: float, model: nn.Module, clip: Tensor, name: str) -> None:
    """Say so in a line where fvcore, if it knows all that the model runs, counts otherwise than ``gmacs``.

    Each counter has its faults (docs/counting.md); that both have the same one for the same network is unlikely.
    """
    second = gmacs_by_fvcore(model, clip)
    if second is not None and not math.isclose(second, gmacs, rel_tol=1e-6):
        warn(f"{name}: {gmacs:.6g} GMACs by torch's operators, {second:.6g} by fvcore; docs/counting.md says why")


def gmacs_by_fvcore(model: nn.Module, clip: Tensor) -> float | None:
    """Multiply-accumulates (in 1e9) of a clip (N, 3, T, H, W); None where fvcore does not know an operator."""
    model = copy.deepcopy(model).eval()  # which it runs: in train mode that would move batch norm's statistics
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    analysis = FlopCountAnalysis(model, clip)
    analysis.set_op_handle("rcn_bench::recurrent_scan", _scan_handle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's warnings about Python ints in shapes
        counts = analysis.by_operator()
        unknown = [name for name in analysis.unsupported_ops() if not sums_no_products(_overload(name))]
    return None if unknown else sum(counts[kind] for kind in PRODUCTS) / 1e9


def _scan_handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"recurrent_scan": scan_macs(*inputs[0].type().sizes())})


def _overload(name: str) -> OpOverload:
    """One of those of an operator such as aten::mul_, which are all of one kind."""
    namespace, _, operator = name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), operator)
    return getattr(packet, packet.overloads()[0])
