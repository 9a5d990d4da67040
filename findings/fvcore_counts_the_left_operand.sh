#!/usr/bin/env bash
# fvcore 0.1.5.post20221221: one matrix times a batch is counted as one product, the batch times a matrix as many.
#
# Guess: `weight @ batch` of shapes (6, 10) and (5, 10, 7) is five products, 5 * 6 * 10 * 7 multiply-accumulates, as bmm
# has them and as torch's own counter says; an outer product sums nothing, so it has its 490 products or none.
# Seen: matmul is counted from all of its left operand and the last axis of its right one: 420, a fifth, and neither
# a warning nor an unsupported operator tells. A matrix times a vector is an IndexError. `einsum` without a sum counts
# half of its products, 245, since numpy's count of it, one operation a product there, is halved as if it were two.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.0 fvcore==0.1.5.post20221221
venv/bin/python -W ignore - <<'PYTHON'
import sys

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Product(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def counted(function, x):
    analysis = FlopCountAnalysis(Product(function), x)
    try:
        total = analysis.total()
    except IndexError:
        return "IndexError"
    return total if not analysis.unsupported_ops() else "unsupported"


def of_torch(function, x):
    with FlopCounterMode(display=False) as counter:
        function(x)
    return counter.get_total_flops() / 2


batch, left, right, vector = torch.randn(5, 10, 7), torch.randn(6, 10), torch.randn(7, 6), torch.randn(7)
products = {
    "matrix @ batch": lambda x: left @ x,
    "batch @ matrix": lambda x: x @ right,
    "matrix @ batch, expanded, by bmm": lambda x: torch.bmm(left.expand(5, 6, 10), x),
    "matrix @ vector": lambda x: x[0] @ vector,
    "einsum('ij,k->ijk'), 490 products": lambda x: torch.einsum("ij,k->ijk", x[0], vector),
}
found = {name: counted(function, batch) for name, function in products.items()}
for name, count in found.items():
    print(f"fvcore 0.1.5.post20221221: {name}: {count}; torch {torch.__version__}: {of_torch(products[name], batch):g}")
sys.exit(0 if list(found.values()) == [420, 2100, 2100, "IndexError", 245] else 1)
PYTHON
