#!/usr/bin/env bash
# triton 3.8.0, for compute capability 8.0 and 9.0. No GPU is needed.
#
# Guess: a matrix that is loaded before a loop and multiplied in every iteration is put into the registers that the
# matrix units read it from once, if there are enough; whether the loop is a `for` or a `while` is a matter of taste.
# Seen: in a `for` the compiler moves the last move of it, from shared memory to registers, back into the loop, so that
# all of it is read in every iteration. In a `while`, which that step of the compiler does not look at, it stays.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0

cat > loops.py <<'P'
import re
import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def with_for(x, w, out, steps):
    row, channel = tl.arange(0, 16), tl.arange(0, 128)
    weights = tl.load(w + channel[:, None] * 128 + channel[None, :]).to(tl.float16)
    state = tl.load(x + channel[:, None] * 16 + row[None, :])
    for step in range(steps):
        state = tl.dot(weights, state).to(tl.float16)
    tl.store(out + channel[:, None] * 16 + row[None, :], state)


@triton.jit
def with_while(x, w, out, steps):
    row, channel = tl.arange(0, 16), tl.arange(0, 128)
    weights = tl.load(w + channel[:, None] * 128 + channel[None, :]).to(tl.float16)
    state = tl.load(x + channel[:, None] * 16 + row[None, :])
    step = 0
    while step < steps:
        state = tl.dot(weights, state).to(tl.float16)
        step += 1
    tl.store(out + channel[:, None] * 16 + row[None, :], state)


def fetches(kernel, capability):
    """How often all of the weights are read from shared memory within the loop."""
    signature = {"x": "*fp16", "w": "*fp32", "out": "*fp16", "steps": "i32"}
    aligned = {(argument,): [["tt.divisibility", 16]] for argument in range(3)}
    source = ASTSource(fn=kernel, signature=signature, constexprs={}, attrs=aligned)
    program = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4})
    loop = re.split(r"scf\.(?:for|while) ", program.asm["ttgir"])[1]
    return sum("local_load" in line and "128x128" in line for line in loop.splitlines())


print("triton", triton.__version__)
seen = {}
for capability in (80, 90):
    for kernel in (with_for, with_while):
        seen[capability, kernel.__name__] = fetches(kernel, capability)
        print(f"capability {capability / 10}, {kernel.__name__}: fetched {seen[capability, kernel.__name__]} times a step")
wanted = {(80, "with_for"): 1, (80, "with_while"): 0, (90, "with_for"): 1, (90, "with_while"): 0}
sys.exit(0 if seen == wanted else 1)
P
venv/bin/python loops.py
