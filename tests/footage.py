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
    grain = rng.normal(0, 5, (8, height, width, 1)).astype(np.float32)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for t in range(frames):
            image = grain[t % len(grain)] + 0.0
            for layer, speed in zip(layers, speeds, strict=True):
                top, left = (32 + speed * (t - frames / 2)).astype(int)
                image = image + layer[top : top + height, left : left + width]
            shown = np.clip(image, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))


def _smooth(rng: np.random.Generator, height: int, width: int, cell: int) -> np.ndarray:
    """Coloured noise of cells of so many pixels, interpolated between them."""
    coarse = rng.uniform(0, 128, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
    rows, columns = np.arange(height) / cell, np.arange(width) / cell
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (1 - right) + coarse[top + 1][:, left + 1] * right
    return upper * (1 - down) + lower * down
