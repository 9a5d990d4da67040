"""Which differences an experiment could decide, before it is trained: by its seeds, its videos and its updates."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import sqrt

from scipy.special import nctdtr
from scipy.special import stdtrit as student

from rcn_bench.intervals import FEWEST_GROUPS
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.products.claims import FEWEST_SEEDS, start_of
from rcn_bench.plan.products.tables import Table1, Table2, Table3

POWER, ALPHA = 0.8, 0.05
ACCURACY = 0.7  # that rows are assumed to have; at 50 % videos count for a tenth more
# The share of a video's variance that differs from training to training, and does not cancel: about two thirds in the
# simulation of docs/claims.md, and some more for the two-way t, which takes no variance below either of its parts.
OWN = 0.8


def decidable(
    experiment: Experiment, points: float, train_videos: int | None = None, val_videos: int | None = None
) -> str:
    """Text: the smallest differences that can be decided, and how many clips and updates each run gets.

    points: the standard deviation between trainings that differ by their seed alone. train_videos, val_videos: how
    many there will be, where lists are not there, each a group of its own.
    """
    return "\n".join([*_differences(experiment, points, val_videos), "", *_updates(experiment, train_videos)])


def smallest_difference(first: int, second: int, videos: int, points: float, pairs: int = 1) -> float:
    """In points: what the two-way t finds in four cases of five, of two rows with so many seeds each, two or more.

    videos: that both are scored on. points: as for ``decidable``. pairs: of which this one is the first that Holm's
    procedure tests, at 5 % / pairs. The variance of the difference is that of the trainings, and of what each of them
    adds for the videos; Satterthwaite's degrees of freedom; the noncentral t gives the power.
    """
    variance = (points / 100) ** 2 + OWN * ACCURACY * (1 - ACCURACY) / videos
    error = sqrt(variance / first + variance / second)
    freedom = (1 / first + 1 / second) ** 2 / (1 / first**2 / (first - 1) + 1 / second**2 / (second - 1))
    critical = student(freedom, 1 - ALPHA / pairs / 2)
    low, high = 0.0, 100.0  # in errors
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - nctdtr(freedom, middle, critical) < POWER else (low, middle)
    return 100 * error * high


def _differences(experiment: Experiment, points: float, val_videos: int | None) -> Iterator[str]:
    tables = [product for product in products_of(experiment).values() if isinstance(product, (Table1, Table2, Table3))]
    counted = _videos(experiment) or (val_videos and (val_videos, val_videos))
    yield (
        f"Smallest differences of video accuracy that {experiment.name} could decide: at 5 %, with a power of "
        f"{POWER:.0%}. Assumed: trainings differ by {points:g} points (a standard deviation; --sd), rows lie at "
        f"{ACCURACY:.0%}, and {OWN:.0%} of what a video varies by differs from training to training."
    )
    if not counted:
        yield "How many validation videos there are is not known yet: their list is not there; give --val-videos."
        return
    videos, groups = counted
    yield f"{videos} validation videos in {groups} groups."
    if groups < FEWEST_GROUPS:
        yield f"No verdict about any accuracy: intervals take {FEWEST_GROUPS} groups."
        return
    for product in tables:
        yield from _of_table(product, videos, points)
    if not tables:
        yield "No table of this experiment compares accuracies."


def _of_table(product: Product, videos: int, points: float) -> Iterator[str]:
    """A line for each two numbers of seeds that rows have, and those that have too few."""
    rows = {start_of(runs[0]): len(runs) for runs in product.rows().values() if runs}
    enough = {row: seeds for row, seeds in rows.items() if seeds >= FEWEST_SEEDS}
    kinds = Counter(tuple(sorted(pair, reverse=True)) for pair in combinations(enough.values(), 2))
    yield f"{product.name}:"
    for (first, second), count in sorted(kinds.items(), reverse=True):
        found = f"{smallest_difference(first, second, videos, points):.1f} points"
        if isinstance(product, Table1):  # whose pairs of rows are tested together
            pairs = kinds.total()
            all_of = smallest_difference(first, second, videos, points, pairs)
            found += f"; {all_of:.1f} as the first of all {pairs} (Holm)"
        yield f"  {first} and {second} seeds ({count} {'pair' if count == 1 else 'pairs'} of rows): {found}"
    few = [f"{row} ({seeds})" for row, seeds in rows.items() if seeds < FEWEST_SEEDS]
    if few:
        of = ", ".join(few) if enough else f"all {len(rows)} rows"
        yield f"  no verdict, fewer than {FEWEST_SEEDS} seeds: {of}"


def _videos(experiment: Experiment) -> tuple[int, int] | None:
    """How many videos and groups of them validation has; None while the list is not there."""
    digits = experiment.data.digits
    if digits is not None:
        return digits.val_videos, digits.val_videos // 2
    if not experiment.dataset.is_there("val"):
        return None
    listed = experiment.dataset.listed("val")
    return len(listed), len({video.group for video in listed})


def _updates(experiment: Experiment, train_videos: int | None) -> Iterator[str]:
    """A line for each model and clip length, and one where lengths of a model differ in their updates."""
    videos, epochs = experiment.dataset.count("train") or train_videos, experiment.train.epochs
    if videos is None:
        yield "How many clips a run is trained on is not known yet: their list is not there; give --train-videos."
        return
    yield f"Training: {epochs} epochs of {videos} videos, a clip each."
    updates: dict[str, dict[int, int]] = {}
    for run in {(run.variant, run.frames): run for run in all_runs(products_of(experiment).values())}.values():
        batch = experiment.clips_per_batch(run)
        updates.setdefault(run.variant, {})[run.frames] = epochs * (videos // batch)
        steps = updates[run.variant][run.frames]
        yield f"  {run.variant} at {run.frames} frames: {steps * batch:,} clips, {steps:,} updates of {batch} clips"
    for variant, by_frames in updates.items():
        if len(set(by_frames.values())) > 1:
            shortest, longest = min(by_frames), max(by_frames)
            yield (
                f"  {variant}: at {longest} frames it gets {by_frames[longest] / by_frames[shortest]:.1f} times the "
                f"updates of {shortest}, so a difference may come from either; {variant}+t8_batch gets equal updates"
            )
