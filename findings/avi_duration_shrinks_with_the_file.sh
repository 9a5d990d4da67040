#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1): half an AVI says that it is half as long, so its duration cannot tell that it was cut.
#
# Guess: duration and frame count come from the header, which was written when the recording ended; a file that lost its
# second half still claims the whole, as an MP4 or a WebM does.
# Seen: with the index at the end gone, FFmpeg scales the duration of an AVI down to the bytes that are left: the first
# half of 4 seconds says about 2 s. The header's own count of frames is not shown; it must be read from the file.
# Matroska keeps its 4 s.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 numpy==2.4.0
venv/bin/python - <<'PYTHON'
import sys

import av
import numpy as np


def seconds(name, codec, share):
    rng = np.random.default_rng(0)
    with av.open(name, "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        for i in range(100):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (64, 64, 3), np.uint8), format="rgb24")
            frame.pts = i
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with open(name, "rb") as file:
        content = file.read()
    with open(name, "wb") as file:
        file.write(content[: int(share * len(content))])
    with av.open(name) as file:
        return round((file.duration or 0) / av.time_base, 1)


found = {name: [seconds(name, codec, share) for share in (1, 0.5)] for name, codec in (("a.avi", "mpeg4"), ("a.mkv", "mpeg4"))}
print(f"PyAV {av.__version__}: seconds that a file of 4 s says, whole and cut in half: {found}")
sys.exit(0 if found["a.avi"][0] == 4.0 and found["a.avi"][1] < 3 and found["a.mkv"] == [4.0, 4.0] else 1)
PYTHON
