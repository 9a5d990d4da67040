"""Results that are missing, damaged, or of something else: in evaluation, tables, figures and comparisons."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save, save_file

from provokers.user import OWN, RUN, SIDE, SMOKE, WINDOWED, Met, User, provoker, slow, weights_of
from rcn_bench.engine import calibrate
from rcn_bench.records.base import with_checksum
from rcn_bench.records.weights import Card, sealed
from rcn_bench.reporting import benchmarks

RUNS = Path("results", "own", "runs")
FOLDER = RUNS / RUN
TABLE = "table3_clip_length"


def edit(path: Path, without: str = "", **changes: object) -> None:
    """A result with other values or without a key, as another version might have written it."""
    plain = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(with_checksum({key: plain[key] for key in plain if key not in ("sha256", without)})))


@provoker
def no_trained_weights(user: User) -> Met:
    user.has_finished()
    weights_of(RUN).unlink()
    return user.evaluates({}).naming(weights_of(RUN), f"rcn-bench train {RUN}")


@provoker
def weights_of_another_run(user: User) -> Met:
    user.has_finished()
    shutil.copy(weights_of(WINDOWED), weights_of(RUN))
    return user.evaluates({}).naming(weights_of(RUN), WINDOWED)


@provoker
def weights_of_another_config(user: User) -> Met:
    user.has_finished()
    return user.evaluates({"clip.crop": 20}).naming(weights_of(RUN), "clip.crop", 16, 20)


@provoker
def weights_of_nothing_here(user: User) -> Met:
    user.has_finished()
    path = user.file("some.safetensors", "no weights")
    return user.runs("evaluate", "--weights", path, "--videos", "videos").naming(path)


@provoker
def no_such_weights(user: User) -> Met:
    user.has_finished()
    return user.runs("stream", "videos/val/0.mp4", "--weights", "none.safetensors").naming("none.safetensors")


@provoker
def weights_that_have_changed(user: User) -> Met:
    user.has_finished()
    content = bytearray(weights_of(RUN).read_bytes())
    content[-5] ^= 1
    weights_of(RUN).write_bytes(content)
    return user.evaluates({}).naming(weights_of(RUN))


@provoker
def weights_of_an_earlier_version(user: User) -> Met:
    user.has_finished()
    save_file({"fc": torch.zeros(1)}, weights_of(RUN), {"run": RUN})
    return user.evaluates({}).naming(weights_of(RUN))


@provoker
@slow
def weights_that_their_record_does_not_know(user: User) -> Met:
    user.has_finished()
    shutil.copy(weights_of(RUN), "kept.safetensors")
    shutil.rmtree(FOLDER)
    user.trains({"train.epochs": 3})
    shutil.copy("kept.safetensors", weights_of(RUN))
    return user.evaluates({"train.epochs": 3}).naming(weights_of(RUN), FOLDER / "provenance.json")


@provoker
def digit_that_was_not_trained(user: User) -> Met:
    user.has_finished()
    own = {**SMOKE["data"]["digits"], "canvas": SIDE}
    changes = {"data": {"digits": own}, "lifetime": {"videos": 8, "frames": 8}}
    return user.runs("lifetime", RUN, "--config", user.config(changes, OWN)).naming(weights_of(RUN), "digit 1 up")


@provoker
def label_that_was_not_trained(user: User) -> Met:
    user.has_finished()
    rows = Path("val.csv").read_text().replace("up", "left")
    user.file("val.csv", rows)
    user.file("train.csv", Path("train.csv").read_text().replace("up", "left"))
    for split in ("train", "val"):
        assert user.caches({}, split).code == 0
    return user.evaluates({}).naming("val.json", "left", "up")


@provoker
def videos_of_another_training(user: User) -> Met:
    user.has_finished()
    user.file("train.csv", "".join(Path("train.csv").read_text().splitlines(keepends=True)[:-2]))
    assert user.caches({}).code == 0
    return user.evaluates({}).naming(FOLDER / "provenance.json", "train.json")


@provoker
def validation_videos_too_short(user: User) -> Met:
    user.has_finished()
    run = "rcn_pocket-t16-xh_random-hh_identity-s0"
    (RUNS / run).mkdir()
    save_as(run, frames=16)
    return user.evaluates({"tables.table3.frames": [16], "train.frames_per_batch": 32}, run).naming("val.json", 16)


def save_as(run: str, **changes: object) -> None:
    """Weights as of a run, whose card has other values."""
    card = replace(Card.of(weights_of(RUN)), run=run, **changes)
    weights_of(run).write_bytes(sealed(save(load_file(weights_of(RUN)), card.to_metadata())))


@provoker
def no_such_table(user: User) -> Met:
    user.has_finished()
    return user.makes("table", "table9", {}).naming("table9", "table3_clip_length")


@provoker
def result_missing(user: User) -> Met:
    user.has_finished()
    (FOLDER / "eval.json").unlink()
    return user.makes("table", TABLE, {}).naming(FOLDER / "eval.json", f"rcn-bench evaluate {RUN}")


@provoker
def result_that_is_no_json(user: User) -> Met:
    user.has_finished()
    (FOLDER / "eval.json").write_text("{")
    return user.makes("table", TABLE, {}).naming(FOLDER / "eval.json")


@provoker
def result_without_a_key(user: User) -> Met:
    user.has_finished()
    edit(FOLDER / "eval.json", without="groups")
    return user.makes("table", TABLE, {}).naming(FOLDER / "eval.json", "groups")


@provoker
def result_of_another_kind(user: User) -> Met:
    user.has_finished()
    edit(FOLDER / "eval.json", videos_used="many")
    return _table(user).naming("videos_used", "many")


def _table(user: User) -> Met:
    return user.makes("table", TABLE, {}).naming(FOLDER / "eval.json")


@provoker
def result_that_has_changed(user: User) -> Met:
    user.has_finished()
    content = json.loads((FOLDER / "eval.json").read_text())
    (FOLDER / "eval.json").write_text(json.dumps(content | {"groups": content["groups"] + 1}))
    return _table(user)


@provoker
def result_that_cannot_be(user: User) -> Met:
    user.has_finished()
    edit(FOLDER / "eval.json", clips_per_video=0)
    return _table(user).naming("clips")


@provoker
def result_without_a_checksum(user: User) -> Met:
    user.has_finished()
    content = json.loads((FOLDER / "eval.json").read_text())
    del content["sha256"]
    (FOLDER / "eval.json").write_text(json.dumps(content))
    return _table(user)


@provoker
def result_of_another_run(user: User) -> Met:
    user.has_finished()
    shutil.copy(RUNS / WINDOWED / "eval.json", FOLDER / "eval.json")
    return user.makes("table", TABLE, {}).naming(FOLDER / "eval.json", WINDOWED)


@provoker
def result_of_other_settings(user: User) -> Met:
    user.has_finished()
    return user.makes("table", TABLE, {"clip.evaluation_clips": 4}).naming("eval.json", "clip.evaluation_clips")


@provoker
def rows_that_have_changed(user: User) -> Met:
    user.has_finished()
    path = FOLDER / "predictions.csv"
    path.write_text(path.read_text().replace("up", "down"))
    return user.makes("table", TABLE, {}).naming(path)


@provoker
@slow
def result_of_other_weights(user: User) -> Met:
    user.has_finished()
    shutil.rmtree("results/own/checkpoints", ignore_errors=True)
    weights_of(RUN).unlink()
    user.monkeypatch.setattr("torch.manual_seed", lambda seed: torch.random.default_generator.manual_seed(seed + 7))
    user.trains({})
    return user.makes("table", TABLE, {}).naming(FOLDER / "provenance.json", f"rcn-bench evaluate {RUN}")


@provoker
def result_of_other_videos(user: User) -> Met:
    user.has_finished()
    Path("results/own/cache/val.fingerprint").write_text("0123456789ab\n")
    changes = {"tables": {"table3": {"models": ["rcn_pocket"], "frames": [4]}}}
    return user.makes("table", TABLE, changes).naming(FOLDER / "eval.json", "val.fingerprint")


@provoker
def nothing_to_compare(user: User) -> Met:
    user.has_finished()
    Path("elsewhere").mkdir()
    return user.runs("compare", "results", "elsewhere").naming("results", "elsewhere")


@provoker
def no_causality_here(user: User) -> Met:
    user.has_finished()
    return user.runs("causality", "--config", user.config({}, OWN)).naming("tables.table5")


@provoker
def no_league_here(user: User) -> Met:
    return user.runs("league", "--config", user.config({"tables": {}})).naming("tables.league")


@provoker
def frames_too_small_for_a_model(user: User) -> Met:
    changes = {"clip.crop": 16, "tables.league": {"models": ["s3d"], "frames": 8}}
    return user.runs("league", "--config", user.config(changes)).naming("s3d", "tables.league.models")


@provoker
def model_that_no_table_shows(user: User) -> Met:
    return user.runs("profile", "s3d", "--config", user.config({})).naming("s3d", "tables.table4.models")


@provoker
def clip_too_short_to_certify(user: User) -> Met:
    return user.runs("certify", "s3d", "--frames", 2).naming("s3d", 2)


@provoker
def unknown_model_to_certify(user: User) -> Met:
    return user.runs("certify", "rnc18").naming("rnc18")


@provoker
def no_benchmarks_kept(user: User) -> Met:
    return user.runs("bench", "--kept", "--results", "results").naming("results/reference")


@provoker
def no_checkout(user: User) -> Met:
    user.monkeypatch.setattr(benchmarks, "BENCHMARKS", Path("nowhere"))
    return user.runs("bench").naming("nowhere")


@provoker
def authors_weights_missing(user: User) -> Met:
    user.has_finished()
    return user.runs("calibrate", "rcn50", "--config", user.config({}, OWN)).naming("rcn50", "--weights-file")


@provoker
def authors_weights_without_a_classifier(user: User) -> Met:
    user.has_finished()
    save_file({"conv.weight": torch.zeros(1)}, "theirs.safetensors")
    command = ("calibrate", "rcn50", "--config", user.config({}, OWN), "--weights-file", "theirs.safetensors")
    return user.runs(*command).naming("theirs.safetensors", "fc.weight")


def _calibrates(user: User, changes: dict[str, object]) -> Met:
    """By weights that are as good as torchvision's."""
    user.has_finished()
    user.monkeypatch.setattr(calibrate, "torchvision_model", lambda *_: torch.nn.Linear(1, 1))
    return user.runs("calibrate", "r3d_18", "--config", user.config(changes, OWN))


