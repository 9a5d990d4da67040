#!/usr/bin/env bash
# ptflops 0.7.5 and thop 0.1.1: a subclass of a convolution counts nothing; torchinfo 1.8.0: it must be called Conv.
#
# Guess: counters that go by layers ask isinstance; a Conv2d with a forward pass or a constructor of its own, as
# torchvision's Conv3DSimple (all of r3d_18 but its stem), counts as the Conv2d that it is. And ptflops takes its aten
# backend, since its README says "The default backend is `aten`".
# Seen: ptflops' default is backend="pytorch", whose layers and thop's are looked up by type(layer) exactly: 0 for any
# subclass, without a word unless verbose. torchinfo asks whether "Conv" is in the class's name: if not, each
# weight counts once an image instead of once a position. ptflops with backend="aten" is right.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.0 ptflops==0.7.5 thop==0.1.1.post2209072238 torchinfo==1.8.0
venv/bin/python -W ignore - <<'PYTHON'
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import metadata
from io import StringIO

import torch
from ptflops import get_model_complexity_info
from thop import profile
from torch import nn
from torchinfo import summary

class MyConv(nn.Conv2d):
    pass


class Mine(nn.Conv2d):
    pass


counters = {
    "ptflops": lambda net, x: get_model_complexity_info(net, tuple(x.shape[1:]), False, False)[0],
    'ptflops, backend="aten"': lambda net, x: get_model_complexity_info(
        net, tuple(x.shape[1:]), False, False, backend="aten"
    )[0],
    "thop": lambda net, x: int(profile(net, (x,), verbose=False)[0]),
    "torchinfo": lambda net, x: summary(net, input_data=x, verbose=0).total_mult_adds,
}
x, found, said = torch.zeros(1, 4, 12, 12), {}, StringIO()
for name, count in counters.items():
    with redirect_stdout(said), redirect_stderr(said):
        found[name] = [count(nn.Sequential(kind(4, 8, 3, bias=False)).eval(), x) for kind in (nn.Conv2d, MyConv, Mine)]
    print(f"{name}: Conv2d {found[name][0]}, as class MyConv {found[name][1]}, as class Mine {found[name][2]}")
promised = "The default backend is `aten`" in metadata("ptflops").get_payload()
print(f"ptflops' README names aten its default: {promised}; all that they said: {said.getvalue()!r}")
right, weights = 10 * 10 * 8 * 4 * 9, 8 * 4 * 9
expected = [[right, 0, 0], [right] * 3, [right, 0, 0], [right, right, weights]]
sys.exit(0 if list(found.values()) == expected and promised else 1)
PYTHON
