"""Figures 1 to 3, and the table of w_hh: what training makes of the hidden-state matrices."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.figures import Figure1, Figure2, Figure3
from rcn_bench.plan.products.tables import HiddenStateChange
from rcn_bench.plan.run import Run
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState, MatrixStatistics
from rcn_bench.reporting.curves import told_seeds
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import data_set, if_there, read_hidden_state
from rcn_bench.reporting.style import COLOURS, DIVERGING, MOST_COLUMNS, PAGE, QUIET, SMALL, add_note, blocks_of
from rcn_bench.reporting.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATISTICS = {  # of w_hh, as lines: its colour, marker and line
    "mean": ("mean of w_hh", COLOURS[0], "", "-"),
    "std": ("std of w_hh", COLOURS[1], "", "-"),
    "diagonal_mean": ("mean of its diagonal", COLOURS[2], "o", ""),
    "diagonal_std": ("std of its diagonal", COLOURS[3], "s", ""),
}
CHANGES = {  # by column of the numbers, a row of panels each
    "diagonal_mean_change": ("change of the\ndiagonal's mean", COLOURS[2]),
    "off_diagonal_mean_change": ("change of the mean\noff the diagonal", COLOURS[0]),
    "relative_change": ("norm of the change,\n% of the start", COLOURS[4]),
}
CELLS = 64  # of a heat map's side; of larger matrices a cell is the element of a square that is farthest from 0
COVERED = 0.999  # share of the cells that a scale reaches to, where single ones would make all others pale


def figure1(product: Figure1) -> Drawing:
    """Figure 1 (a-d): statistics of w_hh, and how far training moved it, for the inits of Table 1."""
    return _statistics_figure(product.experiment, product.rows())


def figure2(product: Figure2) -> Drawing:
    """Figure 2 (a, b): statistics of w_hh, and how far training moved it, of two depths at the longer clip length."""
    return _statistics_figure(product.experiment, product.rows())


def _statistics_figure(experiment: Experiment, panels: Mapping[str, list[Run]]) -> Drawing:
    """A column a panel: the values, and below them the changes."""
    tables = {
        letter: pd.concat([_by_layer(read_hidden_state(experiment, run)).assign(run=run.name) for run in runs])
        for letter, runs in panels.items()
    }
    (blocks, columns), rows = blocks_of(len(panels)), 1 + len(CHANGES)
    figure = new_figure(PAGE, blocks * (1.15 * rows + 0.4) + 0.9)
    grid = figure.add_gridspec(blocks * rows, columns)
    like: dict[tuple[str, ...], Axes] = {}  # the first axes of each scale, which others share
    for place, (letter, runs) in enumerate(panels.items()):
        block, column = divmod(place, columns)
        for row, drawn in enumerate(["value", *CHANGES]):
            scale = (drawn,) if drawn == "relative_change" else (drawn, str(runs[0].w_hh))
            axis = figure.add_subplot(grid[block * rows + row, column], sharey=like.get(scale))
            like.setdefault(scale, axis)
            _draw_panel(axis, tables[letter], drawn)
            if row == 0:
                axis.set_title(f"({letter}) {_start(runs[0])}", pad=12)
            if column == 0:
                axis.set_ylabel(drawn if drawn == "value" else CHANGES[drawn][0], fontsize=SMALL)
            axis.tick_params(labelbottom=row == rows - 1)
        axis.set_xlabel("recurrent layer")
    figure.align_ylabels()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    add_note(figure, *_moved(panels, tables))
    return Drawing(figure, pd.concat(_numbers(letter, table) for letter, table in tables.items()))


def _numbers(letter: str, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(panel=letter)[[*table.columns[:-1], "panel", "run"]]


def _start(run: Run) -> str:
    return f"{run.variant}, {run.frames} frames,\nw_xh {run.w_xh}, w_hh {run.w_hh}"


def _moved(panels: Mapping[str, list[Run]], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """How far training moved w_hh, in a sentence; and what the figure does not say itself."""
    found = []
    for letter, table in tables.items():
        by_layer = 100 * table.groupby("layer")["relative_change"].mean()
        if by_layer.notna().any():
            found.append(f"({letter}) {by_layer.min():.2g} to {by_layer.max():.2g} %")
    if found:
        yield f"Training moved w_hh by {', '.join(found)} of the norm of its start, by layer."
    seeds = [len(runs) for runs in panels.values()]
    if max(seeds) > 1:
        yield f"Means over {told_seeds(seeds)}; bands: from the least to the most of them."
    yield "Dotted: the start. Shades: layers of one width, with their channels."


def _by_layer(record: HiddenState) -> pd.DataFrame:
    """The statistics after training, as start_... at its start, and their change, a row a layer."""
    rows = []
    for layer in record.layers:
        start = {f"start_{name}": getattr(layer.start, name) for name in STATISTICS}
        change = {
            "diagonal_mean_change": layer.trained.diagonal_mean - layer.start.diagonal_mean,
            "off_diagonal_mean_change": _off_diagonal(layer.trained, layer) - _off_diagonal(layer.start, layer),
            "relative_change": layer.relative_change,
        }
        rows.append({"layer": layer.layer, "channels": layer.channels, **vars(layer.trained), **start, **change})
    return pd.DataFrame(rows).astype({"relative_change": float})


def _off_diagonal(matrix: MatrixStatistics, layer: HiddenLayer) -> float:
    """The mean of the elements off the diagonal, from that of all and that of the diagonal."""
    channels = layer.channels
    return (channels * matrix.mean - matrix.diagonal_mean) / (channels - 1) if channels > 1 else 0.0


def _draw_panel(axis: Axes, table: pd.DataFrame, drawn: str) -> None:
    """table: the rows of _by_layer of every seed; drawn: "value", or one of CHANGES."""
    shade_widths(axis, table, named=drawn == "value")
    by_layer = table.groupby("layer")
    if drawn == "value":
        for column, (label, colour, marker, line) in STATISTICS.items():
            axis.plot(by_layer[f"start_{column}"].mean(), color=QUIET, linestyle=":", linewidth=0.8)
            axis.plot(
                by_layer[column].mean(), line, color=colour, marker=marker, markersize=2.5, mfc="none", label=label
            )
            _draw_band(axis, by_layer[column], colour)
        axis.plot([], [], color=QUIET, linestyle=":", linewidth=0.8, label="at the start of training")
        return
    _, colour = CHANGES[drawn]
    change = by_layer[drawn]
    if drawn == "relative_change":
        change = (table.assign(relative_change=100 * table[drawn])).groupby("layer")[drawn]
    axis.axhline(0, color=QUIET, linestyle=":", linewidth=0.8)
    axis.plot(change.mean(), color=colour, marker="o", markersize=2.5)
    _draw_band(axis, change, colour)
    axis.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)


def _draw_band(axis: Axes, values: "pd.api.typing.SeriesGroupBy", colour: str) -> None:
    """values: by layer, of every seed."""
    least, most = values.min(), values.max()
    axis.fill_between(least.index, least, most, color=colour, alpha=0.25, linewidth=0)


def shade_widths(axis: Axes, table: pd.DataFrame, *, named: bool) -> None:
    """Every other group of neighbouring layers that have as many channels is shaded; named: their channels above."""
    channels = table.drop_duplicates("layer").set_index("layer")["channels"]
    group = (channels != channels.shift()).cumsum()
    for number, layers in channels.groupby(group):
        first, last = layers.index[0] - 0.5, layers.index[-1] + 0.5
        if number % 2 == 0:
            axis.axvspan(first, last, color="0.955", linewidth=0, zorder=0)
        if named:
            middle, above = (first + last) / 2, axis.get_xaxis_transform()
            axis.text(middle, 1.02, str(layers.iloc[0]), transform=above, ha="center", va="bottom", fontsize=6)
    axis.grid(visible=False, axis="x")
    axis.set_xlim(channels.index[0] - 0.5, channels.index[-1] + 0.5)
    axis.set_xticks(range(1, len(channels) + 1, ceil(len(channels) / 4)))


def figure3(product: Figure3) -> Drawing:
    """Figure 3: w_hh of every layer as a heat map, as kept in float16, and what is left of it less the identity.

    A row has layers of one width; w_hh stands on the left, w_hh less the identity on the right, each on one scale.
    """
    (run,) = product.runs()
    place = product.experiment.paths.hidden_state(run).with_suffix(".safetensors")
    matrices = read_hidden_state(product.experiment, run).matrices(place)
    rows = _rows_of_one_width(matrices)
    columns = max(map(len, rows))
    figure = new_figure(PAGE, 0.95 * len(rows) + 0.75)
    half_widths = [*[1.0] * columns, 0.07]  # the last is that of a scale's bar
    grid = figure.add_gridspec(len(rows), 2 * columns + 3, width_ratios=[*half_widths, 0.2, *half_widths])
    identities = [np.eye(len(w_hh), dtype=np.float32) for w_hh in matrices]
    halves = {
        "w_hh": [w_hh.astype(np.float32) for w_hh in matrices],
        "w_hh less the identity": [w_hh - identity for w_hh, identity in zip(matrices, identities, strict=True)],
    }
    for half, (name, shown) in enumerate(halves.items()):
        for row, layers in enumerate(rows):
            first = half * (columns + 2)
            axes = [figure.add_subplot(grid[row, first + column]) for column in range(len(layers))]
            bar = figure.add_subplot(grid[row, first + columns])
            _draw_row(axes, bar, {layer: shown[layer - 1] for layer in layers})
            if row == 0:
                _name_half(axes, name)
            if half == 0:
                axes[0].set_ylabel(f"{len(matrices[layers[0] - 1])} channels", fontsize=SMALL)
    _explain_heat_maps(figure, run, matrices)
    return Drawing(figure, _long_form(matrices))


def _name_half(axes: Sequence[Axes], name: str) -> None:
    """Above the first row, for which it makes room; a name is wider than the panel that it begins at."""
    for axis in axes:
        axis.set_title(f"\n{axis.get_title()}", pad=2, fontsize=SMALL)
    half = axes[0].annotate(name, (0, 1), (0, 11), xycoords="axes fraction", textcoords="offset points")
    half.set_in_layout(False)


def _rows_of_one_width(matrices: "Sequence[NDArray[np.float16]]") -> list[list[int]]:
    """The numbers of the layers: neighbours of one width in a row, or in several."""
    rows: list[list[int]] = []
    for layer, w_hh in enumerate(matrices, start=1):
        if rows and len(rows[-1]) < MOST_COLUMNS and len(matrices[rows[-1][0] - 1]) == len(w_hh):
            rows[-1].append(layer)
        else:
            rows.append([layer])
    return rows


def _draw_row(axes: Sequence[Axes], bar: Axes, shown: "Mapping[int, NDArray[np.float32]]") -> None:
    """Matrices of one width by layer, on one scale about 0, whose bar has axes of its own."""
    coarse = {layer: _coarse(matrix) for layer, matrix in shown.items()}
    sizes = np.sort(np.concatenate([np.abs(cells).ravel() for cells in coarse.values()]))
    end = float(sizes[int(COVERED * (len(sizes) - 1))]) or 1.0
    for axis, (layer, cells) in zip(axes, coarse.items(), strict=True):
        image = axis.imshow(cells, cmap=DIVERGING, vmin=-end, vmax=end, interpolation="nearest")
        axis.set_title(f"{layer}", pad=2, fontsize=SMALL)
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set(visible=True, linewidth=0.4)
    extend = "both" if sizes[-1] > end else "neither"
    scale = axes[0].figure.colorbar(image, cax=bar, extend=extend, ticks=[-end, 0, end])
    bar.set_yticklabels([f"\N{MINUS SIGN}{end:.2g}", "0", f"{end:.2g}"], fontsize=6)
    scale.outline.set_linewidth(0.4)


def _coarse(matrix: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """At most CELLS a side: of each square of elements the one farthest from 0, so that none of a diagonal is lost."""
    side = ceil(len(matrix) / CELLS)
    cells = ceil(len(matrix) / side)
    padded = np.zeros((cells * side, cells * side), np.float32)
    padded[: len(matrix), : len(matrix)] = matrix
    squares = padded.reshape(cells, side, cells, side).swapaxes(1, 2).reshape(cells, cells, side * side)
    farthest = np.abs(squares).argmax(-1)[..., None]
    return np.take_along_axis(squares, farthest, -1)[..., 0]


def _explain_heat_maps(figure: Figure, run: Run, matrices: "Sequence[NDArray[np.float16]]") -> None:
    sentences = [
        f"{run.name}. Above each its layer; rows: h_t, columns: h_(t-1). A row of layers shares a scale, which leaves "
        f"out up to {1 - COVERED:.1%} of its cells.",
    ]
    if max(map(len, matrices)) > CELLS:
        sentences.append(f"Above {CELLS} channels a cell is, of a square of elements, the one farthest from 0.")
    sentences.append("As kept in float16: to 0.0005 where w_hh is about 1.")
    add_note(figure, *sentences)


def _long_form(matrices: "Sequence[NDArray[np.float16]]") -> pd.DataFrame:
    """One row an element: layer, row, column, value."""
    parts = []
    for layer, w_hh in enumerate(matrices, start=1):
        channels = len(w_hh)
        index = pd.MultiIndex.from_product(
            [[layer], range(channels), range(channels)], names=["layer", "row", "column"]
        )
        parts.append(pd.DataFrame({"value": w_hh.ravel()}, index=index).reset_index())
    return pd.concat(parts)


def change_table(product: HiddenStateChange) -> Table:
    """How far training moves w_hh from its start, by layer, for inits such as those of Table 1."""
    experiment = product.experiment
    shown = {
        init: [state.layers for run in runs if (state := if_there(partial(read_hidden_state, experiment, run)))]
        for init, runs in product.rows().items()
    }
    there = {init: layers for init, layers in shown.items() if layers}
    if not there:
        raise InputError(f"{product.name}: w_hh of none of its runs is there")
    first, *_ = next(iter(there.values()))
    rows: list[dict[str, object]] = [{"layer": layer.layer, "channels": layer.channels} for layer in first]
    for (w_xh, w_hh), runs in there.items():
        for row, layers in zip(rows, zip(*runs, strict=True), strict=True):
            row |= _change_cells(f"w_xh {w_xh}, w_hh {w_hh}: change", layers)
    notes = [
        "Change: the Frobenius norm of what training added to w_hh, in percent of that of its start, the run's own: "
        f"the mean over {told_seeds(map(len, there.values()))}, and the least and the most. Where it is small, w_hh "
        "shows its initialisation.",
    ]
    title = f"Change of w_hh in training, {product.model} at {product.frames} frames on {data_set(experiment)}"
    why = {name: "of a start that is zero there is no share" for row in rows for name in row}
    return Table.of(title, rows, notes, why=why)


def _change_cells(name: str, layers: Sequence[HiddenLayer]) -> dict[str, float | None]:
    """layers: the same one, of each seed."""
    changes = [100 * layer.relative_change for layer in layers if layer.relative_change is not None]
    return {
        f"{name} %": sum(changes) / len(changes) if changes else None,
        f"{name}, of seeds low": min(changes, default=None),
        f"{name}, of seeds high": max(changes, default=None),
    }
