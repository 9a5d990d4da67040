"""What online evaluation and streaming share: videos of coarse noise, their caches, a trained RCN, a window model."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from rcn_bench.config import check_config, load_config
from rcn_bench.data.building import build_cache
from rcn_bench.data.source import Source
from rcn_bench.data.video import write_lossless
from rcn_bench.engine.train import train
from rcn_bench.experiment import Run
from rcn_bench.layout import Layout
from rcn_bench.models import register, registry

REPOSITORY = Path(__file__).parents[2]
# More of one length than a batch holds, others between, and one too short for a clip of 4 frames at stride 2.
LENGTHS = [25] * 9 + [17, 5, 40, 25]
SIDE, FRAME_RATE = 20, 8
NOISE_RUN = Run("rcn18", 4, "random", "random", 0)


def noise_config() -> dict:
    config = load_config(REPOSITORY / "config" / "mini.yaml")
    config["name"] = "noise"
    config["data"]["digits"]["canvas"] = SIDE
    config["clip"] = {"stride": 2, "crop": 16, "evaluation_clips": 2}
    config["train"] |= {"epochs": 1, "frames_per_batch": 32, "lr": 0.02, "threads": 1, "workers": 0}
    config["figures"]["online_accuracy"] = {model: [4] for model in config["figures"]["online_accuracy"]}
    for shown in (*config["tables"].values(), config["figures"]["figure2"]):
        shown["frames"] = [4] if isinstance(shown["frames"], list) else 4
    check_config(config, "noise")
    return config


@pytest.fixture(name="noise_config")
def _noise_config():
    return noise_config()


@pytest.fixture
def noise_run():
    return NOISE_RUN


@pytest.fixture(scope="session")
def noise(tmp_path_factory):
    """A layout with videos of coarse noise, the same to train and to validate on, and an RCN trained for an epoch."""
    layout = Layout(tmp_path_factory.mktemp("results") / "noise")
    folder = layout.data / "videos" / "both"
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), ["label,youtube_id,time_start,time_end,split,group"]
    for index, length in enumerate(LENGTHS):
        frames = np.kron(rng.integers(0, 256, (length, 2, 2)), np.ones((1, SIDE // 2, SIDE // 2))).astype(np.uint8)
        write_lossless(folder / f"v{index:02d}_000000_000001.mp4", frames, FRAME_RATE)
        rows.append(f"label {index % 3},v{index:02d},0,1,both,group{index // 2}")
    annotations = layout.data / "both.csv"
    annotations.write_text("\n".join(rows) + "\n")
    for split in ("train", "val"):
        source = Source(annotations, layout.data / "videos", layout.cache(split), layout.check(split))
        build_cache(source, progress=lambda line: None)
    train(NOISE_RUN, noise_config(), layout)
    yield layout
    shutil.rmtree(layout.root)


@pytest.fixture
def noise_without_runs(noise, tmp_path):
    """The same videos and caches, and no runs."""
    layout = Layout(tmp_path / "noise")
    layout.root.mkdir()
    for part in ("data", "cache"):
        (layout.root / part).symlink_to(noise.root / part)
    return layout


@pytest.fixture
def window_model(monkeypatch):
    """The name of a registered model of whole clips, without a state."""
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))

    @register
    def window3d(num_classes):
        return nn.Sequential(
            nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d((1, 2, 2)), nn.Flatten(),
            nn.Linear(32, num_classes),
        )  # fmt: skip

    return "window3d"
