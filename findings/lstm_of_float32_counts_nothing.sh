#!/usr/bin/env bash
# torch 2.14.1 on a CPU: FlopCounterMode counts an LSTM in float64, and none of it in float32.
#
# Guess: a layer's FLOPs do not depend on the type of its numbers; a GRU and an LSTM are counted alike.
# Seen: in float32 the LSTM is one operator of oneDNN, mkldnn_rnn_layer, for which torch has no formula, so that it adds
# 0 without a word; in float64 torch takes it apart into matrix products. A GRU is taken apart in both. Attention is 0
# too where the CPU has a kernel for it, and whole where values have fewer channels than queries, which that kernel
# refuses.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.0
venv/bin/python -W ignore - <<'PYTHON'
import sys

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as attend
from torch.utils.flop_counter import FlopCounterMode


def macs(function, *inputs):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        function(*inputs)
    return counter.get_total_flops() / 2


steps, channels, units = 10, 8, 16
x = torch.randn(steps, 1, channels)
found, true = {}, {}
for kind, gates in ((nn.LSTM, 4), (nn.GRU, 3)):
    for dtype in (torch.float32, torch.float64):
        found[f"{kind.__name__}, {dtype}"] = macs(kind(channels, units, dtype=dtype), x.to(dtype))
        true[f"{kind.__name__}, {dtype}"] = steps * gates * units * (channels + units)
heads = torch.randn(1, 2, steps, channels)
for values in (channels, channels - 2):
    found[f"attention, values of {values}"] = macs(attend, heads, heads, heads[..., :values])
    true[f"attention, values of {values}"] = 2 * steps * steps * (channels + values)
for name, count in found.items():
    print(f"torch {torch.__version__}: {name}: {count:g} multiply-accumulates of {true[name]}")
nothing = {"LSTM, torch.float32", f"attention, values of {channels}"}
sys.exit(0 if found == {name: 0 if name in nothing else true[name] for name in true} else 1)
PYTHON