@provoker
def rate_that_weights_were_not_measured_at(user: User) -> Met:
    return _calibrates(user, {}).naming("data.frame_rate", "r3d_18")


@provoker
def no_download(user: User) -> Met:
    user.has_finished()

    def offline(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    user.monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", offline)
    return user.runs("calibrate", "r3d_18", "--config", user.config({}, OWN)).naming("weights_file")


def _with_tensors(**changes: float) -> None:
    """The run's weights, as it wrote them, with one value in each of some tensors."""
    state = load_file(weights_of(RUN))
    for name, value in changes.items():
        state[next(each for each in state if each.endswith(name))].fill_(value)
    weights_of(RUN).write_bytes(sealed(save(state, Card.of(weights_of(RUN)).to_metadata())))
    (FOLDER / "provenance.json").unlink()


@provoker
def weights_that_are_not_finite(user: User) -> Met:
    user.has_finished()
    _with_tensors(w_hh=float("nan"))
    return user.evaluates({}).naming(weights_of(RUN), "w_hh")


@provoker
def frames_that_hold_one_crop(user: User) -> Met:
    user.has_finished()
    user.trains({"clip.crop": SIDE})
    return user.evaluates({"clip.crop": SIDE, "clip.evaluation_crops": 3}).naming("val.json", "val/0.mp4", 20, 22)


@provoker
def scores_that_are_not_finite(user: User) -> Met:
    user.has_finished()
    _with_tensors(weight=3e38)
    return user.evaluates({}).naming("val/0.mp4")


@provoker
def network_without_w_hh(user: User) -> Met:
    user.has_finished()
    return user.runs("w-hh", WINDOWED, "--config", "own.yaml").naming(WINDOWED, "pocket3d")


@provoker
def w_hh_beyond_float16(user: User) -> Met:
    user.has_finished()
    _with_tensors(w_hh=1e5)
    return user.runs("w-hh", RUN, "--config", "own.yaml").naming(weights_of(RUN), "w_hh", "100000", "65504")


@provoker
def scores_beyond_what_they_are_kept_in(user: User) -> Met:
    user.has_finished()
    _with_tensors(**{"7.bias": 65_540})  # of the classes
    return user.evaluates({}).naming("val/0.mp4")
