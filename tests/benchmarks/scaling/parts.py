"""What all parts of the measurement of scaling share: the experiment, the file that they keep their results in."""

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from changes import with_changes

from rcn_bench.files import read_json, write_json
from rcn_bench.plan.experiment import Experiment

ROOT = Path(__file__).parents[3]
CHECKS = ("gpu_slots", "same_bits", "loss_curves", "resumed_by_all", "resumed_by_one")
# config/base/digits_112.yaml at a few videos: 20 epochs of 10 steps on 64 clips of 8 frames.
FULL = {
    "name": "scaling",
    "seeds": [0],
    "data.digits.train_videos": 640,
    "data.digits.val_videos": 20,
    "data.digits.video_frames": 32,
    "data.digits.stills": 64,  # a batch of pretraining, which nothing here asks for
    "data.shard_videos": 20,  # each is the work of a process
    "train.epochs": 20,
    "train.lr": 0.02,
    "models": {"rcn18": {"w_xh": ["random"], "w_hh": ["identity"]}},
    "tables": {},
    "figures": {},
}
# To try the programs out on a CPU, as a test does.
TINY = {
    "name": "scaling",
    "seeds": [0],
    "plugins": ["pocket_models"],
    "train.epochs": 60,
    "train.workers": 1,
    "models": {"rcn_pocket": {"w_xh": ["random"], "w_hh": ["identity"]}},
    "tables": {},
    "figures": {},
}


def config(tiny: bool, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """changes: at dotted keys."""
    base, own = ("tests/soak/tiny.yaml", TINY) if tiny else ("config/base/digits_112.yaml", FULL)
    return with_changes(yaml.safe_load((ROOT / base).read_text()), own | (changes or {}))


def experiment(tiny: bool, results: Path) -> Experiment:
    """For steps that are timed: as fast as they can be, whatever their bits."""
    whole = Experiment.of(config(tiny), results)
    return replace(whole, train=replace(whole.train, deterministic=False))


def keep(output: Path, processes: int, part: str, value: object) -> None:
    """Put a part of what so many processes have measured into the file, which has other numbers of them too."""
    content = read_json(output) if output.is_file() else {}
    content.setdefault(str(processes), {})[part] = value
    write_json(output, content)


def with_rates(row: dict[str, Any], processes: int) -> dict[str, Any]:
    """A row with what its times come to: clips a second, efficiency, seconds a step that the sum of gradients costs."""
    seconds = {way: median(rounds) for way, rounds in row["seconds"].items()}
    one, together = row["clips_of_one"] / seconds["one"], row["clips"] * processes / seconds["together"]
    rates: dict[str, Any] = {"clips_per_second": {"one": one, "together": together}}
    rates["efficiency"] = together / one / processes
    if "side by side" in row["seconds"]:
        pairs = zip(row["seconds"]["together"], row["seconds"]["side by side"], strict=True)
        rates["seconds_for_gradients"] = median(all_of - alone for all_of, alone in pairs)
    return row | rates
