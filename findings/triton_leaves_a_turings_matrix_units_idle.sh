#!/usr/bin/env bash
# triton 3.8.0, for compute capability 7.5 (Turing: T4, RTX 20) and 8.0. No GPU is needed.
#
# Guess: tl.dot of float16 runs on a Turing's matrix units, which multiply float16, as a product by cuBLAS does there, or
# is refused.
# Seen: it compiles without a word to scalar multiply-adds, none on the matrix units, from operands in shared memory.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0

cat > turing.py <<'P'
import re
import subprocess
import sys
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


@triton.jit
def product(a, b, out):
    row, column = tl.arange(0, 64)[:, None], tl.arange(0, 64)[None, :]
    at = row * 64 + column
    tl.store(out + at, tl.dot(tl.load(a + at), tl.load(b + at)))


def counts(capability):
    """Of instructions of the matrix units, and of multiply-adds of single numbers."""
    signature = {"a": "*fp16", "b": "*fp16", "out": "*fp32"}
    aligned = {(argument,): [["tt.divisibility", 16]] for argument in range(3)}
    source = ASTSource(fn=product, signature=signature, constexprs={}, attrs=aligned)
    program = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4})
    (file := Path(f"{capability}.cubin")).write_bytes(program.asm["cubin"])
    told = subprocess.run([CUOBJDUMP, "-sass", file], capture_output=True, text=True, check=True).stdout
    return len(re.findall(r"\bHMMA", told)), len(re.findall(r"\bFFMA", told))


print("triton", triton.__version__)
seen = {capability: counts(capability) for capability in (75, 80)}
for capability, (units, single) in seen.items():
    print(f"capability {capability / 10}: {units} instructions of matrix units, {single} single multiply-adds")
sys.exit(0 if seen[75][0] == 0 and seen[75][1] > 500 and seen[80][0] > 0 and seen[80][1] == 0 else 1)
P
venv/bin/python turing.py
