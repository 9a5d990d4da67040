"""Training and evaluation from the command line."""

import errno
import io
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from caches import write_cache

from rcn_bench import cli
from rcn_bench.data.cache.shard import Storage
from rcn_bench.engine import evaluate as evaluation
from rcn_bench.engine import predict as prediction
from rcn_bench.engine import pretrain as pretraining
from rcn_bench.engine import trainings
from rcn_bench.errors import InputError
from rcn_bench.trust import keep

RUN = "rcn18-t8-xh_random-hh_identity-s0"


def test_bad_run_name_is_named(assert_refused, mini):
    assert_refused(("train", "rcn18", "--config", mini), "rcn18", "rcn18-t8-")


@pytest.mark.parametrize("command", ["train", "evaluate", "online"])
def test_missing_cache_is_named(assert_refused, tmp_path, mini, command):
    told = "cache" if command == "train" else f"rcn-bench train {RUN}"
    assert_refused((command, RUN, "--config", mini, "--results", tmp_path), told, "rcn-bench")


def test_missing_weights_are_named(assert_refused, tmp_path, mini):
    assert_refused(("w-hh", RUN, "--config", mini, "--results", tmp_path), f"{RUN}/model.safetensors", "rcn-bench")


@pytest.mark.parametrize("name", ["rcn19-t4-xh_random-s0", "c2d18-t4-xh_random-hh_identity-s0"])
def test_a_run_that_cannot_be_is_refused_before_there_is_a_cache(assert_refused, tmp_path, mini, name):
    assert_refused(("train", name, "--config", mini, "--results", tmp_path), name.partition("-")[0])
    assert not list(tmp_path.iterdir())


@pytest.fixture
def called(monkeypatch):
    """What the engine is called with, in place of its work."""
    calls = []
    for module, name in ((trainings, "train"), (evaluation, "evaluate"), (prediction, "predict")):
        monkeypatch.setattr(module, name, lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(pretraining, "pretrain", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(keep, "write_card", lambda *arguments: None)
    return calls


@pytest.mark.parametrize("option", [(), ("--recompute-activations",)])
def test_activations_are_recomputed_on_demand(output, mini, called, option):
    output("train", RUN, "--config", mini, *option)
    ((run, experiment),) = called
    assert run.name == RUN
    assert experiment.train.recompute_activations == bool(option)
    assert experiment.config["train"]["recompute_activations"] == bool(option)


def test_any_network_can_be_asked_for(output, mini, called):
    output("pretrain", "resnet152", "--config", mini)
    ((network, experiment),) = called
    assert (network, experiment.name) == ("resnet152", "mini")


@pytest.mark.parametrize("network", ["resnet19", "rcn18"])
def test_an_unknown_network_is_refused(assert_refused, mini, tmp_path, network):
    stills = {f"{split}_images": np.zeros((32, 36, 36), np.uint8) for split in ("train", "val")}
    stills |= {f"{split}_labels": np.zeros(32, np.int64) for split in ("train", "val")}
    (tmp_path / "mini" / "data").mkdir(parents=True)
    np.savez(tmp_path / "mini" / "data" / "stills.npz", **stills)
    assert_refused(("pretrain", network, "--config", mini, "--results", tmp_path), network, "resnet18")


def test_an_unknown_network_is_refused_before_there_are_stills(assert_refused, mini, tmp_path):
    assert_refused(("pretrain", "resnet19", "--config", mini, "--results", tmp_path), "resnet19", "resnet18")
    assert not list(tmp_path.iterdir())


def test_pretraining_needs_stills(assert_refused, changed, tmp_path):
    path = changed({}, "kinetics")
    assert_refused(("pretrain", "resnet18", "--config", path, "--results", tmp_path), "pretrained", "stills")


def test_a_run_is_evaluated_on_its_experiment_or_weights_on_any_videos(output, mini, called, tmp_path):
    output("evaluate", RUN, "--config", mini, "--results", tmp_path)
    output("evaluate", "--weights", "model.safetensors", "--videos", "videos", "--output", "out.csv")
    (run, experiment), predicted = called
    assert (run.name, experiment.results) == (RUN, tmp_path)
    assert predicted == (Path("model.safetensors"), Path("videos"), Path("out.csv"), None)


def test_several_runs_are_evaluated_one_after_the_other_and_their_names_read_before(
    output, assert_refused, mini, called, tmp_path
):
    other = RUN.replace("-s0", "-s1")
    output("evaluate", RUN, other, "--config", mini, "--results", tmp_path)
    assert [run.name for run, _ in called] == [RUN, other]
    assert_refused(("evaluate", RUN, "rcn18", "--config", mini, "--results", tmp_path), "'rcn18' is not a run's name")
    assert len(called) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (RUN,),
        ("--config", "config/mini.yaml"),
        ("--weights", "model.safetensors"),
        ("--videos", "videos"),
        (RUN, "--weights", "model.safetensors", "--videos", "videos"),
        (RUN, "--config", "config/mini.yaml", "--videos", "videos"),
    ],
    ids=" ".join,
)
def test_halves_of_the_two_ways_to_evaluate_are_refused(assert_refused, called, arguments):
    assert_refused(("evaluate", *arguments), "give a run and --config, or --weights and --videos")
    assert not called


