"""Pretraining, training and evaluation on a tiny data set: files left behind, resuming, refusals, the C2D ceiling."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import rcn_bench.engine.optimisation as building
import rcn_bench.engine.train as training
from rcn_bench.config import check_config, load_config
from rcn_bench.data.building import build_cache
from rcn_bench.data.cache import Cache, CacheIndex
from rcn_bench.data.digits import DigitsConfig, make_digits
from rcn_bench.data.source import Source
from rcn_bench.data.video import write_lossless
from rcn_bench.engine.checkpoint import save_checkpoint
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.optimisation import learning_rate_factor, parameter_groups
from rcn_bench.engine.pretrain import pretrain
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError, TrainingDiverged
from rcn_bench.experiment import Run
from rcn_bench.files import file_hash, locked, read_json
from rcn_bench.layout import Layout
from rcn_bench.models import create_model
from rcn_bench.models.checkpointing import checkpoint_activations
from rcn_bench.models.rcn import make_recurrent

REPOSITORY = Path(__file__).parents[2]
RCN = Run("rcn18", 4, "stills", "identity", 0)
C2D = Run("c2d18", 4, "random", None, 0)
VIDEOS, EPOCHS, CLIPS = 16, 2, 4
SKIPPED = "brief_000000_000001"


def silent(line: str) -> None:
    pass


def tiny_config() -> dict:
    """Clips of 4 frames span 7 of a video's 25, so that three clips are symmetric under reversal."""
    config = copy.deepcopy(load_config(REPOSITORY / "config" / "mini.yaml"))
    config["name"] = "tiny"
    config["data"]["digits"] |= {
        "digits": [1, 4],
        "canvas": 20,
        "video_frames": 25,
        "frame_rate": 8,
        "train_videos": VIDEOS,
        "val_videos": VIDEOS,
        "stills": 64,
        "clutter": 1,
    }
    config["clip"] = {"stride": 2, "crop": 16, "evaluation_clips": CLIPS}
    config["train"] |= {"epochs": EPOCHS, "frames_per_batch": 32, "lr": 0.01, "threads": 1, "workers": 0}
    config["pretrain"] |= {"epochs": 1, "batch_size": 32, "threads": 1}
    config["figures"]["online_accuracy"] = {model: [4] for model in config["figures"]["online_accuracy"]}
    for shown in (*config["tables"].values(), config["figures"]["figure2"]):
        shown["frames"] = [4] if isinstance(shown["frames"], list) else 4
    check_config(config, "tiny")
    return config


