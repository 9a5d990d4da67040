#!/usr/bin/env bash
# PyAV 18.1.0 (x264 core 165): in one thread, with default settings, x264 compresses the same frames to other bytes at
# each call, which decode to other pictures.
#
# Guess: x264 is deterministic: the same frames, settings and number of threads give the same file. Only the number of
# threads, or another version, may change it.
# Seen: of 16 encodings of the same 40 frames in one process several differ, and decode to other pictures. With
# mbtree=0 all are alike, and with asm=0, which points to the vector code of mbtree; at a constant QP, as qp=0, which is
# lossless, there is no mbtree, and all are alike too. Seen on an AMD EPYC; PyAV 19.0.2 does the same.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet av==18.1.0 numpy==2.4.0
venv/bin/python - <<'PYTHON'
import hashlib
import io
import sys

import av
import numpy as np

HEIGHT, WIDTH = 256, 340


def frames(seed):
    """Blocks that move, with some noise."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (HEIGHT // 8 + 4, WIDTH // 8 + 4, 3)).astype(np.uint8)
    scene = np.kron(blocks, np.ones((8, 8, 1), np.uint8)).astype(int)
    for number in range(40):
        top, left = 2 * number % 16, 3 * number % 16
        image = scene[top : top + HEIGHT, left : left + WIDTH] + rng.integers(-6, 7, (HEIGHT, WIDTH, 3))
        rgb = av.VideoFrame.from_ndarray(np.clip(image, 0, 255).astype(np.uint8), format="rgb24")
        yield rgb.reformat(format="yuv420p").to_ndarray()


def encoded(images, options):
    """What is compressed, and what it decodes to, by their hashes."""
    content, packets, pictures = io.BytesIO(), hashlib.sha256(), hashlib.sha256()
    with av.open(content, "w", format="matroska") as file:
        stream = file.add_stream("libx264", rate=30, options=options)
        stream.height, stream.width, stream.pix_fmt, stream.thread_count = HEIGHT, WIDTH, "yuv420p", 1
        for number, image in enumerate([*images, None]):
            frame = image if image is None else av.VideoFrame.from_ndarray(image, format="yuv420p")
            if frame is not None:
                frame.pts = number
            for packet in stream.encode(frame):
                packets.update(bytes(packet))
                file.mux(packet)
    content.seek(0)
    with av.open(content) as file:
        for frame in file.decode(video=0):
            pictures.update(frame.to_ndarray().tobytes())
    return packets.hexdigest(), pictures.hexdigest()


settings = {"default": {}, "mbtree=0": {"mbtree": "0"}, "asm=0": {"x264-params": "asm=0"}, "qp=0": {"qp": "0"}}
found = {name: [] for name in settings}
for seed in (1, 2):
    images = list(frames(seed))
    for name, options in settings.items():
        outcomes = [encoded(images, options) for _ in range(16 if name == "default" else 6)]
        found[name].append(tuple(len(set(kind)) for kind in zip(*outcomes)))
print(f"PyAV {av.__version__}, one thread, two scenes: how many different streams, and pictures decoded: {found}")
varies = any(streams > 1 and pictures > 1 for streams, pictures in found.pop("default"))
sys.exit(0 if varies and all(each == (1, 1) for rest in found.values() for each in rest) else 1)
PYTHON
