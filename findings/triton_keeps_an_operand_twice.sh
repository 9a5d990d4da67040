#!/usr/bin/env bash
# Triton 3.8.0: a product before a loop, by the weights that the loop multiplies by, doubles the shared memory.
#
# Guess: w is loaded once and converted once, so it is one value; a step taken before the loop and the steps in it read
# the same copy, whatever type w has in memory.
# Seen (compiled for compute capability 9.0, which needs no GPU): where w, 256x256, is float32 in memory and bfloat16 for
# the products, each tl.dot gets a copy of its own: 144 KiB with the loop alone, 272 with one more product before it,
# more than the 227 that a program may have, so that it compiles and cannot be launched. With w in bfloat16 in memory it
# is 144 both times. Taking the first step inside the loop mends it.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0

cat > shared.py <<'P'
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def steps(w_pointer, h_pointer, number, peeled: tl.constexpr):
    row, column = tl.arange(0, 32)[:, None], tl.arange(0, 256)[None, :]
    h = tl.load(h_pointer + row * 256 + column)
    w = tl.load(w_pointer + tl.arange(0, 256)[:, None] * 256 + column).to(h.dtype)
    if peeled:
        h = tl.dot(h, w).to(h.dtype)
        tl.store(h_pointer + row * 256 + column, h)
    for step in range(number):
        h = tl.dot(h, w).to(h.dtype)
        tl.store(h_pointer + (step + 1) * 8192 + row * 256 + column, h)


for of_w, peeled in (("*bf16", False), ("*bf16", True), ("*fp32", False), ("*fp32", True)):
    signature = {"w_pointer": of_w, "h_pointer": "*bf16", "number": "i32", "peeled": "constexpr"}
    aligned = {(place,): [["tt.divisibility", 16]] for place in (0, 1)}
    source = ASTSource(fn=steps, signature=signature, constexprs={"peeled": peeled}, attrs=aligned)
    print(triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8}).metadata.shared)
P
said=$(venv/bin/python shared.py | paste -sd' ')
echo "bytes of shared memory, a loop alone and with a product before it; of bfloat16, of float32: $said"
[ "$said" = "147456 147456 147456 278528" ] || { echo "changed"; exit 1; }
