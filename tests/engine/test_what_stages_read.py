"""What a stage reads of its experiment is in its settings: else a changed value would leave an old result standing."""

import shutil
import sys

import pytest
from tiny import C2D, RCN, changed, linked, silent

from rcn_bench.analysis.causality import certify_models
from rcn_bench.analysis.hidden_state import measure_hidden_state
from rcn_bench.analysis.league import measure_league
from rcn_bench.analysis.profile import profile
from rcn_bench.analysis.throughput import time_models
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.digits import make_digits
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.online import evaluate_online
from rcn_bench.engine.pretrain import pretrain
from rcn_bench.engine.train import train
from rcn_bench.plan import sections
from rcn_bench.plan.dataset import EmbeddedDigits
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.schema import keys_of
from rcn_bench.plan.stages import dependencies

PLACES = {
    Experiment: "",
    sections.Data: "data.",
    sections.Digits: "data.digits.",
    sections.Clip: "clip.",
    sections.Augment: "augment.",
    sections.Training: "train.",
    sections.Pretraining: "pretrain.",
    sections.Profile: "profile.",
}
# How fast a result comes; where things lie; what a cache must be like, which is known by its fingerprint.
HARMLESS = {
    *("train.threads", "train.workers", "train.compile", "train.cuda_graph", "pretrain.threads"),
    *("name", "results", "plugins", "data.max_bad", "data.max_overlap", "data.follow_links", "dataset.videos"),
    *("dataset.short_side", "dataset.frame_rate", "dataset.pictures_per_second"),
}
# What is written into a file to be told, and decides nothing there.
TOLD = {
    "train": {
        *("clip.evaluation_clips", "clip.evaluation_crops", "train.recompute_activations"),
        "train.validate_every",  # looks at validation videos beside a training, to the same weights
    }
}


@pytest.fixture
def reads(monkeypatch):
    """The keys of an experiment that code outside the plan reads, as they are read."""
    found: set[str] = set()

    def record(cls, place, names):
        def read(self, name):
            reader = sys._getframe(1).f_globals["__name__"]
            if name in names and not reader.startswith(("rcn_bench.plan", "rcn_bench.records", "dataclasses", "test")):
                found.add(place + name)
            return object.__getattribute__(self, name)

        monkeypatch.setattr(cls, "__getattribute__", read)

    groups = {"data", "clip", "augment", "train", "pretrain", "profile", "digits", "models", "tables", "figures"}
    for cls, place in PLACES.items():
        record(cls, place, {key.name for key in keys_of(cls)} - groups)
    record(EmbeddedDigits, "dataset.", {"short_side", "frame_rate", "videos", "formats"})
    return found


def job(stage, target, experiment):
    """Do it."""
    match stage:
        case "digits":
            make_digits(experiment.data.digits, experiment.paths.data, silent)
        case "cache":
            build_cache(Source.of(experiment, target), progress=silent)
        case "pretrain":
            pretrain(target, experiment)
        case "train":
            train(RCN if target == RCN.name else C2D, experiment)
        case "evaluate":
            evaluate(RCN, experiment)
        case "online":
            evaluate_online(RCN, experiment)
        case "w_hh":
            measure_hidden_state(RCN, experiment)
        case "profile":
            profile(target, experiment)
        case "throughput":
            time_models(experiment, 1)
        case "league":
            measure_league(experiment, 1)
        case "causality":
            certify_models(experiment)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "target"),
    [
        ("digits", ""),
        ("cache", "train"),
        ("pretrain", "resnet18"),
        ("train", RCN.name),
        ("train", C2D.name),
        ("evaluate", RCN.name),
        ("online", RCN.name),
        ("w_hh", RCN.name),
        ("profile", "rcn18"),
        ("throughput", ""),
        ("league", ""),
        ("causality", ""),
    ],
)
def test_what_a_stage_reads_is_in_its_settings(trained, tmp_path, reads, stage, target):
    tables = {"table4": {"models": ["rcn18"], "frames": [4]}, "table5": {"models": ["rcn18"], "frames": 4}}
    tables["league"] = {"models": ["rcn18"], "frames": 4, "videos": [2]}
    small = {"seconds": 0.01, "size": 32, "memory_frames_per_batch": 8, "timing_frames_per_batch": 8}
    quick = {f"profile.{key}": value for key, value in small.items()}
    shown = changed(trained, {"tables": tables | trained.config["tables"], **quick})
    parts = {"digits": [], "cache": ["data"], "pretrain": ["data"]}
    experiment = linked(shown, tmp_path / "results", *parts.get(stage, ["data", "cache", "pretrained"]))
    if stage in ("evaluate", "online", "w_hh"):
        shutil.copytree(trained.paths.root / "runs", experiment.paths.root / "runs")
    reads.clear()
    job(stage, target, experiment)
    known = set(dependencies(experiment, stage, target).parts())
    known |= {key for key in reads if any(name.startswith(f"{key}.") for name in known)}
    unknown = {key for key in reads if key not in known}
    assert reads, "nothing was read"
    assert unknown - HARMLESS - TOLD.get(stage, set()) == set()