@pytest.fixture
def config():
    return tiny_config()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A layout with data, caches and pretrained weights; every split has one more video that is too short."""
    config, layout = tiny_config(), Layout(tmp_path_factory.mktemp("results") / "tiny")
    make_digits(DigitsConfig(**config["data"]["digits"]), layout.data, progress=lambda line: None)
    for split in ("train", "val"):
        annotations = layout.data / "annotations" / f"{split}.csv"
        with annotations.open("a") as file:
            file.write(f"digit 1 up,brief,0,1,{split},brief\n")
        brief = layout.data / "videos" / split / "digit 1 up" / f"{SKIPPED}.mp4"
        write_lossless(brief, np.zeros((5, 20, 20), np.uint8), 8)
        build_cache(
            Source(annotations, layout.data / "videos", layout.cache(split), layout.check(split)), progress=silent
        )
    pretrain("resnet18", config, layout)
    yield layout
    shutil.rmtree(layout.root)


@pytest.fixture(scope="module")
def trained(tiny):
    """The layout after training and evaluating an RCN and a C2D."""
    for run in (RCN, C2D):
        train(run, tiny_config(), tiny)
        evaluate(run, tiny_config(), tiny)
    return tiny


@pytest.fixture
def fresh(tiny, tmp_path):
    """A layout with the same data and pretrained weights, and no runs."""
    layout = Layout(tmp_path / "fresh")
    layout.root.mkdir()
    for part in ("data", "cache", "pretrained"):
        (layout.root / part).symlink_to(tiny.root / part)
    yield layout
    shutil.rmtree(layout.root)


def metrics(layout: Layout, run: Run) -> list[dict]:
    return [json.loads(line) for line in (layout.run(run) / "metrics.jsonl").read_text().splitlines()]


def without_times(lines: list[dict]) -> list[dict]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def refuse_to_train(*args):
    raise AssertionError("training started")


def interrupt(*args, **options):
    raise KeyboardInterrupt


def interrupt_after(monkeypatch, epochs: int) -> None:
    """Stop training as Ctrl-C would, after some epochs."""
    whole, calls = training.train_one_epoch, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > epochs:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(training, "train_one_epoch", interrupted)


# Pretraining


def test_pretraining_writes_weights_that_a_resnet_loads(tiny):
    state = load_file(tiny.pretrained("resnet18"))
    network = create_model("c2d18", 2).trunk
    network.load_state_dict(state)
    assert all(torch.isfinite(value).all() for value in state.values())
    assert state["bn1.num_batches_tracked"] == 64 // 32


def test_pretraining_records_its_accuracy_and_origin(tiny, config):
    record = read_json(tiny.pretrained("resnet18").with_suffix(".json"))
    assert record["network"] == "resnet18"
    assert 0 <= record["held_out_accuracy"] <= 1
    assert record["held_out_stills"] == 10
    assert record["config"] == config
    assert {"command", "time", "git", "packages", "machine"} <= set(record)


def test_pretraining_without_stills_names_them(config, tmp_path):
    layout = Layout(tmp_path)
    with pytest.raises(InputError, match="make-digits") as error:
        pretrain("resnet18", config, layout)
    assert str(layout.stills) in str(error.value)


# What a training leaves


@pytest.mark.parametrize("run", [RCN, C2D], ids=lambda run: run.model)
def test_run_folder_holds_the_results_and_nothing_half_done(trained, run):
    names = {path.name for path in trained.run(run).iterdir()} - {".lock"}
    assert names == {"metrics.jsonl", "provenance.json", "model.safetensors", "predictions.csv", "eval.json"}
    assert not trained.checkpoint(run).exists()


@pytest.mark.parametrize("run", [RCN, C2D], ids=lambda run: run.model)
def test_metrics_have_a_line_for_every_epoch(trained, run):
    lines = metrics(trained, run)
    assert [line["epoch"] for line in lines] == list(range(1, EPOCHS + 1))
    for line in lines:
        assert line["samples"] == VIDEOS
        assert 0 < line["loss"] < float("inf")
        assert 0 <= line["accuracy"] <= 1
        assert line["seconds"] > 0


def test_provenance_of_a_run_tells_what_went_into_it(trained, config):
    record = read_json(trained.run(RCN) / "provenance.json")
    assert record["run"] == RCN.name
    assert record["config"] == config
    assert record["seed"] == 0
    assert record["data_fingerprint"] == Cache(trained.cache("train")).fingerprint
    weights = trained.pretrained("resnet18")
    assert record["weights_file"] == {"path": str(weights), "sha256": file_hash(weights)}
    assert record["packages"]["torch"] == version("torch")
    assert record["machine"]["threads"] == 1
    assert set(record["git"]) == {"commit", "dirty"}


def test_random_start_has_no_weights_file(trained):
    assert read_json(trained.run(C2D) / "provenance.json")["weights_file"] is None


def test_provenance_counts_videos_and_clips(trained):
    record = read_json(trained.run(RCN) / "provenance.json")
    assert record["training_videos_used"] == VIDEOS
    assert record["training_videos_skipped"] == [{"id": SKIPPED, "reason": "5 frames, a clip needs 7"}]
    assert record["clips_trained"] == EPOCHS * VIDEOS
    seconds = sum(line["seconds"] for line in metrics(trained, RCN))
    assert record["training_seconds"] == pytest.approx(seconds)
    assert record["training_clips_per_second"] == pytest.approx(record["clips_trained"] / seconds, rel=0.01)


def test_training_changes_the_weights_and_the_hidden_state(trained):
    state, start = load_file(trained.weights(RCN)), load_file(trained.pretrained("resnet18"))
    assert not torch.equal(state["trunk.layer1.0.conv1.w_xh.weight"], start["layer1.0.conv1.weight"])
    hidden = state["trunk.layer1.0.conv1.w_hh"]
    assert not torch.equal(hidden, torch.eye(64))
    assert (hidden - torch.eye(64)).abs().max() < 0.5


@pytest.mark.parametrize("run", [RCN, C2D], ids=lambda run: run.model)
def test_weights_carry_their_run_labels_and_config(trained, config, run):
    with safe_open(trained.weights(run), "pt") as file:
        card = file.metadata()
    assert card["run"] == run.name
    assert json.loads(card["labels"]) == Cache(trained.cache("train")).labels
    assert json.loads(card["config"]) == config


@pytest.fixture
def checkpointed(monkeypatch):
    """The models whose activations are checkpointed from now on."""
    models = []
    monkeypatch.setattr(building, "checkpoint_activations", lambda net: models.append(checkpoint_activations(net)))
    return models


def test_activation_checkpointing_gives_the_same_weights(fresh, config, checkpointed):
    config["train"]["epochs"] = 1
    train(RCN, config, fresh)
    plain, plain_metrics = load_file(fresh.weights(RCN)), metrics(fresh, RCN)
    assert len(checkpointed) == 0

    config["train"]["activation_checkpointing"] = True
    train(RCN, config, fresh)
    assert len(checkpointed) == 1
    for key, value in load_file(fresh.weights(RCN)).items():
        assert torch.equal(plain[key], value), key
    assert without_times(metrics(fresh, RCN)) == without_times(plain_metrics)


def test_every_epoch_shows_other_clips_in_another_order(fresh, config, monkeypatch):
    epochs = []

    def look(step, batches, *args):
        made = [[part.clone() for part in batch] for batch in batches]
        epochs.append([torch.cat(parts) for parts in zip(*made, strict=True)])
        return {"samples": 1, "seconds": 1.0}

    monkeypatch.setattr(training, "train_one_epoch", look)
    train(C2D, config, fresh)
    (clips, _, classes), (other_clips, _, other_classes) = epochs
    assert classes.sort().values.equal(other_classes.sort().values)
    assert not classes.equal(other_classes)
    assert not any(torch.equal(clip, other) for clip in clips for other in other_clips)


# Evaluation


@pytest.mark.parametrize("run", [RCN, C2D], ids=lambda run: run.model)
def test_evaluation_agrees_with_its_predictions(trained, run):
    result, table = read_json(trained.evaluation(run)), pd.read_csv(trained.run(run) / "predictions.csv")
    assert len(table) == result["videos_used"] == VIDEOS
    assert result["video_accuracy"] == pytest.approx((table["label"] == table["predicted"]).mean())
    assert result["clip_accuracy"] == pytest.approx(table["clips_correct"].sum() / (VIDEOS * CLIPS))
    assert table["clips_correct"].between(0, CLIPS).all()
    assert table["score"].between(1 / 8 - 1e-4, 1).all()
    assert set(table["label"]) | set(table["predicted"]) <= set(Cache(trained.cache("val")).labels)


@pytest.mark.parametrize("run", [RCN, C2D], ids=lambda run: run.model)
def test_accuracies_are_shares_within_their_intervals(trained, run):
    result = read_json(trained.evaluation(run))
    for kind in ("clip", "video"):
        low, high = result[f"{kind}_interval"]
        assert 0 <= low <= result[f"{kind}_accuracy"] <= high <= 1


def test_evaluation_records_clips_groups_and_skipped_videos(trained):
    result = read_json(trained.evaluation(RCN))
    assert result["run"] == RCN.name
    assert result["groups"] == VIDEOS // 2
    assert result["clips_per_video"] == CLIPS
    assert result["clip_starts_of_first_video"] == [0, 6, 12, 18]
    assert [video["id"] for video in result["videos_skipped"]] == [SKIPPED]
    assert result["data_fingerprint"] == Cache(trained.cache("val")).fingerprint
    assert {"command", "time", "git", "packages", "machine"} <= set(result)


@pytest.mark.parametrize("seed", range(2))
def test_c2d_scores_twins_alike_and_cannot_pass_a_half(fresh, config, seed):
    run = Run("c2d18", 4, "random", None, seed)
    torch.manual_seed(seed)
    model = create_model("c2d18", 8)
    fresh.run(run).mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, fresh.weights(run))
    evaluate(run, config, fresh)
    table = pd.read_csv(fresh.run(run) / "predictions.csv")
    for _, twins in table.groupby("group"):
        assert len(twins) == 2
        assert twins["label"].nunique() == 2
        assert twins["predicted"].nunique() == 1
        assert np.ptp(twins["score"]) <= 2e-4  # scores are written with four digits
    assert read_json(fresh.evaluation(run))["video_accuracy"] <= 0.5


def test_evaluation_without_weights_names_the_file(fresh, config):
    with pytest.raises(InputError, match=r"model\.safetensors"):
        evaluate(RCN, config, fresh)


def test_evaluation_refuses_weights_of_another_model(trained, fresh, config):
    fresh.run(RCN).mkdir(parents=True)
    shutil.copy(trained.weights(C2D), fresh.weights(RCN))
    with pytest.raises(InputError, match="not the weights of rcn18") as error:
        evaluate(RCN, config, fresh)
    assert str(fresh.weights(RCN)) in str(error.value)
    assert not fresh.evaluation(RCN).exists()


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"\x10" + b"\0" * 7 + b"{}"], ids=repr)
def test_evaluation_refuses_a_damaged_file(fresh, config, content):
    fresh.run(C2D).mkdir(parents=True)
    fresh.weights(C2D).write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors"):
        evaluate(C2D, config, fresh)


@pytest.fixture
def with_other_validation(trained, fresh):
    """Changes the lines of val.csv; gives a layout with the trained C2D and a cache of that validation split."""

    def make(change) -> Layout:
        (fresh.root / "cache").unlink()
        (fresh.root / "cache").mkdir()
        for name in ("train", "train.json"):
            (fresh.root / "cache" / name).symlink_to(trained.root / "cache" / name)
        shutil.copytree(trained.run(C2D), fresh.run(C2D))
        header, *rows = (trained.data / "annotations" / "val.csv").read_text().splitlines()
        annotations, videos = fresh.root / "val.csv", fresh.root / "videos"
        shutil.copytree(trained.data / "videos", videos)
        for folder in (videos / "val").iterdir():  # root/split/id.mp4 is found whatever the label
            for file in folder.iterdir():
                file.rename(videos / "val" / file.name)
        annotations.write_text("\n".join([header, *change(rows)]) + "\n")
        build_cache(Source(annotations, videos, fresh.cache("val"), fresh.check("val")), progress=silent)
        return fresh

    return make


def test_validation_classes_that_were_not_trained_are_refused(with_other_validation, config):
    layout = with_other_validation(lambda rows: [row.replace("digit 4 up", "digit 9 up") for row in rows])
    with pytest.raises(InputError, match="digit 9 up"):
        evaluate(C2D, config, layout)


def test_a_class_of_skipped_validation_videos_need_not_be_trained(with_other_validation, config):
    layout = with_other_validation(lambda rows: rows)
    index = CacheIndex.read(layout.cache("val"))
    index.labels.append("digit 9 up")
    index.write(layout.cache("val"))
    evaluate(C2D, config, layout)
    assert read_json(layout.evaluation(C2D))["videos_used"] == VIDEOS


def test_validation_videos_may_lack_a_class(trained, with_other_validation, config):
    layout = with_other_validation(lambda rows: [row for row in rows if not row.startswith("digit 1 down")])
    evaluate(C2D, config, layout)
    all_classes, fewer = (pd.read_csv(at.run(C2D) / "predictions.csv").set_index("video") for at in (trained, layout))
    assert len(fewer) == VIDEOS - 2
    assert (fewer["predicted"] == all_classes.loc[fewer.index, "predicted"]).all()
    assert (fewer["clips_correct"] == all_classes.loc[fewer.index, "clips_correct"]).all()


# Interruptions


def test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(trained, fresh, config, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs=1)
        with pytest.raises(KeyboardInterrupt):
            train(RCN, config, fresh)
    assert fresh.checkpoint(RCN).is_file()
    assert not fresh.weights(RCN).exists()

    train(RCN, config, fresh)
    resumed, whole = load_file(fresh.weights(RCN)), load_file(trained.weights(RCN))
    assert resumed.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
    assert without_times(metrics(fresh, RCN)) == without_times(metrics(trained, RCN))
    assert not fresh.checkpoint(RCN).exists()


def test_training_goes_on_when_activation_checkpointing_is_switched_on(
    trained, fresh, config, checkpointed, monkeypatch
):
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs=1)
        with pytest.raises(KeyboardInterrupt):
            train(C2D, config, fresh)
    config["train"]["activation_checkpointing"] = True
    train(C2D, config, fresh)
    assert len(checkpointed) == 1
    whole = load_file(trained.weights(C2D))
    assert all(torch.equal(value, whole[key]) for key, value in load_file(fresh.weights(C2D)).items())
    hashes = {read_json(at.run(C2D) / "provenance.json")["config_hash"] for at in (trained, fresh)}
    assert len(hashes) == 1


def test_training_interrupted_after_its_last_epoch_only_writes_its_results(trained, fresh, config, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_bytes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(C2D, config, fresh)
    assert not fresh.weights(C2D).exists()
    for file in fresh.run(C2D).iterdir():
        file.unlink()  # as Snakemake does with the outputs of a job that failed
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    train(C2D, config, fresh)
    whole = load_file(trained.weights(C2D))
    assert all(torch.equal(value, whole[key]) for key, value in load_file(fresh.weights(C2D)).items())
    assert without_times(metrics(fresh, C2D)) == without_times(metrics(trained, C2D))


def test_checkpoint_of_another_config_is_refused(fresh, config, monkeypatch):
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    save_checkpoint(fresh.checkpoint(C2D), "0123456789ab", 1, [], {})
    with pytest.raises(InputError, match="checkpoint of another config") as error:
        train(C2D, config, fresh)
    assert str(fresh.checkpoint(C2D)) in str(error.value)
    assert fresh.checkpoint(C2D).is_file()


def test_checkpoint_is_refused_after_a_change_of_the_config(fresh, config, monkeypatch):
    interrupt_after(monkeypatch, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train(C2D, config, fresh)
    config["train"]["lr"] *= 2
    with pytest.raises(InputError, match="checkpoint of another config"):
        train(C2D, config, fresh)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 100], ids=repr)
def test_damaged_checkpoint_is_refused(fresh, config, monkeypatch, content):
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    fresh.checkpoint(C2D).parent.mkdir()
    fresh.checkpoint(C2D).write_bytes(content)
    with pytest.raises(InputError, match="damaged checkpoint") as error:
        train(C2D, config, fresh)
    assert str(fresh.checkpoint(C2D)) in str(error.value)


def test_run_that_is_being_worked_on_is_refused(fresh, config):
    with locked(fresh.run(C2D)), pytest.raises(InputError, match="another process") as error:
        train(C2D, config, fresh)
    assert str(fresh.run(C2D)) in str(error.value)
    assert not fresh.weights(C2D).exists()


def test_lock_of_a_killed_process_is_released(tmp_path):
    program = "import sys; from pathlib import Path; from rcn_bench.files import locked\n"
    program += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(tmp_path):
            pass


# Refusals


def test_training_that_diverges_stops_and_leaves_no_weights(fresh, config):
    config["train"] |= {"lr": 1e10, "warmup": 0, "epochs": 3}
    with pytest.raises(TrainingDiverged, match=C2D.name):
        train(C2D, config, fresh)
    assert not fresh.weights(C2D).exists()


@pytest.mark.parametrize("frames_per_batch", [4, 4 * (VIDEOS + 1)])
def test_batch_of_one_clip_or_more_than_there_are_is_refused(fresh, config, frames_per_batch):
    config["train"]["frames_per_batch"] = frames_per_batch
    with pytest.raises(InputError, match=r"train\.frames_per_batch"):
        train(C2D, config, fresh)


def test_training_without_a_cache_is_refused(config, tmp_path):
    with pytest.raises(InputError, match=r"train\.json: no cache here"):
        train(C2D, config, Layout(tmp_path))


def test_training_without_its_pretrained_weights_is_refused(fresh, config):
    (fresh.root / "pretrained").unlink()
    with pytest.raises(InputError, match=r"resnet18-stills\.safetensors"):
        train(RCN, config, fresh)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (Run("rcn81", 4, "random", "identity"), "rcn81"),
        (Run("c2d18", 4, "random", "identity"), "w_hh"),
        (Run("c2d18", 4, "noise"), "noise"),
        (Run("rcn18", 4, "random", "noise"), "noise"),
        (Run("r2plus1d18", 4, "stills"), "r2plus1d18"),
    ],
)
def test_run_that_no_model_can_do_is_refused(fresh, config, run, reason):
    with pytest.raises(InputError, match=reason):
        train(run, config, fresh)


# Optimisation


@pytest.fixture
def small_rcn():
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 4 * 4, 2))
    return make_recurrent(trunk, lambda name, convolution: True)


def test_weight_decay_of_w_hh_is_its_own(small_rcn):
    optimizer = torch.optim.SGD(parameter_groups(small_rcn, weight_decay=0.5, w_hh_weight_decay=0.0), lr=1.0)
    before = {name: p.detach().clone() for name, p in small_rcn.named_parameters()}
    for parameter in small_rcn.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert sum(name.endswith("w_hh") for name in before) == 2
    for name, parameter in small_rcn.named_parameters():
        torch.testing.assert_close(parameter, before[name] * (1.0 if name.endswith("w_hh") else 0.5))


@pytest.mark.parametrize("model", [nn.Linear(2, 2), "rcn"], ids=["plain", "rcn"])
def test_every_parameter_is_in_one_group(model, small_rcn):
    model = small_rcn if model == "rcn" else model
    groups = parameter_groups(model, 0.1, 0.2)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())
    assert all(group["params"] for group in groups)


STEPS = st.integers(5, 300)


@given(steps=STEPS, warmup=st.floats(0, 0.9), schedule=st.sampled_from(["cosine", "step"]))
def test_learning_rate_rises_to_its_peak_and_never_again(steps, warmup, schedule):
    factors = [learning_rate_factor(step, steps, warmup, schedule, [0.5, 0.75]) for step in range(steps)]
    peak = int(np.argmax(factors))
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


@given(steps=STEPS)
def test_learning_rate_starts_low_and_reaches_its_peak_after_the_warmup(steps):
    factors = [learning_rate_factor(step, 5 * steps, 0.2, "cosine") for step in range(5 * steps)]
    assert factors[0] == pytest.approx(1 / steps)
    assert factors[steps - 1] == pytest.approx(1)
    assert max(factors) == pytest.approx(1)


@given(steps=STEPS, warmup=st.floats(0, 0.9))
def test_cosine_ends_at_zero(steps, warmup):
    assert learning_rate_factor(steps - 1, steps, warmup, "cosine") == pytest.approx(0, abs=1e-6)


def test_cosine_is_half_way_down_in_the_middle_of_the_rest():
    assert learning_rate_factor(59, 100, 0.2, "cosine") == pytest.approx(0.5)


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1), (49, 1), (50, 0.1), (74, 0.1), (75, 0.01), (99, 0.01)])
def test_step_schedule_falls_tenfold_after_each_milestone(step, factor):
    assert learning_rate_factor(step, 100, 0.1, "step", [0.5, 0.75]) == pytest.approx(factor)
