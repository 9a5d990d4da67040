#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1): the "best" video stream of a file is not the largest.
#
# Guess: streams.best("video") is the main picture, since it is what players are said to take: a preview of 16x12 beside
# one of 640x480 is never it.
# Seen: size is not asked. FFmpeg ranks by flags, by frames seen and by the bit rate that a stream states; in MPEG-TS and
# Matroska streams state none, so the first one is best, in Matroska even where both are marked as default. In an AVI the
# larger one wins by its rate, and anywhere a stream with a flag that the other lacks.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 numpy==2.4.0
venv/bin/python - <<'PYTHON'
import sys

import av
import numpy as np


def best(name, dispositions=(None, None)):
    rng = np.random.default_rng(0)
    with av.open(name, "w") as file:
        streams = []
        for (height, width), disposition in zip([(12, 16), (480, 640)], dispositions):
            stream = file.add_stream("mpeg4", rate=12)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            if disposition is not None:
                stream.disposition = disposition
            streams.append(stream)
        for i in range(12):
            for stream in streams:
                image = rng.integers(0, 256, (stream.height, stream.width, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = i
                file.mux(stream.encode(frame))
        for stream in streams:
            file.mux(stream.encode(None))
    with av.open(name) as file:
        return file.streams.best("video").width


marks = av.stream.Disposition
found = {name: best(name) for name in ("a.avi", "a.ts")}
found["a.mkv, both default"] = best("a.mkv", (marks.default, marks.default))
found["a.mkv, the large one default"] = best("a.mkv", (marks(0), marks.default))
print(f"PyAV {av.__version__}: width of the best video stream: {found}")
sys.exit(0 if list(found.values()) == [640, 16, 16, 640] else 1)
PYTHON
