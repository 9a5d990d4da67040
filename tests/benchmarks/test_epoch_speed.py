"""An epoch of training that reads its clips from the cache, beside the same steps on one batch that lies ready."""

import json
import os
from functools import partial

import numpy as np
import pytest
import torch
from setting import DEVICE, GPU
from torch.utils.data import DataLoader

from rcn_bench.data.cache import Cache, index_path
from rcn_bench.data.clips import ClipLayout, EpochOrder, TrainingClips
from rcn_bench.data.transforms import Augmentation, warp
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import train_one_epoch
from rcn_bench.engine.training_step import Autocast, TrainingStep
from rcn_bench.models import create_model

VIDEOS, HEIGHT, WIDTH, CROP, BATCH, BATCHES = (256, 128, 171, 112, 64, 300) if GPU else (64, 36, 36, 32, 16, 4)
VIDEO_FRAMES, FRAMES = 32, 8
WORKERS = max(len(os.sched_getaffinity(0)) - 2, 0) if GPU else 0


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Training clips of random frames; every video stands in the index often enough for all batches."""
    path = tmp_path_factory.mktemp("cache") / "train.bin"
    shape = (VIDEO_FRAMES, HEIGHT, WIDTH, 3)
    rng, size = np.random.default_rng(0), int(np.prod(shape))
    with path.open("wb") as file:
        for _ in range(VIDEOS):
            file.write(rng.bytes(size))
    videos = [
        {"id": f"{i}", "label": f"{i % 10}", "group": f"{i}", "offset": i % VIDEOS * size, "shape": shape}
        for i in range(BATCH * BATCHES)
    ]
    index = {"sha256": "", "labels": [str(label) for label in range(10)], "videos": videos, "skipped": []}
    index_path(path).write_text(json.dumps(index))
    augmentation = Augmentation(CROP, flip=0.5, rotate=5, translate=0.05, scale=(0.95, 1.05))
    return TrainingClips(Cache(path), ClipLayout(FRAMES, 2), augmentation, seed=0)


def loader(clips):
    return DataLoader(
        clips,
        BATCH,
        sampler=EpochOrder(clips),
        num_workers=WORKERS,
        persistent_workers=WORKERS > 0,
        pin_memory=GPU,
    )


@pytest.mark.parametrize("source", ["from cache", "one resident batch"])
@pytest.mark.parametrize("model", ["rcn18", "c2d18"])
def test_epoch(timed, clips, model, source):
    torch.manual_seed(0)
    net = place(create_model(model, 10), DEVICE)
    step = TrainingStep(
        net,
        torch.optim.SGD(net.parameters(), 1e-3, 0.9, fused=True),
        Autocast("bfloat16" if GPU else "none", DEVICE),
        partial(warp, crop=CROP),
        compiled=GPU,
        cuda_graph=GPU,
    )
    batches = loader(clips)
    resident = [part.to(DEVICE) for part in next(iter(loader(clips)))]
    step(resident, 0.0)  # compiled and captured before the clock runs
    if source != "from cache":
        batches = [resident] * BATCHES
    epoch = partial(train_one_epoch, step, batches, [1e-3] * BATCHES, model)
    group = f"epoch of {model}, {BATCH * BATCHES} clips of {FRAMES} frames"
    timed(group, source, epoch, subject=source == "from cache", rounds=3, warmup_rounds=1)
