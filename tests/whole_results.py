"""The whole results of a small experiment, every link of the chain there, as the workflow would leave them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure
from PIL import Image
from table_results import write_online_run, write_results

from rcn_bench.plan.config import check_config, merged, update
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import targets
from rcn_bench.records.base import with_checksum
from rcn_bench.records.found import RECORDS, record_path
from rcn_bench.records.kept import MANIFEST
from rcn_bench.records.runs import Pretrained
from rcn_bench.reporting.write import write_product
from rcn_bench.trust.tree import Tree
from results import write_own_hidden_state, write_training

CONFIG: dict[str, Any] = {
    "name": "small",
    "seeds": [0, 1],
    "tables": {
        "table2": {"models": ["c2d18", "rcn18"], "frames": 8},
        "table3": {"models": ["rcn18"], "frames": [8]},
        "table4": {"models": ["c2d18", "rcn18"], "frames": [8]},
        "w_hh": {"model": "rcn18", "frames": 8},
        "claims": {},
    },
    "figures": {
        "figure2": None,
        "forest": {},
        "online_accuracy": {"rcn18": [8], "c2d18": None, "i3d18": None, "r2plus1d18": None},
    },
}


def write_whole(results: Path) -> Path:
    """Returns the folder of the experiment."""
    config = merged(["config/mini.yaml"])
    update(config, CONFIG)
    experiment = check_config(config, "config", results)
    write_results(experiment)
    _write_hidden_states(experiment)
    for seed in experiment.seeds:
        write_online_run(experiment, "rcn18", seed, carried=["1101110111"] * 4, restarted=["0101110110"] * 4)
    for run in all_runs(products_of(experiment).values()):
        _write_weights(experiment, run)
    _write_stills(experiment)
    paths = experiment.paths
    paths.config.write_text(yaml.safe_dump(experiment.config, sort_keys=False))
    with pytest.MonkeyPatch.context() as patched:  # drawing takes seconds, and nothing is read from what is drawn
        patched.setattr(Figure, "savefig", lambda _, file, **options: _draw_nothing(file, options["format"]))
        for name, product in products_of(experiment).items():
            write_product(experiment, product.kind, name)
    return paths.root


def _draw_nothing(file: IO[bytes], suffix: str) -> None:
    if suffix == "png":
        Image.new("RGB", (1, 1)).save(file, suffix, dpi=(200, 200))
    else:
        file.write(f"a {suffix}".encode())


def _write_hidden_states(experiment: Experiment) -> None:
    rng = np.random.default_rng(0)
    for name in targets(experiment, "w_hh"):
        start = [rng.standard_normal((width, width)).astype(np.float32) for width in (4, 6)]
        write_own_hidden_state(experiment, Run.parse(name), start, [w_hh + np.float32(0.1) for w_hh in start])


def _write_weights(experiment: Experiment, run: Run) -> None:
    """Of a run; its other records are to tell of the same."""
    paths, weights = experiment.paths, f"the weights of {run.name}".encode()
    paths.weights(run).write_bytes(weights)
    sha256 = hashlib.sha256(weights).hexdigest()
    for stage in ("evaluate", "online", "w_hh"):
        path = record_path(paths, stage, run.name)
        if path.exists():
            replace(RECORDS[stage][0].read(path), weights_sha256=sha256).write(path)
    write_training(experiment, run, seed=run.seed, initial_weights=None, weights_sha256=sha256)


def _write_stills(experiment: Experiment) -> None:
    path, weights = experiment.paths.pretrained("resnet18"), b"the weights of resnet18"
    path.write_bytes(weights)
    record = Pretrained.read(path.with_suffix(".json"))
    replace(record, weights_sha256=hashlib.sha256(weights).hexdigest()).write(path.with_suffix(".json"))


# Results that were changed, and all of whose checksums were made to go with the change


def make_consistent(root: Path) -> None:
    """Write every checksum anew, as somebody would who wanted a change not to be seen."""
    tree, hashed = Tree(root), _Hashes(root)
    for link in tree.links:
        path = root / link.path
        plain = json.loads(path.read_text())
        before = json.dumps(plain)
        for field, name in link.beside.items():
            if (root / name).exists():
                *above, last = field.split(".")
                holder = plain[above[0]] if above else plain
                holder[last] = hashed(name)
        for named in plain["origin"]["inputs"]:
            name = tree.of_input(named)
            if name and (root / name).exists():
                plain["origin"]["inputs"][named] = hashed(name)
        plain.pop("sha256")
        if json.dumps(plain := with_checksum(plain)) != before:
            path.write_text(json.dumps(plain, indent=2) + "\n")
    path = root / MANIFEST
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    plain["files"] = {name: hashed(name) for name in plain["files"]}
    path.write_text(json.dumps(with_checksum(plain), indent=2) + "\n")


class _Hashes:
    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, name: str) -> str:
        return hashlib.sha256((self.root / name).read_bytes()).hexdigest()


def files_of(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def changes_between(before: dict[Path, bytes], after: dict[Path, bytes]) -> Iterator[Path]:
    yield from (path for path in {**before, **after} if before.get(path) != after.get(path))
