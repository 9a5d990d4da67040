#!/usr/bin/env bash
# PyAV 18.1.0: the side data of a frame cannot be asked for at all if the picture has Exif data.
#
# Guess: frame.side_data is a mapping of what is there, of which one takes the display matrix to turn a picture.
# Seen: for a JPEG with an Exif orientation it raises ValueError ("31 is not a valid Type"), since one entry is of a
# kind that FFmpeg has and PyAV's enumeration lacks; the display matrix beside it is out of reach. frame.rotation still
# gives the angle, but a mirror image is lost with the matrix.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 pillow==13.0.0 numpy==2.4.0
venv/bin/python - <<'PYTHON'
import io
import sys

import av
import numpy as np
from PIL import Image


def told(orientation):
    exif, file = Image.Exif(), io.BytesIO()
    if orientation:
        exif[0x0112] = orientation
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, "JPEG", exif=exif)
    file.seek(0)
    with av.open(file, format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
        try:
            return frame.rotation, f"{len(frame.side_data)} entries"
        except ValueError as error:
            return frame.rotation, str(error)


for orientation in (None, 6):
    print(f"PyAV {av.__version__}, orientation {orientation}: rotation and side data {told(orientation)}")
sys.exit(0 if told(None)[1] == "0 entries" and told(6)[0] == -90 and "is not a valid" in told(6)[1] else 1)
PYTHON
