"""Results that do not hold, or are not there, when they are verified, kept, or asked why."""

import shutil
from pathlib import Path

from provokers.findings import FOLDER, edit
from provokers.user import Met, User, provoker
from rcn_bench.plan.config import experiment_in
from rcn_bench.plan.writers import writing
from rcn_bench.records.kept import MANIFEST, Manifest
from rcn_bench.records.runs import Evaluation
from rcn_bench.reporting.table import Table
from rcn_bench.trust.checks import check_files_beside
from results import an_origin

OWN = Path("results", "own")


def _has_results(user: User) -> None:
    """As a workflow leaves them, but for its table and figure."""
    user.has_finished()
    shutil.copy("own.yaml", OWN / "config.yaml")


def _asks(user: User, row: str, column: str) -> Met:
    _has_results(user)
    name = "table3_clip_length"
    Table.of("Table 3", [{"model": "rcn_pocket", "frames": 4, "clip acc %": 50.0}], []).write(
        OWN / "tables" / name, an_origin(stage="table"), []
    )
    return user.runs("why", name, "--row", row, "--column", column, "--in", OWN).naming(f"{name}.csv")


@provoker
def no_results_there(user: User) -> Met:
    return user.runs("verify", "results").naming("results/config.yaml")


@provoker
def link_that_is_missing(user: User) -> Met:
    _has_results(user)
    return user.runs("verify", OWN).naming(OWN, "rcn-bench")


@provoker
def link_that_does_not_hold(user: User) -> Met:
    user.has_finished()
    path = FOLDER / "eval.json"
    edit(path, video_accuracy=0.125)
    return user.calls(check_files_beside, Evaluation.read(path), path).naming(path, "video_accuracy: 0.125")


@provoker
def kept_file_that_has_changed(user: User) -> Met:
    _has_results(user)
    Manifest(files={"config.yaml": "0" * 64}, left_out={}, systems=[]).write(OWN / MANIFEST)
    return user.runs("verify", OWN).naming(OWN / "config.yaml")


@provoker
def what_does_not_hold_is_not_kept(user: User) -> Met:
    _has_results(user)
    return user.runs("keep", OWN, "kept").naming(OWN, "not there")


@provoker
def what_is_kept_is_not_kept_again(user: User) -> Met:
    _has_results(user)
    Manifest(files={}, left_out={}, systems=[]).write(OWN / MANIFEST)
    return user.runs("keep", OWN, "again").naming(OWN)


@provoker
def nothing_is_kept_over_something(user: User) -> Met:
    _has_results(user)
    return user.runs("keep", OWN, "videos").naming("videos")


@provoker
def nothing_is_kept_of_results_at_work(user: User) -> Met:
    _has_results(user)
    with writing(experiment_in(OWN), "train a run"):
        return user.runs("keep", OWN, "kept").naming(OWN, "train a run")


@provoker
def cell_of_which_results(user: User) -> Met:
    return user.runs("why", "table1_init", "--row", 1, "--column", 1)


@provoker
def no_such_row(user: User) -> Met:
    return _asks(user, "9", "1").naming("'9'", "1 rcn_pocket 4")


@provoker
def no_such_column(user: User) -> Met:
    return _asks(user, "1", "accuracy").naming("'accuracy'", "clip acc %")
