"""Experiments with their data and some trained runs, which tests of the engine share; modules of a user's own."""

import importlib
import shutil
import sys
import textwrap

import numpy as np
import pytest
from provokers.user import forgetting
from tiny import RUNS, SKIPPED, changed, linked, silent, tiny_experiment

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.digits import make_digits
from rcn_bench.data.media.files import write_lossless
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.pretrain import pretrain
from rcn_bench.engine.train import train
from rcn_bench.models import network2d, registry
from rcn_bench.plan.config import check_config
from rcn_bench.plan.run import Run


@pytest.fixture(autouse=True)
def _forgets_plugins():
    """Also the networks of the plugin by which the experiment on noise is trained in no time."""
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        yield


# The embedded digits at their smallest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """An experiment with data, caches and pretrained weights; every split has one more video that is too short."""
    experiment = tiny_experiment(tmp_path_factory.mktemp("results"))
    paths, dataset = experiment.paths, experiment.dataset
    make_digits(experiment.data.digits, paths.data, silent)
    for split in ("train", "val"):
        with dataset.annotations(split).open("a") as file:
            file.write(f"digit 1 up,brief,0,1,{split},brief\n")
        brief = dataset.videos / split / "digit 1 up" / f"{SKIPPED}.mp4"
        write_lossless(brief, np.zeros((5, 20, 20), np.uint8), 8)
    for split in ("train", "val"):
        build_cache(Source.of(experiment, split), progress=silent)
    pretrain("resnet18", experiment)
    yield experiment
    shutil.rmtree(paths.root)


@pytest.fixture(scope="session")
def trained(tiny):
    """The experiment after training and evaluating an RCN and a C2D."""
    for run in RUNS:
        train(run, tiny)
        evaluate(run, tiny)
    return tiny


@pytest.fixture
def fresh(tiny, tmp_path):
    """The same data and pretrained weights, and no runs."""
    return linked(tiny, tmp_path / "results", "data", "cache", "pretrained")


@pytest.fixture
def trained_anew(trained, tmp_path):
    """The same data and runs, which a test may change."""
    experiment = linked(trained, tmp_path / "results", "data", "cache", "pretrained")
    shutil.copytree(trained.paths.root / "runs", experiment.paths.root / "runs")
    return experiment


# Videos of coarse noise

# More of one length than a batch holds, others between, and one too short for a clip of 4 frames at stride 2.
LENGTHS = [25] * 9 + [17, 5, 40, 25]
SIDE, FRAME_RATE = 20, 8
NOISE_RUN = Run("rcn_pocket", 4, "random", "random", 0)


@pytest.fixture
def noise_run():
    return NOISE_RUN


@pytest.fixture(scope="session")
def noise(tmp_path_factory):
    """An experiment on videos of coarse noise, to train and to validate on, and an RCN trained for an epoch."""
    folder = tmp_path_factory.mktemp("noise")
    (folder / "videos" / "both").mkdir(parents=True)
    rng, rows = np.random.default_rng(0), ["label,youtube_id,time_start,time_end,split,group"]
    for index, length in enumerate(LENGTHS):
        frames = np.kron(rng.integers(0, 256, (length, 2, 2)), np.ones((1, SIDE // 2, SIDE // 2))).astype(np.uint8)
        write_lossless(folder / "videos" / "both" / f"v{index:02d}_000000_000001.mp4", frames, FRAME_RATE)
        rows.append(f"label {index % 3},v{index:02d},0,1,both,group{index // 2}")
    annotations = folder / "both.csv"
    annotations.write_text("\n".join(rows) + "\n")
    config = {
        "name": "noise",
        "plugins": ["pocket_models"],
        "data": {
            "annotations": {"train": str(annotations), "val": str(annotations)},
            "videos": str(folder / "videos"),
            "short_side": SIDE,
            "max_overlap": 1,
        },
        "clip": {"stride": 2, "crop": 16, "evaluation_clips": 2},
        "train": {"epochs": 1, "frames_per_batch": 32, "lr": 0.02, "warmup": 0.2, "momentum": 0.7},
        "models": {"rcn_pocket": {"w_xh": ["random"], "w_hh": ["random"]}},
    }
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        experiment = check_config(config, "noise", folder / "results")
        for split in ("train", "val"):
            build_cache(Source.of(experiment, split), progress=silent)
        train(NOISE_RUN, experiment)
    yield experiment
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def weights(noise):
    """Those of the noise's RCN."""
    return noise.paths.weights(NOISE_RUN)


@pytest.fixture
def noise_without_runs(noise, tmp_path):
    """The same videos and caches, and no runs."""
    return linked(noise, tmp_path / "results", "cache")


# Modules of a user's own


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Writes a module into the working directory, anew if it is there; what it registers is forgotten afterwards."""
    before = [(module, name, dict(getattr(module, name))) for module, name in REGISTRIES]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = set()

    def forget():
        for module, name, content in before:
            setattr(module, name, dict(content))
        for name in names:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()

    def write(name: str, source: str) -> str:
        names.add(name)
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        forget()
        return name

    yield write
    forget()


REGISTRIES = [(registry, "_BUILDERS"), (network2d, "_REGISTERED")]

WINDOW_MODEL = """
    from torch import nn

    from rcn_bench.models import register


    @register
    def window3d(num_classes):
        return nn.Sequential(
            nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d((1, 2, 2)), nn.Flatten(),
            nn.Linear(32, num_classes),
        )
"""


@pytest.fixture
def with_window_model(plugin):
    """Adds window3d, a model of whole clips without a state, to an experiment."""
    name = plugin("window_models", WINDOW_MODEL)
    return lambda experiment: changed(
        experiment, {"plugins": [*experiment.plugins, name], "models.window3d": {"w_xh": ["random"]}}
    )
