#!/usr/bin/env bash
# triton 3.8.0, for compute capability 9.0. No GPU is needed.
#
# Guess: an annotation of a name inside a kernel, such as `frames: tuple = ()` to please a type checker, means nothing:
# Python never evaluates annotations of local names.
# Seen: the compiler does, among the names that kernels know. `tuple` is none, though tuples work, so it is a NameError
# when it is compiled, at the first launch; without the annotation the same kernel compiles.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet triton==3.8.0

cat > annotated.py <<'P'
import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def annotated(x, out):
    place = tl.arange(0, 64)
    parts: tuple = ()
    for i in tl.static_range(2):
        parts += (tl.load(x + i * 64 + place),)
    tl.store(out + place, parts[0] + parts[1])


@triton.jit
def plain(x, out):
    place = tl.arange(0, 64)
    parts = ()
    for i in tl.static_range(2):
        parts += (tl.load(x + i * 64 + place),)
    tl.store(out + place, parts[0] + parts[1])


def told(kernel):
    source = ASTSource(fn=kernel, signature={"x": "*fp32", "out": "*fp32"}, constexprs={})
    try:
        triton.compile(source, target=GPUTarget("cuda", 90, 32))
    except Exception as error:
        return str(error).splitlines()[-1]
    return "compiles"


def in_python():
    """What Python itself does with such an annotation, even of a name that there is none of."""
    parts: nothing_of_this_name = ()
    return "runs" if parts == () else "does not"


print("triton", triton.__version__)
seen = {"Python": in_python(), "annotated": told(annotated), "plain": told(plain)}
for what, result in seen.items():
    print(f"{what}: {result}")
sys.exit(0 if seen == {"Python": "runs", "annotated": "NameError('tuple is not defined')", "plain": "compiles"} else 1)
P
venv/bin/python annotated.py