# A full disk


@pytest.fixture
def tiny(changed, tmp_path):
    """Arguments that train C2D for three epochs on 16 videos of noise."""
    path = changed({"clip.crop": 16, "train.epochs": 3, "train.frames_per_batch": 32})
    rng = np.random.default_rng(0)
    noise = (("ab"[i % 2], rng.integers(0, 256, (5, 16, 16, 3), np.uint8)) for i in range(16))
    index = tmp_path / "results/mini/cache/train.json"
    replace(write_cache(index, noise), storage=asdict(Storage(short_side=36))).write(index)  # as mini has it
    return ("train", "c2d18-t2-xh_random-s0", "--config", path, "--results", tmp_path / "results")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "whole_files", "resumed_after"), [(".pt", 1, 1), (".safetensors", 0, 3)], ids=["checkpoint", "weights"]
)
def test_training_that_fills_the_disk_goes_on_from_its_last_checkpoint(
    assert_refused, output, tmp_path, monkeypatch, tiny, suffix, whole_files, resumed_after
):
    written, open_file = [], Path.open

    class Full(io.FileIO):
        def write(self, content):
            super().write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # without a name, as write() fails

    def fill_up(path, mode="r", *arguments, **named):
        """Some files of the kind fit on the disk, the next one by half."""
        if path.suffix != suffix or mode != "wb":
            return open_file(path, mode, *arguments, **named)
        written.append(path)
        return open_file(path, mode, *arguments, **named) if len(written) <= whole_files else Full(path, mode)

    run_folder = tmp_path / "results/mini/runs/c2d18-t2-xh_random-s0"
    checkpoint = tmp_path / "results/mini/checkpoints/c2d18-t2-xh_random-s0.pt"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fill_up)
        assert_refused(tiny, tmp_path / "results", "No space left", "nothing half-written")
    assert not [path for path in (tmp_path / "results").rglob("*") if ".tmp" in path.name]
    assert not (run_folder / "model.safetensors").exists()
    assert checkpoint.exists()

    assert f"resuming after epoch {resumed_after}\n" in output(*tiny)
    assert (run_folder / "model.safetensors").exists()
    assert not checkpoint.exists()


MEASURES = {
    "online": ("rcn_bench.engine.online", "evaluate_online"),
    "w-hh": ("rcn_bench.analysis.hidden_state", "measure_hidden_state"),
    "lifetime": ("rcn_bench.engine.lifetime", "measure_lifetime"),
}


@pytest.mark.parametrize("command", MEASURES)
def test_a_finished_trainings_checkpoint_is_removed_by_who_has_read_its_weights(tmp_path, monkeypatch, command):
    """Of a run that only one of them shows, too, which no evaluation is made of."""
    module, name = MEASURES[command]
    run = "rcn18-t8-xh_stills-hh_identity-s0"
    kept = tmp_path / "smoke" / "checkpoints" / f"{run}.finished.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"the last one")
    (tmp_path / "lifetime.yaml").write_text("lifetime: {videos: 4, frames: 128}\n")
    smoke = Path(__file__).parents[2] / "config" / "smoke.yaml"
    files = [str(smoke), str(tmp_path / "lifetime.yaml")]
    typed = [command, run, "--config", *files, "--results", str(tmp_path)]

    def refuse(*_):
        raise InputError("weights that are not there")

    monkeypatch.setattr(f"{module}.{name}", refuse)
    assert cli.main(typed) == 2
    assert kept.is_file()
    monkeypatch.setattr(f"{module}.{name}", lambda *_: None)
    assert cli.main(typed) in (0, None)
    assert not kept.exists()
