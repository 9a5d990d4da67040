"""Tables and a figure of measured scaling.

    PYTHONPATH=.:tests python tests/benchmarks/scaling/draw.py results/reference/nvidia_h200/scaling.json

Prints the tables in Markdown and writes the figure beside the file, as efficiency.png and so on: efficiency against
processes, a line a model.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from parts import CHECKS

from rcn_bench.files import read_json
from rcn_bench.provenance import Origin
from rcn_bench.records.plain import from_plain
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.style import PAGE, Mark, add_note, blocks_of, house_style, marks

NAMES = {"rcn18": "RCN-18", "rcn34": "RCN-34", "i3d18": "I3D-18", "r2plus1d18": "(2+1)D-18"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    content = read_json(file)
    print(tables(content))
    if not any(rows_of(content)):
        sys.exit(f"{file}: no steps in it, and so no figure")
    with house_style():
        last = content[max(content, key=int)]["machine"]["origin"]
        origin = from_plain(Origin, last, file, "measure it again")
        figure(content, origin.starts[-1].machine.name).write(file.with_name("efficiency"), origin, [])


def rows_of(content: dict[str, Any], kind: str = "steps") -> Iterator[tuple[int, dict[str, Any]]]:
    """All rows of ``steps``, or of ``epochs`` on some of the cores, with the number of processes."""
    for processes, parts in sorted(content.items(), key=lambda item: int(item[0])):
        for part, rows in parts.items():
            if part.startswith(kind):
                yield from ((int(processes), row) for row in rows)


def tables(content: dict[str, Any]) -> str:
    """Markdown: a row for each way that a model was measured, and what the checks found."""
    kinds = (rows_of(content, kind) for kind in ("steps", "epochs"))
    speeds = [pd.DataFrame([_cells(processes, row) for processes, row in rows]) for rows in kinds]
    checks = [
        {"GPUs": processes, "check": check, "holds": "yes" if parts[check]["holds"] else "no"}
        for processes, parts in content.items()
        for check in CHECKS
        if check in parts
    ]
    shown = [table.to_markdown(index=False, disable_numparse=True) for table in (*speeds, pd.DataFrame(checks))]
    return "\n\n".join(shown)


def _cells(processes: int, row: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds are of a step: of one process alone, of all side by side, of all together; then of its gradients."""
    milliseconds = {way: 1e3 * median(of_rounds) for way, of_rounds in row["seconds"].items()}
    rates, peaks = row["clips_per_second"], row["peak_memory_bytes"]
    both = [peaks[f"{who}, {row['scaling']}"] for who in ("one", "together")]
    return {
        "model": NAMES.get(row["model"], row["model"]),
        "frames": row["frames"],
        "GPUs": processes,
        "clips a GPU": row["clips"],
        "scaling": row["scaling"],
        "data": f"cache, {row['workers_of_each']} workers each" if row["data"] == "cache" else row["data"],
        "compiled, graph": ", ".join("yes" if row[way] else "no" for way in ("compiled", "cuda_graph")),
        "clips/s, one": f"{rates['one']:.0f}",
        "together": f"{rates['together']:.0f}",
        "efficiency": f"{row['efficiency']:.3f}",
        "ms, one": f"{milliseconds['one']:.2f}",
        "side by side": f"{milliseconds['side by side']:.2f}" if "side by side" in milliseconds else "",
        "all": f"{milliseconds['together']:.2f}",
        "average of gradients": f"{1e3 * median(row['average_seconds']):.2f}",
        "of that all-reduce": f"{1e3 * median(row['all_reduce_seconds']):.2f}",
        "GiB, one": "" if both[0] is None else f"{both[0] / 2**30:.2f}",
        "GiB, together": "" if both[1] is None else f"{both[1] / 2**30:.2f}",
    }


def figure(content: dict[str, Any], machine: str) -> Drawing:
    """A panel for each way of measuring; a line a model, from 1 at one process on."""
    columns = ("model", "frames", "scaling", "data", "efficiency")
    numbers = pd.DataFrame([{"GPUs": gpus, **{name: row[name] for name in columns}} for gpus, row in rows_of(content)])
    panels = list(numbers.groupby(["frames", "scaling", "data"], sort=False))
    models = list(numbers["model"].unique())
    blocks, width = blocks_of(len(panels))
    drawn = new_figure(PAGE, 2.2 * blocks + 0.5)
    axes = drawn.subplots(blocks, width, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, ((frames, scaling, data), table) in zip(axes.flat, panels, strict=False):
        for mark, model in zip(marks(len(models)), models, strict=True):
            _draw_model(axis, table[table["model"] == model], NAMES.get(model, model), mark)
        axis.set_title(f"{frames} frames, {scaling}, {'from the cache' if data == 'cache' else 'resident'}")
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_locator(FixedLocator([1, *sorted(numbers["GPUs"].unique())]))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.set_xlabel("GPUs")
    for axis in axes[:, 0]:
        axis.set_ylabel("efficiency")
    drawn.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    add_note(drawn, f"{machine}. Weak: as many clips on every GPU; strong: one GPU's batch, split.")
    return Drawing(drawn, numbers)


def _draw_model(axis: Axes, table: pd.DataFrame, name: str, mark: Mark) -> None:
    axis.plot([1, *table["GPUs"]], [1, *table["efficiency"]], color=mark.colour, marker=mark.marker, label=name)


if __name__ == "__main__":
    main()
