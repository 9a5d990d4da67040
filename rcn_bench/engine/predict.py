"""Predictions of a trained run on any videos, by the clips that evaluation takes of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from rcn_bench.data.clips import ClipLayout, evaluation_starts
from rcn_bench.data.transforms import centre_crop, to_input
from rcn_bench.data.video import UnreadableVideo, decode
from rcn_bench.engine.build import load_checkpoint
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.training_step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, stored_frames
from rcn_bench.files import replacing


@torch.inference_mode()
def predict(checkpoint: Path, videos: Path, output: Path) -> None:
    """Write a CSV with a row a file: video, predicted label, its score, clips, and an error where it cannot be used.

    checkpoint: a run's model.safetensors. videos: a file, or a folder, all of whose files are taken. Frames and clips
    are as in the run's evaluation: the score is the mean softmax over evenly spread, different clips; of a video too
    short for as many, over as many as it has. Errors: InputError for a foreign checkpoint, or if there is no file.
    """
    model, run, labels, config = load_checkpoint(checkpoint)
    device = pick_device()
    place(model, device).eval()
    files = [file for file in _files(videos) if file.resolve() != output.resolve()]
    rows = []
    for file in files:
        row: dict[str, object] = {"video": file.relative_to(videos).as_posix() if videos.is_dir() else file.name}
        try:
            scores = _scores(model, file, run.frames, config, device)
            best = int(scores.mean(0).argmax())
            row |= {"predicted": labels[best], "score": round(float(scores.mean(0)[best]), 4), "clips": len(scores)}
        except UnreadableVideo as error:
            row["error"] = str(error)
        rows.append(row)
        print("  ".join(str(value) for value in row.values()), flush=True)
    table = pd.DataFrame(rows, columns=["video", "predicted", "score", "clips", "error"]).astype({"clips": "Int64"})
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False, errors="surrogateescape")
    print(f"{run.name}: {table['predicted'].notna().sum()} of {len(files)} files in {output}")


def _files(videos: Path) -> list[Path]:
    if videos.is_file():
        return [videos]
    files = sorted(path for path in videos.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise InputError(f"{videos}: no file there")
    return files


def _scores(model: nn.Module, file: Path, frames: int, config: Config, device: torch.device) -> np.ndarray:
    """Softmax of every clip: (clips, classes)."""
    layout = ClipLayout(frames, config["clip"]["stride"])
    shown = centre_crop(decode(file, **stored_frames(config)), config["clip"]["crop"])
    possible = len(shown) - layout.span + 1
    if possible < 1:
        raise UnreadableVideo(f"{len(shown)} frames, a clip needs {layout.span}")
    starts = evaluation_starts(len(shown), layout.span, min(config["clip"]["evaluation_clips"], possible))
    clips = np.stack([shown[start : start + layout.span : layout.stride] for start in starts])
    with Autocast(config["train"]["autocast"], device).context():
        logits = model(to_input(torch.from_numpy(clips).to(device)))
    return logits.float().softmax(1).cpu().numpy()
