"""An epoch of training that reads its clips from the cache, beside the same steps on one batch that lies ready."""

import os
from functools import partial

import numpy as np
import pytest
import torch
from caches import write_cache
from setting import DEVICE, GPU

from rcn_bench.data.batches import TrainingBatches
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EpochOrder, TrainingClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import Augmentation, warp
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import train_one_epoch
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.models import create_model

VIDEOS, HEIGHT, WIDTH, CROP, BATCH, BATCHES = (256, 128, 171, 112, 64, 300) if GPU else (64, 36, 36, 32, 16, 4)
VIDEO_FRAMES, FRAMES = 32, 8
WORKERS = max(len(os.sched_getaffinity(0)) - 2, 0) if GPU else 0


@pytest.fixture(scope="module")
def order(tmp_path_factory):
    """Training clips of random frames; every video stands in the index often enough for all batches."""
    index = tmp_path_factory.mktemp("cache") / "train.json"
    rng, shape = np.random.default_rng(0), (VIDEO_FRAMES, HEIGHT, WIDTH, 3)
    videos = ((f"{i % 10}", rng.integers(0, 256, shape, np.uint8)) for i in range(VIDEOS))
    write_cache(index, videos, times=BATCH * BATCHES // VIDEOS)
    augmentation = Augmentation(CROP, flip=0.5, rotate=5, translate=0.05, scale=(0.95, 1.05))
    return EpochOrder(TrainingClips(Cache(index), ClipLayout(FRAMES, 2), augmentation, seed=0))


@pytest.mark.parametrize("model", ["rcn18", "c2d18"])
def test_epoch(timed, order, model):
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
    batches = TrainingBatches(order, BATCH, workers=WORKERS, pinned=GPU)
    resident = [part.to(DEVICE, copy=True) for part in next(iter(TrainingBatches(order, BATCH)))]
    step(resident, 0.0)  # compiled and captured before the clock runs
    rates = [1e-3] * BATCHES
    timed(
        f"epoch of {model}, {BATCH * BATCHES} clips of {FRAMES} frames",
        "from cache",
        partial(train_one_epoch, step, batches, rates, 1, model),
        subject=True,
        beside={"one resident batch": partial(train_one_epoch, step, [resident] * BATCHES, rates, 1, model)},
        rounds=3,
        warmup_rounds=1,
    )
