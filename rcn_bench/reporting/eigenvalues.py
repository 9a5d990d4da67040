"""Eigenvalues of w_hh, and the half-lives that they give the hidden state.

Without input h_t = w_hh h_(t-1) / 2, so that along an eigenvector a state shrinks by |eigenvalue| / 2 a frame (+sum: by
|eigenvalue|): it has halved after ln 2 / -ln(|eigenvalue| / 2) frames, and never where that is 1 or more.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from rcn_bench.plan.products.figures import Eigenvalues
from rcn_bench.plan.run import Run
from rcn_bench.reporting.curves import told_seeds
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import read_hidden_state
from rcn_bench.reporting.style import COLOURS, PAGE, SMALL, add_note
from rcn_bench.reporting.weights import shade_widths

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_LIVES = {"median": ("the median", COLOURS[0], "o"), "longest": ("the longest", COLOURS[1], "s")}
TRAINED, START = COLOURS[2], "black"
ARCS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, np.inf)  # half-lives in frames, of the circles about zero
FEW_ARCS = (0.5, 1, 2, 5, np.inf)  # where whole circles are seen
WIDE = 0.7  # from which imaginary part on they are
HE_RADIUS = np.sqrt(2)  # of the disk that eigenvalues of elements of variance 2 / channels fill (the circular law)


def eigenvalues(product: Eigenvalues) -> Drawing:
    """A row a start of w_hh: the spectra of the first, a middle and the last layer, and the half-lives of all."""
    rows = product.rows()
    spectra = {w_hh: [_spectra(product, run) for run in runs] for w_hh, runs in rows.items()}
    tables = {w_hh: pd.concat(map(_by_layer, rows[w_hh], spectra[w_hh])) for w_hh in rows}
    figure = new_figure(PAGE, 2.0 * len(rows) + 0.9)
    grid = figure.add_gridspec(len(rows), 4, width_ratios=[1, 1, 1, 1.35])
    lives: list[Axes] = []
    for row, (w_hh, of_seeds) in enumerate(spectra.items()):
        first, rate = of_seeds[0], 1 / _shrinking(rows[w_hh][0])
        shown = [0, len(first) // 2, len(first) - 1]
        reach = _reach([first[layer] for layer in shown])
        for column, layer in enumerate(shown):
            axis = figure.add_subplot(grid[row, column])
            _draw_spectrum(axis, first[layer], w_hh, reach, rate, named=column == 0)
            axis.set_title(f"layer {layer + 1}, {len(first[layer])} channels")
            axis.set_xlabel("real part")
            axis.tick_params(labelleft=column == 0)
            if column == 0:
                axis.set_ylabel(f"w_hh from {w_hh}\nimaginary part")
        lives.append(figure.add_subplot(grid[row, 3]))
        _draw_half_lives(lives[-1], tables[w_hh], w_hh, rate)
        lives[-1].set_xlabel("recurrent layer")
    top = 1.15 * max(axis.get_ylim()[1] for axis in lives)
    for axis, table in zip(lives, tables.values(), strict=True):
        axis.set_ylim(0, top)
        _mark_endless(axis, table)
    handles = [*figure.axes[0].get_legend_handles_labels()[0], *lives[0].get_legend_handles_labels()[0]]
    figure.legend(handles, [str(handle.get_label()) for handle in handles], loc="outside upper center", ncols=4)
    add_note(figure, *_notes(rows, tables))
    return Drawing(figure, pd.concat(tables.values()))


def half_lives(moduli: "NDArray[np.float64]", shrinking: float) -> "NDArray[np.float64]":
    """Frames after which a state has halved, by the moduli of eigenvalues; infinite where it does not shrink.

    shrinking: by which the recurrence divides.
    """
    with np.errstate(divide="ignore"):
        decay = -np.log(moduli / shrinking)
        return np.where(decay > 0, np.log(2) / decay, np.inf)


def _shrinking(run: Run) -> float:
    return 1.0 if "sum" in run.options else 2.0


def _spectra(product: Eigenvalues, run: Run) -> "list[NDArray[np.complex128]]":
    """By layer, after training."""
    place = product.experiment.paths.hidden_state(run).with_suffix(".safetensors")
    matrices = read_hidden_state(product.experiment, run).matrices(place)
    return [np.linalg.eigvals(w_hh.astype(np.float64)).astype(np.complex128) for w_hh in matrices]


def _by_layer(run: Run, spectra: "Sequence[NDArray[np.complex128]]") -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for layer, values in enumerate(spectra, start=1):
        moduli = np.abs(values)
        known = {"median": np.median(moduli), "longest": moduli.max()}
        rows.append(
            {"layer": layer, "channels": len(values), "median_modulus": known["median"]}
            | {"largest_modulus": known["longest"], "largest_real_part": values.real.max()}
            | {"largest_imaginary_part": values.imag.max()}
            | {f"half_life_{name}": float(half_lives(one, _shrinking(run))) for name, one in known.items()}
        )
    return pd.DataFrame(rows).assign(w_xh=run.w_xh, w_hh=run.w_hh, seed=run.seed, run=run.name)


def _reach(spectra: "Sequence[NDArray[np.complex128]]") -> tuple[float, float, float]:
    """The least and the largest real part, and how far imaginary parts go, with some room; 1 lies within."""
    real = np.concatenate([np.ones(1), *(values.real for values in spectra)])
    imaginary = max(np.abs(values.imag).max() for values in spectra)
    half = 0.54 * max(real.max() - real.min(), 2 * imaginary, 0.1)
    middle = (real.max() + real.min()) / 2
    return middle - half, middle + half, half


def _draw_spectrum(
    axis: Axes,
    values: "NDArray[np.complex128]",
    w_hh: str,
    reach: tuple[float, float, float],
    rate: float,
    *,
    named: bool,
) -> None:
    """rate: by which the recurrence multiplies what w_hh gives."""
    least, most, half = reach
    axis.set(xlim=(least, most), ylim=(-half, half), aspect="equal")
    axis.grid(visible=False)
    for frames in ARCS if half < WIDE else FEW_ARCS:
        radius = 2 ** (-1 / frames) / rate
        axis.add_patch(Circle((0, 0), radius, fill=False, color="0.8", linewidth=0.7, zorder=1))
        low = max(-radius, -0.93 * half)  # where its number stands
        right = np.sqrt(radius**2 - low**2)
        if least < right < most:
            number = axis.text(right, low, _frames(frames), ha="center", va="center", color="0.35", zorder=1.5)
            number.set(fontsize=SMALL - 1, bbox={"boxstyle": "square,pad=0.1", "color": "white", "linewidth": 0})
    label = "eigenvalues after training" if named else None
    axis.scatter(values.real, values.imag, 5, color=TRAINED, alpha=0.6, linewidth=0, zorder=2, label=label)
    label = "at the start" if named else None
    if w_hh == "identity":
        axis.plot([1], [0], "+", color=START, markersize=7, markeredgewidth=1, zorder=3, linestyle="", label=label)
    else:
        turn = np.linspace(0, 2 * np.pi, 200)
        axis.plot(HE_RADIUS * np.cos(turn), HE_RADIUS * np.sin(turn), ":", color=START, linewidth=1, label=label)


def _frames(half_life: float) -> str:
    return "\N{INFINITY}" if np.isinf(half_life) else f"{half_life:.2g}"


def _start_moduli(w_hh: str) -> Mapping[str, float]:
    """Of the identity all are 1; those of a random start fill a disk evenly, half of them within radius / sqrt 2."""
    return {"median": 1.0, "longest": 1.0 if w_hh == "identity" else HE_RADIUS}


def _draw_half_lives(axis: Axes, table: pd.DataFrame, w_hh: str, rate: float) -> None:
    shade_widths(axis, table, named=True)
    for name, (told, colour, marker) in HALF_LIVES.items():
        of_layer = table.replace([np.inf], np.nan).groupby("layer")[f"half_life_{name}"]
        start = half_lives(np.array(_start_moduli(w_hh)[name]), 1 / rate)
        if np.isfinite(start):
            axis.axhline(float(start), color=colour, linestyle=":", linewidth=1)
        label = f"half-life: {told}"
        axis.plot(of_layer.mean(), color=colour, marker=marker, markersize=2.5, label=label)
        axis.fill_between(of_layer.min().index, of_layer.min(), of_layer.max(), color=colour, alpha=0.25, linewidth=0)
    axis.set_ylim(bottom=0)
    axis.set_title("half-life of the state, frames", pad=12)


def _mark_endless(axis: Axes, table: pd.DataFrame) -> None:
    """Arrows at the top of layers with a state that never halves."""
    for name, (_, colour, _) in HALF_LIVES.items():
        layers = sorted(set(table.loc[np.isinf(table[f"half_life_{name}"]), "layer"]))
        axis.plot(layers, [0.97] * len(layers), "^", color=colour, markersize=4, transform=axis.get_xaxis_transform())


def _notes(rows: Mapping[str, list[Run]], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    first = next(iter(rows.values()))[0]
    shrinks = "|eigenvalue|" if _shrinking(first) == 1 else "|eigenvalue| / 2"
    yield (
        f"{first.variant}, {first.frames} frames, w_xh {first.w_xh}, {told_seeds(map(len, rows.values()))}; spectra of "
        f"seed {first.seed}. Without input a state along an eigenvector is multiplied by {shrinks} a frame; grey "
        "circles: after how many frames it has halved. Dotted: the start."
    )
    for w_hh, table in tables.items():
        median, longest = table["half_life_median"], table["half_life_longest"]
        yield (
            f"From {w_hh} the median is {_frames(median.min())} to {_frames(median.max())} frames, by layer, the "
            f"longest {_frames(longest.min())} to {_frames(longest.max())}."
        )
    if any(np.isinf(table["half_life_longest"]).any() for table in tables.values()):
        yield "Arrows: layers where a state never halves."
