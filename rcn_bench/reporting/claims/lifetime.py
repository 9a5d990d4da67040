"""The claim on a state's lifetime, which the authors' own result files show."""

from collections.abc import Sequence
from dataclasses import replace

from rcn_bench.intervals import Scores, contrast
from rcn_bench.plan.products.figures import LifetimeAccuracy
from rcn_bench.plan.products.tables import Table1
from rcn_bench.reporting.claims.evidence import Evidence, in_percent, of_enough
from rcn_bench.reporting.claims.finding import Finding, NotTested, Part, decided, directed
from rcn_bench.reporting.lifetime import Measured, change_with_age, measured_lifetimes

TIMES = 16  # the training length
MARGIN = -1.0  # points: a loss that is smaller as a whole contradicts


def state_lifetime(evidence: Evidence) -> Finding:
    """An RCN gets worse when its state lives longer than it was trained for; I3D and C2D do not.

    At each training length that the figure shows of all three; others are named.
    """
    figure, model = evidence.table(LifetimeAccuracy), evidence.table(Table1).model
    shown = figure.rows()
    lengths = [frames for each, frames in shown if each == model]
    if not lengths:
        raise NotTested(f"figures.lifetime shows no {model}")
    controls = [evidence.shown.peer(family) for family in ("i3d", "c2d")]
    missing = {frames: [each for each in controls if (each, frames) not in shown] for frames in lengths}
    left_out = [f"{each} at {frames} frames" for frames in lengths for each in missing[frames]]
    lengths = [frames for frames in lengths if not missing[frames]]
    if not lengths:
        raise NotTested(f"figures.lifetime shows no {', '.join(left_out)}")
    wanted = [(each, frames) for frames in lengths for each in (model, *controls)]
    measured = measured_lifetimes(figure)
    changes = {
        (each, frames): _change([measured[run] for run in shown[each, frames]], frames) for each, frames in wanted
    }
    parts = []
    for frames in lengths:
        own, at = changes[model, frames], f"{TIMES} x {frames} frames"
        parts.append(_loss(f"{model}, {at}", own))
        parts += [_beside(f"{model} - {each}, {at}", own, changes[each, frames]) for each in controls]
    compared = [shown[row] for row in wanted]
    runs = [run for each in compared for run in each]
    data = f"{len(runs)} trainings, {changes[wanted[0]].correct.shape[1]} long videos"
    if left_out:
        data += f"; no {', '.join(left_out)} to compare with"
    return decided(of_enough(parts, compared), runs, data)


def _change(measured: Sequence[Measured], frames: int) -> Scores:
    """Of accuracy from the age of a training clip's end to that of so many clips, over trainings."""
    rows = [by_way[record.ways[0]] for record, by_way in measured]  # by state, or by windows
    if (change := change_with_age(rows, frames, TIMES)) is None:
        raise NotTested(f"no state gets {TIMES} x {frames} frames old: lifetime.frames")
    return change


def _loss(what: str, change: Scores) -> Part:
    """Contradicted by a change that lies above the margin as a whole, even one below 0."""
    part = directed(what, in_percent(change.change_test()), above=False)
    if part.effect.interval is None:
        return part
    if part.effect.interval[0] > MARGIN:
        return replace(part, verdict="contradicted")
    return replace(part, verdict="undecided") if part.verdict == "contradicted" else part


def _beside(what: str, own: Scores, control: Scores) -> Part:
    """How much more RCN loses; only its own change contradicts."""
    part = directed(what, in_percent(contrast([(1, own), (-1, control)])), above=False)
    return replace(part, verdict="undecided") if part.verdict == "contradicted" else part
