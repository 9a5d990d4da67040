"""Videos like those of Kinetics: H.264 at its usual quality, with moving structure and grain that cost bits."""

from pathlib import Path

import av
import numpy as np


def write_footage(path: Path, seed: int, seconds: float, height: int = 256, width: int = 340, rate: int = 30) -> None:
    """Coarse shapes that drift at speeds of their own, and fine grain on top."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    layers = [_smooth(rng, height + 64, width + 64, cell) for cell in (32, 12)]
    speeds = rng.uniform(-1, 1, (2, 2)) * 60 / max(frames, 1)
    grain = rng.integers(0, 12, (8, height, width, 1), np.uint8)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "superfast", "crf": "23"})
        stream.height, stream.width, stream.pix_fmt, stream.thread_count = height, width, "yuv420p", 1
        for t in range(frames):
            shown = np.repeat(grain[t % len(grain)], 3, axis=2)
            for layer, speed in zip(layers, speeds, strict=True):
                top, left = (32 + speed * (t - frames / 2)).astype(int)
                shown += layer[top : top + height, left : left + width]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))


def _smooth(rng: np.random.Generator, height: int, width: int, cell: int) -> np.ndarray:
    """Coloured noise of cells of so many pixels, interpolated between them; below 120."""
    coarse = rng.uniform(0, 120, (height // cell + 2, width // cell + 2, 3))
    rows, columns = np.arange(height) / cell, np.arange(width) / cell
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (1 - right) + coarse[top + 1][:, left + 1] * right
    return (upper * (1 - down) + lower * down).astype(np.uint8)
