"""The costs of the models that tables show: what is written, and by which settings."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from rcn_bench.analysis import profile as module
from rcn_bench.analysis.cost import count_gmacs, count_parameters
from rcn_bench.analysis.memory import GIB, estimate_memory
from rcn_bench.analysis.profile import costs_of, profile
from rcn_bench.analysis.throughput import time_models
from rcn_bench.analysis.variants import Variant, variants
from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.costs import Profile, Throughput

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
CPU = torch.device("cpu")


@pytest.fixture
def experiment(tmp_path):
    """Small clips and batches; the tables show RCN-18 at 8 frames, and I3D-18 in Table 2 alone."""
    smoke = load_experiment(["config/smoke.yaml"], tmp_path)
    small = {"size": 32, "num_classes": 5, "memory_frames_per_batch": 16, "memory_gib": 0.5, "seconds": 0.001}
    return replace(smoke, profile=replace(smoke.profile, **small))


@pytest.fixture(autouse=True)
def quick_search(monkeypatch):
    """The search for the largest batch has tests of its own, and takes most of the time."""
    monkeypatch.setattr(module, "estimated_largest_batch", lambda *_: 7)


def recomputing(experiment):
    return replace(experiment, train=replace(experiment.train, recompute_activations=True))


def test_variants_are_the_clip_lengths_and_stems_that_a_model_takes():
    assert variants("rcn18", [4, 8]) == [Variant("rcn18", n, stem) for n in (4, 8) for stem in (True, False)]
    assert variants("s3d", [4, 8]) == [Variant("s3d", 8, None)]
    assert str(Variant("rcn18", 8, False)) == "rcn18, 8 frames, without the stem's pool"
    assert str(Variant("s3d", 8, None)) == "s3d, 8 frames"
    with pytest.raises(InputError, match="unknown model 'rcn19'"):
        variants("rcn19", [8])


@pytest.mark.slow
def test_a_profile_holds_what_is_counted_with_its_origin(experiment, capsys):
    profile("rcn18", experiment)
    written = Profile.read(experiment.paths.profile("rcn18"))
    assert written.model == "rcn18"
    assert [(row.frames, row.stem_pool) for row in written.rows] == [(8, True), (8, False)]
    model = create_model("rcn18", 5)
    row = written.rows[0]
    assert row.parameters == count_parameters(model)
    assert row.gmacs == count_gmacs(model, torch.zeros(1, 3, 8, 32, 32))
    assert row.gmacs / 8 < row.gmacs_per_new_frame < row.gmacs / 7
    assert (row.input, row.classes, row.memory_batch) == ("3x8x32x32", 5, 2)
    found = estimate_memory(create_model("rcn18", 5), (2, 3, 8, 32, 32))
    assert row.estimated.training_bytes == found.training
    assert row.estimated.activations_bytes == found.activations
    assert row.estimated.inference_bytes == found.inference
    assert row.estimated.largest_batch == 7
    assert (row.measured is None) == (not torch.cuda.is_available())
    depends = dependencies(experiment, "profile", "rcn18")
    assert (written.origin.stage, written.origin.code) == ("profile", depends.code.hash)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(
        "rcn18, 8 frames, with the stem's pool: 12.572 M parameters; 0.325 GMACs a clip 3x8x32x32"
    )


@pytest.mark.slow
def test_a_window_takes_all_of_its_gmacs_for_a_new_frame(experiment):
    row = costs_of(Variant("i3d18", 4, True), experiment, CPU)
    assert row.gmacs_per_new_frame == row.gmacs


@pytest.mark.slow
def test_recomputed_activations_are_counted_as_such(experiment):
    row, kept = (costs_of(Variant("rcn18", 8, True), each, CPU) for each in (recomputing(experiment), experiment))
    found = estimate_memory(recompute_activations(create_model("rcn18", 5)), (2, 3, 8, 32, 32))
    assert row.recompute_activations
    assert not kept.recompute_activations
    assert row.estimated.activations_bytes == found.activations < kept.estimated.activations_bytes
    assert row.gmacs == kept.gmacs


def test_a_model_without_blocks_says_that_it_keeps_its_activations(experiment, monkeypatch):
    blockless = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 5))
    monkeypatch.setattr(Variant, "build", lambda *_: blockless)
    row = costs_of(Variant("own", 8, None), recomputing(experiment), CPU)
    assert not row.recompute_activations


@pytest.mark.slow
def test_on_a_gpu_a_batch_that_does_not_fit_is_none(experiment, monkeypatch):
    monkeypatch.setattr(module, "place", lambda model, _: model)
    monkeypatch.setattr(module, "measured_largest_batch", lambda *_, **__: 1)
    row = costs_of(Variant("rcn18", 8, True), experiment, torch.device("cuda"))
    assert row.measured is not None
    assert (row.measured.training_bytes, row.measured.largest_batch) == (None, 1)
    assert "takes too much, 1 clips fit at most (measured)" in module.describe(row)
    assert f"{row.estimated.training_bytes / GIB:.3g} GiB" in module.describe(replace(row, measured=None))


@pytest.mark.parametrize("model", ["rcn101", "rcn18+sum"])
def test_a_model_that_no_table_shows_is_refused(experiment, model):
    with pytest.raises(InputError, match=r"no table of this config shows it; add it to tables\.table4\.models"):
        profile(model, experiment)


@pytest.mark.slow
def test_throughput_holds_every_model_that_a_table_times(experiment, capsys):
    time_models(experiment, threads=1)
    written = Throughput.read(experiment.paths.throughput)
    assert [(row.model, row.frames, row.stem_pool) for row in written.rows] == [
        ("rcn18", 8, True),
        ("rcn18", 8, False),
    ]
    for row in written.rows:
        assert (row.timing_batch, row.timing_input, row.live_by) == (2, "3x8x32x32", "state")
        assert row.inference_clips_per_second > 0
        assert row.training_clips_per_second > 0
        assert row.live_frames_per_second > 0
    assert written.origin.stage == "throughput"
    assert written.origin.starts[0].machine.threads == 1
    assert "frames a second on live video, by its state" in capsys.readouterr().out


def test_counting_and_timing_depend_on_code_of_their_own(experiment):
    counting, timing = (
        set(dependencies(experiment, stage, target).code.modules)
        for stage, target in (("profile", "rcn18"), ("throughput", ""))
    )
    assert {"rcn_bench.analysis.cost", "rcn_bench.analysis.memory"} <= counting - timing
    assert {"rcn_bench.analysis.timing", "rcn_bench.engine.cuda_graph"} <= timing - counting
