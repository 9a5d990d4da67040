#!/usr/bin/env bash
# Triton 3.8.0: TRITON_INTERPRET set before a kernel is defined, but after triton is imported, interprets half.
#
# Guess: the variable is read where a function is decorated, so a test may set it before it loads a module of kernels,
# whoever imported triton before (torch does); then the kernel runs on a CPU, with all that it calls.
# Seen: the kernel is interpreted, and tl.arange, tl.load, tl.dot, tl.minimum work; functions of triton.language that are
# written in Triton themselves, such as tl.cdiv and tl.sum, were decorated at the import of triton and end in an error.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0 torch==2.14.1 numpy==2.4.6

cat > kernels.py <<'P'
import triton
import triton.language as tl


@triton.jit
def least(x_pointer, number):
    tl.store(x_pointer, tl.minimum(number, 3).to(tl.float32))


@triton.jit
def divided(x_pointer, number):
    tl.store(x_pointer, tl.cdiv(number, 3).to(tl.float32))


@triton.jit
def summed(x_pointer, number):
    tl.store(x_pointer, tl.sum(tl.load(x_pointer + tl.arange(0, 4))) + number)
P
cat > run.py <<'P'
import os
import sys

import torch

if "late" in sys.argv:
    import triton  # noqa: F401

    os.environ["TRITON_INTERPRET"] = "1"
import kernels

for kernel in (kernels.least, kernels.divided, kernels.summed):
    x = torch.zeros(4)
    try:
        kernel[(1,)](x, 7)
        print(kernel.__name__, x[0].item())
    except Exception as error:
        print(kernel.__name__, type(error).__name__)
P
early=$(TRITON_INTERPRET=1 venv/bin/python run.py | paste -sd';')
late=$(venv/bin/python run.py late | paste -sd';')
echo "set before the start: $early"
echo "set before the kernels: $late"
[ "$early" = "least 3.0;divided 3.0;summed 7.0" ] || { echo "changed"; exit 1; }
[ "$late" = "least 3.0;divided InterpreterError;summed InterpreterError" ] || { echo "changed"; exit 1; }
