"""An experiment for tests of claims, and the records that each claim is tested on."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
from changes import with_changes
from table_results import AGES, write_lifetime_run

from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import products_of
from rcn_bench.plan.products.claims import Tested
from rcn_bench.plan.run import Run
from rcn_bench.records.costs import Causality, Certificate
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState, MatrixStatistics
from rcn_bench.reporting.claims.claims import CLAIMS
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding
from results import own_origin, write_own_run, write_training

SEEDS, VIDEOS, CLIPS = [0, 1, 2, 3], 60, 4
ROWS = [f"rcn18-t8-xh_{w_xh}-hh_{w_hh}" for w_xh in ("random", "stills") for w_hh in ("random", "identity")]
LONGER = "rcn18-t16-xh_stills-hh_identity"
I3D = ["i3d18-t8-xh_random", "i3d18-t8-xh_stills"]
R2P1D = "r2plus1d18-t8-xh_random"
IN_FIGURE2 = ["rcn18-t16-xh_random-hh_identity", LONGER]
CONFIG: dict[str, Any] = {
    "seeds": SEEDS,
    "tables": {
        "table1": {"model": "rcn18", "frames": 8},
        "table2": {"models": ["rcn18", "i3d18", "r2plus1d18"], "frames": 8},
        "table3": {"models": ["rcn18"], "frames": [8, 16]},
        "table5": {
            "models": ["rcn18", "rcn50", "i3d18", "r2plus1d18", "i3d50_nl", "i3d18_causal", "c2d18"],
            "frames": 16,
        },
        "claims": {},
    },
    "figures": {
        "figure2": {"models": ["rcn18"], "frames": 16},
        "lifetime": {"rcn18": [8], "i3d18": [8], "c2d18": [8]},
        "forest": {},
    },
    "lifetime": {"videos": VIDEOS, "frames": 128},
}


def claims_experiment(results: Path, changes: dict[str, Any] | None = None) -> Experiment:
    """mini with four seeds and what claims are tested on; changes: values at dotted keys."""
    config = merged(["config/mini.yaml"]) | copy.deepcopy(CONFIG)
    return check_config(with_changes(config, changes or {}), "config", results)


def found(experiment: Experiment, claim: str) -> Finding:
    product = products_of(experiment)["claims"]
    assert isinstance(product, Tested)
    (wanted,) = [each for each in CLAIMS if each.id == claim]
    return wanted.found(Evidence(product))


def runs_of(experiment: Experiment, start: str) -> list[Run]:
    return [Run.parse(f"{start}-s{seed}") for seed in experiment.seeds]


def write_accuracies(experiment: Experiment, shares: dict[str, float], **epochs: list[float]) -> None:
    """Runs of these starts, so many of whose videos are right. epochs: accuracies in training, by start."""
    for place, (start, share) in enumerate(shares.items()):
        for run in runs_of(experiment, start):
            rng = np.random.default_rng([place, run.seed])
            correct = rng.permutation(VIDEOS) < round(VIDEOS * share) + run.seed % 2
            accuracies = epochs.get(start, [share / 2, share])
            write_own_run(experiment, run, correct, CLIPS * correct.astype(int), accuracies, clips_per_video=CLIPS)


def write_speeds(experiment: Experiment, epochs: dict[str, list[float]]) -> None:
    """Runs of these starts with such accuracies in training, a little other by seed."""
    for start, accuracies in epochs.items():
        write_accuracies(experiment, {start: 0.5})
        for run in runs_of(experiment, start):
            *others, last = accuracies
            write_training(experiment, run, [*(each + 0.01 * run.seed for each in others), last])


WIDTHS = [8, 8, 16, 16]
START = [MatrixStatistics((1 / c), (1 / c - 1 / c**2) ** 0.5, 1.0, 0.0) for c in WIDTHS]  # the identity


def write_layers(experiment: Experiment, start: str, std: list[float], diagonal: list[float], seeds: int = 4) -> None:
    """w_hh whose std and whose diagonal's mean have changed by so much, by layer, a little other by seed."""
    for run in runs_of(experiment, start)[:seeds]:
        layers = []
        for place, (before, of_std, of_diagonal) in enumerate(zip(START, std, diagonal, strict=True), start=1):
            noise = 1 + 0.05 * run.seed
            changed = MatrixStatistics(
                before.mean, before.std + of_std * noise, 1.0 + of_diagonal * noise, before.diagonal_std
            )
            layers.append(HiddenLayer(place, f"layer{place}.w_hh", WIDTHS[place - 1], changed, before, 0.1))
        write_training(experiment, run, [0.5])
        known = {"origin": own_origin(experiment, "w_hh", run.name), "weights_sha256": "w", "matrices_sha256": "m"}
        HiddenState(run=run.name, layers=layers, **known).write(experiment.paths.hidden_state(run))


def write_certificates(experiment: Experiment, causal: set[str], outputs: dict[str, int] | None = None) -> None:
    """Of all models of Table 5, those that are causal; outputs in time, where they are fewer than frames."""
    rows = [
        Certificate(model, model in causal, 0.0 if model in causal else 0.5, 16, (outputs or {}).get(model, 16), 15, 0)
        for model in experiment.tables["table5"]["models"]
    ]
    origin = own_origin(experiment, "causality")
    Causality(origin=origin, rows=rows).write(experiment.paths.causality)


def write_lifetimes(experiment: Experiment, losses: dict[str, float], frames: int = 8) -> None:
    """Runs of these models, which at 16 times the training length lose such a share of what they had right."""
    names = [f"v{number}" for number in range(VIDEOS)]
    columns = {"video": names, "group": [f"g{number // 2}" for number in range(VIDEOS)], "label": ["walk"] * VIDEOS}
    for model, loss in losses.items():
        for seed in experiment.seeds:
            rng = np.random.default_rng(seed)
            before = rng.random(VIDEOS) < 0.8
            after = before & (rng.random(VIDEOS) >= loss) if loss >= 0 else np.ones(VIDEOS, bool)
            rows = [
                f"{'1' if was else '0'}" * (len(AGES) - 1) + f"{int(now)}"
                for was, now in zip(before, after, strict=True)
            ]
            way = "windows" if model.startswith("i3d") else "last"
            write_lifetime_run(experiment, model, seed, frames, columns, **{way: rows})
