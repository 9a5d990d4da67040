"""The claims on w_hh: what training makes of it from layer to layer, beyond what it starts as."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from statistics import linear_regression, mean

from rcn_bench.intervals import mean_effect
from rcn_bench.plan.run import Run
from rcn_bench.records.hidden_state import HiddenLayer, MatrixStatistics
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding, NotTested, Part, decided, directed
from rcn_bench.reporting.results import read_hidden_state

Layers = Sequence[HiddenLayer]


def whh_std(evidence: Evidence) -> Finding:
    """The std of w_hh falls with depth, the mean of its diagonal rises: their changes, within layers of equal width."""
    if not (starts := evidence.shown.identities):
        raise NotTested("no figure shows w_hh that starts from the identity: tables.table1, figures.figure2")
    measures = {
        "slope of the std": (lambda layers: slope(layers, lambda found: found.std), False),
        "slope of the diagonal's mean": (lambda layers: slope(layers, lambda found: found.diagonal_mean), True),
    }
    return _tested(evidence, starts, measures)


def whh_sparse(evidence: Evidence) -> Finding:
    """The last layer concentrates on the diagonal, the first is spread."""
    if not (starts := evidence.shown.in_figure3):
        raise NotTested("Figure 3 is not in this config: tables.table1")
    measures = {
        "last - first layer": (lambda layers: concentration(layers[-1]) - concentration(layers[0]), True),
        "last - first layer of its width": (
            lambda layers: concentration(layers[-1]) - concentration(_widths(layers)[-1][0]),
            True,
        ),
    }
    return _tested(evidence, starts, measures)


def _tested(
    evidence: Evidence, starts: Sequence[str], measures: Mapping[str, tuple[Callable[[Layers], float], bool]]
) -> Finding:
    """measures: a number of each run, and whether the claim is that it lies above 0; Student's t over seeds."""
    trainings = {start: evidence.shown.trainings[start] for start in starts}
    parts = []
    for start, runs in trainings.items():
        layers = [read_hidden_state(evidence.experiment, run).layers for run in runs]
        for what, (measure, above) in measures.items():
            part = directed(f"{start}, {what}", mean_effect([measure(of_run) for of_run in layers]), above=above)
            parts.append(part if len(runs) > 1 else part.undecided("one training, where two are needed"))
    every: list[Run] = [run for runs in trainings.values() for run in runs]
    return decided(parts, every, f"{len(every)} trainings", nearness=_strength)


def _strength(part: Part) -> float:
    """The effect in units of its uncertainty, since slopes of a std and of a mean are not of one scale."""
    low, high = part.effect.interval or (0.0, 2.0)
    return part.towards / ((high - low) / 2) if high > low else part.towards


def slope(layers: Layers, of: Callable[[MatrixStatistics], float]) -> float:
    """By how much a statistic's change in training grows a layer: least squares in each width, the mean over widths."""
    widths = [same for same in _widths(layers) if len(same) > 1]
    if not widths:
        raise NotTested("no two recurrent layers of the network are of one width")
    changes = [[of(layer.trained) - of(layer.start) for layer in same] for same in widths]
    return mean(
        linear_regression([layer.layer for layer in same], change).slope
        for same, change in zip(widths, changes, strict=True)
    )


def concentration(layer: HiddenLayer) -> float:
    """The diagonal's share of the sum of squares of w_hh, less that at the start."""
    return _on_diagonal(layer.trained, layer.channels) - _on_diagonal(layer.start, layer.channels)


def _on_diagonal(found: MatrixStatistics, channels: int) -> float:
    whole = channels * (found.mean**2 + found.std**2)
    return (found.diagonal_mean**2 + found.diagonal_std**2) / whole


def _widths(layers: Layers) -> list[list[HiddenLayer]]:
    """The layers by width, as they come."""
    return [list(same) for _, same in groupby(layers, key=lambda layer: layer.channels)]
