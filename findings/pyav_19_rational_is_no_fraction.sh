#!/usr/bin/env bash
# PyAV 19.0.2: rates and ticks of streams say that they are numbers.Rational, and cannot be rounded nor made an int;
# the square of a tick of 1/90000 is 0.
#
# Guess: they were fractions.Fraction until PyAV 18; what replaces them is a Rational, equal to the Fraction and with
# its hash, so code that counts with them goes on, and what a file does not say is still None.
# Seen: round(), int(), abs(), // and a format such as ".2f" raise TypeError, while math.floor() and float() work. Two
# of them multiply in 32 bits, to the nearest ratio that fits, without a word: the tick of an MPEG-TS squared, as a
# variance in seconds needs it, is 0, and so is tick * tick * n, but not n * tick * tick, since a product with an int is
# an exact Fraction. A shape of pixels that the file does not tell is not None but zero, and Fraction() of 1/0 is
# Fraction(1, 0), without an error.
set -euo pipefail
cd "$(mktemp -d)"
for python in python3 python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2> /dev/null && break # as PyAV 19 needs
done
"$python" -m venv venv
venv/bin/pip install --quiet av==19.0.2
venv/bin/python - <<'PYTHON'
import math
import sys
from fractions import Fraction
from numbers import Rational

import av


def outcome(function, value):
    try:
        return str(function(value))
    except TypeError:
        return "TypeError"


with av.open("a.ts", "w") as file:
    stream = file.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for number in range(50):
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts = number
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
with av.open("a.ts") as file:
    rate, tick = file.streams.video[0].average_rate, file.streams.video[0].time_base
    unsaid = file.streams.video[0].sample_aspect_ratio
twin = Fraction(rate.numerator, rate.denominator)
as_one = isinstance(rate, Rational) and rate == twin and hash(rate) == hash(twin)
functions = {"round": round, "int": int, "abs": abs, "// 1": lambda x: x // 1, ".2f": lambda x: format(x, ".2f")}
others = {"floor": math.floor, "float": float}
found = {name: outcome(function, rate) for name, function in (functions | others).items()}
squares = tick * tick * 10**9, 10**9 * tick * tick
infinite = Fraction(av.AVRational(1, 0))
print(f"PyAV {av.__version__}: {rate!r} is a Rational, equals its Fraction and has its hash: {as_one}; of it {found}")
print(f"tick {tick!r}: tick * tick * 10**9 is {squares[0]!r}, 10**9 * tick * tick is {squares[1]!r}")
print(f"the shape of pixels that no one told: {unsaid!r}; Fraction of 1/0: {infinite!r}")
failed = [name for name, said in found.items() if said == "TypeError"]
vanished = squares[0] == 0 and squares[1] == Fraction(10**9, 90000**2)
unlike = unsaid is not None and unsaid == 0 and infinite.denominator == 0
sys.exit(0 if as_one and failed == list(functions) and vanished and unlike else 1)
PYTHON
