#!/usr/bin/env bash
# triton 3.8.0 (ptxas of its package), for compute capability 9.0. No GPU is needed.
#
# Guess: a loop that asks for the next values while it works on these, and carries them to its next iteration, hides
# the way to memory: nobody waits for them before they are used. 16 bits or 32 make no difference but in bytes.
# Seen: 16-bit values come two to a register and are carried one to a register. They are taken apart at the end of the
# iteration that asked for them, which so waits for memory each time; 32-bit values are not touched there.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0

cat > prefetch.py <<'P'
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
def scan(x, out, steps, size: tl.constexpr):
    place = tl.arange(0, size)
    state = tl.load(x + place).to(tl.float32)
    following = tl.load(x + size + place)
    for step in range(1, steps):
        here = following
        following = tl.load(x + (step + 1) * size + place)
        state = tl.sqrt(state * state + here.to(tl.float32))
        tl.store(out + step * size + place, state.to(here.dtype))


def instructions(kind):
    """Of the loop: what to do, and with which registers, the first of them the result."""
    signature = {"x": f"*{kind}", "out": f"*{kind}", "steps": "i32", "size": "constexpr"}
    aligned = {(argument,): [["tt.divisibility", 16]] for argument in range(2)}
    source = ASTSource(fn=scan, signature=signature, constexprs={"size": 1024}, attrs=aligned)
    program = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4})
    (file := Path(f"{kind}.cubin")).write_bytes(program.asm["cubin"])
    told = subprocess.run([CUOBJDUMP, "-sass", file], capture_output=True, text=True, check=True).stdout
    lines = [(int(at, 16), what) for at, what in re.findall(r"/\*([0-9a-f]{4})\*/\s+(.*?);", told)]
    ends = [(int(match[1], 16), at) for at, what in lines if (match := re.search(r"BRA 0x([0-9a-f]+)", what))]
    start, end = next((start, end) for start, end in ends if start < end)
    return [what for at, what in lines if start <= at <= end]


def moves_of_what_was_just_loaded(loop):
    found, loaded = 0, set()
    for what in loop:
        registers = [int(number) for number in re.findall(r"\bR(\d+)\b", what)]
        if "LDG.E.128" in what:
            loaded |= set(range(registers[0], registers[0] + 4))
        elif re.match(r"(PRMT|MOV)\b", what):
            found += bool(loaded & set(registers[1:]))
    return found


print("triton", triton.__version__)
seen = {kind: moves_of_what_was_just_loaded(instructions(kind)) for kind in ("fp16", "bf16", "fp32")}
for kind, count in seen.items():
    print(f"{kind}: {count} moves of values that the same iteration has asked for")
sys.exit(0 if seen["fp16"] > 3 and seen["bf16"] > 3 and seen["fp32"] == 0 else 1)
P
venv/bin/python prefetch.py
