"""Several trainings in one process: the bits of each alone, one compilation, what is refused and what is left."""

import hashlib
import re

import pytest
import torch
from safetensors import safe_open
from tiny import C2D, RCN, changed, linked, metrics_without_times, refuse_to_train
from torch._dynamo.utils import counters

import rcn_bench.engine.trainings as trainings
from rcn_bench import cli
from rcn_bench.engine.train import train
from rcn_bench.engine.trainings import train_all
from rcn_bench.errors import InputError, TrainingDiverged
from rcn_bench.plan.run import Run

pytestmark = pytest.mark.slow

OTHERS = [Run("rcn18", 4, "random", "random", 1), Run("rcn18", 4, "stills", "random", 2)]


@pytest.fixture
def another(tiny, tmp_path):
    """Makes the same data and pretrained weights, and no runs, any number of times."""
    return lambda name: linked(tiny, tmp_path / name, "data", "cache", "pretrained")


def bits(experiment, run):
    """The sha256 of all tensors, which the file's own is not: its card tells when and how it was made."""
    digest = hashlib.sha256()
    with safe_open(experiment.paths.weights(run), "pt") as file:
        for name in sorted(file.keys()):
            digest.update(name.encode() + file.get_tensor(name).numpy().tobytes())
    return digest.hexdigest()


def test_a_run_after_another_has_the_bits_that_it_has_alone(another):
    together, alone = (changed(another(name), {"train.epochs": 1}) for name in ("together", "alone"))
    train_all([C2D, OTHERS[0]], together)
    train(OTHERS[0], alone)
    assert bits(together, OTHERS[0]) == bits(alone, OTHERS[0])


@pytest.fixture
def compiled_by_torch_alone(monkeypatch):
    """Dynamo and its guards as they are, but no C++ compiler, which takes a minute a network here."""
    compiler = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda function, **options: compiler(function, backend="aot_eager", **options)
    )
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


@pytest.mark.soak
def test_a_network_is_compiled_once_for_all_of_its_runs(another, compiled_by_torch_alone):
    changes = {"train.epochs": 1, "train.compile": True}
    together, alone = (changed(another(name), changes) for name in ("together", "alone"))
    train_all([RCN, C2D, *OTHERS], together)
    assert counters["stats"]["unique_graphs"] == 2
    for run in [RCN, C2D, *OTHERS]:
        torch.compiler.reset()
        train(run, alone)
        assert bits(together, run) == bits(alone, run), run.name


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_too(another):
    ways = {"train.deterministic": True, "train.compile": True, "train.cuda_graph": True, "train.autocast": "bfloat16"}
    together, alone = (changed(another(name), ways) for name in ("together", "alone"))
    counters.clear()
    torch.compiler.reset()
    train_all(OTHERS, together)
    assert counters["stats"]["unique_graphs"] == 1
    for run in OTHERS:
        torch.compiler.reset()
        train(run, alone)
        assert bits(together, run) == bits(alone, run), run.name


@pytest.fixture
def told(monkeypatch):
    """The runs that are trained, in their order; none is."""
    names = []
    monkeypatch.setattr(trainings, "train", lambda run, experiment: names.append(run.name))
    return names


def test_runs_of_a_network_are_trained_together_in_the_order_given(fresh, told):
    train_all([OTHERS[1], C2D, RCN], fresh)
    assert told == [OTHERS[1].name, RCN.name, C2D.name]


def test_runs_that_are_trained_are_said_and_left(trained_anew, told, capsys):
    train_all([RCN, OTHERS[0]], trained_anew)
    assert told == [OTHERS[0].name]
    assert f"{RCN.name}: is trained already\n" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["settings", "weights", "record", "no metrics"])
def test_runs_of_other_settings_or_files_are_trained_anew(trained_anew, told, change):
    paths = trained_anew.paths
    match change:
        case "settings":
            trained_anew = changed(trained_anew, {"train.lr": 0.005})
        case "weights":
            paths.weights(RCN).write_bytes(paths.weights(RCN).read_bytes() + b" ")
        case "record":
            paths.training(RCN).write_text("{}")
        case "no metrics":
            paths.metrics(RCN).unlink()
    train_all([RCN, C2D], trained_anew)
    assert RCN.name in told


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (Run("rcn19", 4, "random", None, 0), "unknown model 'rcn19'"),
        (Run("rcn34", 4, "stills", "identity", 0), "resnet34-stills.safetensors: not there"),
        (Run("rcn18", 64, "random", "identity", 0), "no video has the 127 frames"),
        (RCN, f"{RCN.name}: given twice"),
    ],
)
def test_all_runs_are_checked_before_the_first_is_trained(fresh, monkeypatch, second, message):
    monkeypatch.setattr(trainings, "train", refuse_to_train)
    with pytest.raises(InputError, match=message):
        train_all([RCN, second], fresh)


@pytest.mark.parametrize("kind", [InputError, TrainingDiverged])
def test_one_that_fails_tells_what_is_trained_and_what_is_not(fresh, monkeypatch, kind):
    def fail_at_the_second(run, experiment):
        if run == OTHERS[0]:
            raise kind("why")

    monkeypatch.setattr(trainings, "train", fail_at_the_second)
    told = re.escape(f"why; trained before it: {RCN.name}; not trained: {OTHERS[1].name}")
    with pytest.raises(kind, match=f"^{told}$"):
        train_all([RCN, *OTHERS], fresh)


def test_the_command_takes_several_runs(capsys, tmp_path):
    config = ["--config", "config/smoke.yaml", "--results", str(tmp_path)]
    runs = ["rcn18-t8-xh_random-hh_random-s0", "rcn18-t8-xh_random-hh_identity-s0"]
    assert cli.main(["train", *runs, *config]) == 2
    assert "cache" in capsys.readouterr().err
    assert cli.main(["train", runs[0], runs[0], *config]) == 2
    assert f"{runs[0]}: given twice; give each run once" in capsys.readouterr().err


def test_batches_as_large_as_those_of_8_frames_have_as_many_clips_at_every_length(fresh):
    lengths = {frames: Run("rcn18", frames, "random", "identity", 0, ("t8_batch",)) for frames in (4, 8, 16)}
    assert {fresh.clips_per_batch(run) for run in lengths.values()} == {32 // 8}
    assert fresh.clips_per_batch(RCN) == 32 // 4
    with pytest.raises(InputError, match="no video has the 31 frames"):
        train(lengths[16], fresh)
    train(lengths[4], changed(fresh, {"train.epochs": 1}))
    (line,) = metrics_without_times(fresh, lengths[4])
    assert line["samples"] == 16
