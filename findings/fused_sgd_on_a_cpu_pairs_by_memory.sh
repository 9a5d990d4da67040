#!/usr/bin/env bash
# torch 2.14.1: on a CPU a fused optimizer updates the wrong weights where gradients lie in memory in another order.
#
# Guess: fused=True changes how fast SGD and Adam are, not what they compute; with a weight in channels last and a
# gradient that is contiguous they are right as without it, or refuse, as they do on a GPU.
# Seen: no error; weights and gradients are paired by their place in memory. With fused=False both layouts get the same
# update. Gradients of autograd lie as their weights do; those that are assigned or averaged by hand may not.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.6

cat > update.py <<'P'
import torch

torch.manual_seed(0)
start, gradient = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)


def updated(optimizer, layout, fused):
    weight = torch.nn.Parameter(start.clone(memory_format=layout))
    weight.grad = gradient.clone()
    optimizer([weight], lr=0.1, fused=fused).step()
    return weight.detach()


for optimizer in (torch.optim.SGD, torch.optim.Adam):
    for fused in (False, True):
        plain, last = (updated(optimizer, layout, fused) for layout in (torch.contiguous_format, torch.channels_last))
        how = "fused" if fused else "plain"
        print(optimizer.__name__, how, "same" if torch.allclose(plain, last) else "other")
P
said=$(venv/bin/python update.py | paste -sd';')
[ "$said" = "SGD plain same;SGD fused other;Adam plain same;Adam fused other" ] || { echo "changed: $said"; exit 1; }
echo "torch 2.14.1: fused SGD and Adam on a CPU pair channels-last weights with contiguous gradients by memory"
