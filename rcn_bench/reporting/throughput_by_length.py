"""Throughput against clip length: training steps that a machine's benchmarks timed in turns."""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from rcn_bench.code import code_of
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.provenance import Origin
from rcn_bench.records.costs import BenchmarkGroup, Benchmarks
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.style import PANEL, add_note, house_style, marks

IN_TURNS = "training step in turns"  # how the group of each clip length begins
_GROUP = re.compile(rf"{IN_TURNS}, ResNet-18, (\d+) frames")
_NAMES = {
    "rcn18": "RCN-18",
    "c2d18": "C2D-18",
    "i3d18": "I3D-18",
    "r2plus1d18": "(2+1)D-18",
    "authors_rcn18": "RCN-18, its authors' loop",
}


def draw_throughput_by_length(benchmarks: Path) -> Path:
    """Draw the figure beside a machine's benchmarks.json; returns its path, without a suffix."""
    path = benchmarks.with_name("throughput_by_length")
    with house_style():
        drawing = throughput_by_length(benchmarks)
        origin = Origin.begin("bench", {}, code_of(__name__).hash, {benchmarks.name: file_hash(benchmarks)})
        drawing.write(path, origin, runs=[])
    return path


def throughput_by_length(path: Path) -> Drawing:
    """Of each network of one depth, its throughput over C2D's at the same clip length; both axes by factors.

    path: a machine's benchmarks.json. Errors: InputError if it has no training steps in turns at two lengths.
    """
    in_turns = {name: group for name, group in Benchmarks.read(path).groups.items() if _GROUP.fullmatch(name)}
    numbers = _numbers(in_turns)
    if numbers.empty or numbers["frames"].nunique() < 2:
        raise InputError(f"{path}: no {IN_TURNS} of two clip lengths; run `rcn-bench bench --all -k in_turns` first")
    figure = new_figure(PANEL, 3.2)
    axis = figure.subplots()
    lengths = sorted(numbers["frames"].unique())
    for mark, name in zip(marks(len(_NAMES)), _NAMES.values(), strict=True):
        if len(rows := numbers[numbers["network"] == name]):
            axis.plot(rows["frames"], rows["of C2D-18's throughput"], color=mark.colour, marker=mark.marker, label=name)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    for scale, ticks in ((axis.xaxis, lengths), (axis.yaxis, [0.02, 0.05, 0.1, 0.2, 0.5, 1])):
        scale.set_major_locator(FixedLocator(ticks))
        scale.set_minor_locator(NullLocator())
        scale.set_major_formatter(ScalarFormatter())
    axis.set_xlabel("frames of a clip, in batches of as many frames")
    axis.set_ylabel("throughput, of C2D-18's")
    figure.legend(loc="outside upper center", ncols=3)
    add_note(figure, f"Training steps, in turns, on one {_machine(in_turns)}.")
    return Drawing(figure, numbers)


def _numbers(in_turns: Mapping[str, BenchmarkGroup]) -> pd.DataFrame:
    rows = []
    for name, group in in_turns.items():
        seconds = {row["name"].partition(",")[0]: row["median"] for row in group.rows}
        rows += [
            {
                "network": shown,
                "frames": int(_GROUP.sub(r"\1", name)),
                "ms a step": 1000 * seconds[model],
                "of C2D-18's throughput": seconds["c2d18"] / seconds[model],
            }
            for model, shown in _NAMES.items()
            if model in seconds
        ]
    return pd.DataFrame(rows).sort_values(["network", "frames"], ignore_index=True) if rows else pd.DataFrame()


def _machine(in_turns: Mapping[str, BenchmarkGroup]) -> str:
    return " and ".join(sorted({group.origin.starts[-1].machine.name for group in in_turns.values()}))
