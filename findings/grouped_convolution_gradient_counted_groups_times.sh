#!/usr/bin/env bash
# torch 2.14.1: FlopCounterMode counts the weight gradient of a grouped convolution as often as there are groups.
#
# Guess: a backward pass has twice the products of its forward pass, whatever the groups: as many for the gradient of the
# input as for that of the weights.
# Seen: so it is without groups. With them the gradient of the weights counts as if each filter met all channels, as
# many times too much as there are groups, in 2D, in 3D and transposed; the forward pass and the gradient of the input
# are right. A depthwise convolution of 16 channels counts 17 times its forward pass in place of twice. The share of a
# GPU's peak that a training reaches, told by this counter, is that much too high for networks of such layers, as
# X3D, CSN and MobileNets are.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.0
venv/bin/python -W ignore - <<'PYTHON'
import sys

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def flops(function):
    with FlopCounterMode(display=False) as counter:
        result = function()
    return counter.get_total_flops(), result


def counted(layer, of_input):
    """Of the backward pass, in forward passes."""
    clip = torch.randn(2, 16, *[8] * (layer.weight.dim() - 2)).requires_grad_(of_input)
    forward, out = flops(lambda: layer(clip))
    backward, _ = flops(out.sum().backward)
    (gradient,) = torch.autograd.grad(layer(clip).sum(), layer.weight)
    assert gradient.shape == layer.weight.shape  # one number for each weight, of as many products as it made
    return backward / forward


right = True
for kind in (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d):
    for groups in (1, 2, 16):
        layer = kind(16, 16, 3, padding=1, groups=groups, bias=False)
        both, of_weights = counted(layer, of_input=True), counted(layer, of_input=False)
        print(
            f"torch {torch.__version__}: {kind.__name__}, {groups} groups: backward counts {both:g} times the forward "
            f"pass (2 are right), of them the gradient of the weights {of_weights:g} (1 is)"
        )
        right &= (both, of_weights) == (1 + groups, groups)
sys.exit(0 if right else 1)
PYTHON
