"""Predictions of a trained run on any videos, by the clips that evaluation takes of them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from rcn_bench.data.crops import spread_crops
from rcn_bench.data.examine import decode
from rcn_bench.data.frames import ClipLayout, evaluation_starts, too_narrow, too_short
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.media.medium import NOT_THERE, UnreadableVideo
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.device import place
from rcn_bench.engine.room import room_for
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.files import replacing
from rcn_bench.lists.walk import Walk
from rcn_bench.predictions import views
from rcn_bench.process import Process
from rcn_bench.records.weights import Card


@torch.inference_mode()
def predict(weights: Path, videos: Path, output: Path, pictures_per_second: float | None = None) -> None:
    """Write a CSV with a row a file: video, predicted label, its score, clips, and an error where it cannot be used.

    weights: a run's model.safetensors. videos: a file, a folder of numbered pictures (pictures_per_second of them), or
    another folder, all of whose files are taken. Frames and clips are as in the run's evaluation: the score is the mean
    softmax over evenly spread, different clips and their crops; of a video too short for as many, over as many as it
    has.
    Errors: InputError for foreign weights, if there is no file, or if the scores of one are not finite.
    """
    model, card, _ = load_weights(weights)
    process = Process.alone()
    place(model, process.device).eval()
    files = [file for file in _files(videos) if os.path.realpath(file) != os.path.realpath(output)]
    rows = []
    for file in files:
        row: dict[str, object] = {"video": file.name if file == videos else file.relative_to(videos).as_posix()}
        try:
            scores = _scores(model, Footage(str(file), rate=pictures_per_second), card, process.device)
            best = int(scores.mean(0).argmax())
            row |= {"predicted": card.labels[best], "score": round(float(scores.mean(0)[best]), 4)}
            row |= {"clips": len(scores) // card.evaluation_crops}
        except UnreadableVideo as error:
            row["error"] = str(error)
        rows.append(row)
        process.print("  ".join(str(value) for value in row.values()))
    table = pd.DataFrame(rows, columns=["video", "predicted", "score", "clips", "error"]).astype({"clips": "Int64"})
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False, errors="surrogateescape")
    process.print(f"{card.run}: {table['predicted'].notna().sum()} of {len(files)} files in {output}")


def _files(videos: Path) -> list[Path]:
    if stamp(videos) != NOT_THERE:
        return [videos]
    if not videos.is_dir():
        raise InputError(f"{videos}: no such file or folder")
    files = Walk(videos).files
    if not files:
        raise InputError(f"{videos}: no file there")
    return [videos / file for file in files]


def _scores(model: nn.Module, video: Footage, card: Card, device: torch.device) -> np.ndarray:
    """Softmax of every crop of every clip: (clips x crops, classes).

    Errors: UnreadableVideo; InputError for scores that are not finite.
    """
    layout = ClipLayout(card.frames, card.stride)
    shown = decode(video, card.short_side, card.frame_rate)
    if short := too_short(len(shown), layout.span):
        raise UnreadableVideo(short)
    if narrow := too_narrow(shown.shape[1], shown.shape[2], card.crop, card.evaluation_crops):
        raise UnreadableVideo(narrow)
    starts = evaluation_starts(len(shown), layout.span, card.evaluation_clips)
    whole = layout.clips(shown, starts)
    shots = np.stack([view for clip in whole for view in spread_crops(clip, card.crop, card.evaluation_crops)])
    seen = f"{views(len(starts), card.evaluation_crops)} of {card.frames} frames of {card.crop}x{card.crop}"
    what = f"{video.path}: {seen}"
    with room_for(what, "use a machine with more, or a smaller network"), Autocast(card.autocast, device).context():
        logits = model(to_input(torch.from_numpy(shots).to(device)))
    require_finite_scores(logits, [video.path] * len(logits), card.autocast)
    return logits.float().softmax(1).cpu().numpy()
