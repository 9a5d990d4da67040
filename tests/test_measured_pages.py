"""The figures that docs/scaling.md and docs/performance.md tell of NVIDIA H200 are those of the files kept from it."""

import json
import re
from pathlib import Path
from statistics import median

import pytest
from kept_results import KEPT

REPOSITORY = Path(__file__).parents[1]
NAMES = {"RCN-18": "rcn18", "RCN-34": "rcn34", "I3D-18": "i3d18", "(2+1)D-18": "r2plus1d18"}


def kept(name):
    return json.loads((KEPT / "nvidia_h200" / name).read_text())


def table_below(page, head):
    """The cells of the rows below a line of a page, an empty first one filled with that above."""
    lines = (REPOSITORY / "docs" / page).read_text().partition(head)[2].splitlines()[2:]
    rows, first = [], ""
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip().replace("**", "").replace(",", "") for cell in line.strip("|").split("|")]
        first = cells[0] or first
        rows.append([first, *cells[1:]])
    assert rows
    return rows


@pytest.fixture(scope="module")
def steps():
    """Rows of measured steps, by GPUs, model, frames, scaling and data."""
    return {
        (gpus, row["model"], row["frames"], row["scaling"], row["data"]): row
        for gpus, parts in kept("scaling.json").items()
        for part, rows in parts.items()
        if part.startswith("steps")
        for row in rows
    }


def ms(seconds):
    return f"{1e3 * median(seconds):.2f}"


def test_steps_on_several_gpus(steps):
    rows = table_below("scaling.md", "| model, clips on every GPU |")
    for what, gpus, one, each, together, efficiency, average, total, peak in rows:
        name, clips, frames = re.fullmatch(r"(\S+) (\d+) of (\d+)(?: frames)?", what).groups()
        row = steps[gpus, NAMES[name], int(frames), "weak", "resident"]
        assert row["clips"] == int(clips)
        seconds = row["seconds"]
        assert [one, each, together] == [ms(seconds[way]) for way in ("one", "side by side", "together")]
        assert efficiency == f"{row['efficiency']:.2f}"
        assert [average, total] == [ms(row["average_seconds"]), ms(row["all_reduce_seconds"])]
        assert peak == f"{row['peak_memory_bytes']['together, weak'] / 2**30:.1f}"


def test_throughput_on_several_gpus(steps):
    rows = table_below("scaling.md", "| model | GPUs | clips/s, one GPU |")
    for what, gpus, one, weak, strong, cached, all_cached, efficiency in rows:
        name, frames = re.fullmatch(r"(\S+) (\d+) frames", what).groups()
        ready, split, read = (
            steps[gpus, NAMES[name], int(frames), *way]
            for way in (("weak", "resident"), ("strong", "resident"), ("weak", "cache"))
        )
        rates = [row["clips_per_second"] for row in (ready, split, read)]
        assert [one, weak] == [f"{rates[0][who]:.0f}" for who in ("one", "together")]
        assert strong == f"{rates[1]['together']:.0f} ({split['efficiency']:.2f})"
        assert [cached, all_cached] == [f"{rates[2][who]:.0f}" for who in ("one", "together")]
        assert efficiency == f"{read['efficiency']:.2f}"


def test_loading_with_so_many_cores():
    now, before = (kept(name)["2"] for name in ("loading.json", "loading_before.json"))
    for cores, processes, *cells in table_below("scaling.md", "| cores a GPU |"):
        (row,), (row_before,) = (of[f"epochs on {cores} cores each"] for of in (now, before))
        assert processes == f"{row['workers_of_each']}" == f"{row_before['workers_of_each']}"
        one, two, efficiency, *others = cells
        assert [one, two] == [f"{row['clips_per_second'][who]:.0f}" for who in ("one", "together")]
        assert efficiency == f"{row['efficiency']:.2f}"
        assert others == [f"{row_before['clips_per_second'][who]:.0f}" for who in ("one", "together")]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("| trainings at a time |", "packed_trainings"),
        ("| trainings, epochs of 100 steps |", "side_by_side"),
    ],
)
def test_trainings_beside_each_other(head, name):
    rates, rates_before = (kept(f"{file}.json")["clips_a_second"] for file in (name, f"{name}_before"))
    alone = sum(rates["1"])
    for count, together, each, of_one, before in table_below("scaling.md", head):
        own = rates[count]
        assert together == f"{sum(own):.0f}"
        assert each == " to ".join(dict.fromkeys(f"{rate:.0f}" for rate in (min(own), max(own))))
        assert of_one == f"{sum(own) / alone:.2f}"
        assert before == f"{sum(rates_before[count]):.0f}"


def test_scans_by_clip_length():
    printed = (KEPT / "nvidia_h200" / "scans.txt").read_text()
    found = re.findall(r"bfloat16 C=(\d+) T=(\d+) forward: .* ([\d.]+) us", printed)
    chosen = {(channels, frames): float(microseconds) for channels, frames, microseconds in found}
    rows = table_below("performance.md", "| frames a clip | C = 64, 28x28 |")
    assert len(rows) * 4 == len(chosen)
    for frames, *times, _ in rows:
        for channels, cell in zip(("64", "128", "256", "512"), times, strict=True):
            told = re.fullmatch(r"(?:[\d.]+ -> )?([\d.]+)(?: as before)?", cell)[1]
            assert told == f"{chosen[channels, frames]:.{1 if '.' in told else 0}f}"


def test_steps_by_clip_length():
    groups = kept("benchmarks.json")["groups"]
    others = ("c2d18, compiled", "rcn18, compiled", "i3d18, compiled", "r2plus1d18, compiled")
    rows = table_below("performance.md", "| frames a clip | C2D-18 | RCN-18 | I3D-18 | (2+1)D-18 |")
    assert [frames for frames, *_ in rows] == ["8", "16", "32", "64", "128"]
    for frames, *times, authors, of_c2d, of_i3d in rows:
        group = groups[f"training step in turns, ResNet-18, {frames} frames"]
        seconds = {row["name"]: row["median"] for row in group["rows"]}
        assert times == [f"{1e3 * seconds[name]:.2f}" for name in others]
        assert authors == f"{1e3 * seconds['authors_rcn18, in a CUDA graph']:.1f}"
        c2d, rcn, i3d, _ = (seconds[name] for name in others)
        assert [of_c2d, of_i3d] == [f"{c2d / rcn:.2f}", f"{i3d / rcn:.2f}"]
