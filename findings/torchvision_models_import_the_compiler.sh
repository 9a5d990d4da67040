#!/usr/bin/env bash
# torchvision 0.29.1 with torch 2.14.1: importing its networks imports torch's compiler, sharded training and sympy.
#
# Guess: `import torchvision.models` adds layers, images and a few compiled operators to torch; torch._dynamo comes with
# the first torch.compile, torch.distributed.fsdp with whoever shards, and neither with a ResNet that only classifies.
# Seen: an operator for boxes asks the compiler at import whether it is there. So nearly as many modules come with
# the networks as torch itself brings, and a program that builds a ResNet starts a second later.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 torchvision==0.29.1 numpy==2.4.6

cat > imports.py <<'P'
import sys
import time

asked = ("torch._dynamo", "torch.distributed.fsdp", "torch.distributed.tensor", "sympy")


def there():
    return [name for name in asked if name in sys.modules]


import torch

with_torch, of_torch, begun = there(), len(sys.modules), time.perf_counter()
import torchvision.models

seconds, more = time.perf_counter() - begun, len(sys.modules) - of_torch
print(f"torch {torch.__version__} torchvision {torchvision.__version__}")
print(f"import torch: {of_torch} modules, of those asked for: {with_torch}")
print(f"import torchvision.models: {more} more in {seconds:.1f} s, of those asked for: {there()}")
sys.exit(0 if not with_torch and there() == list(asked) else 1)
P
venv/bin/python imports.py
