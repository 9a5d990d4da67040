"""The claim on the speed of training: pretrained weights reach a given accuracy in fewer iterations."""

from collections.abc import Sequence

from rcn_bench.intervals import welch
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Epoch
from rcn_bench.reporting.claims.accuracy import both_starts
from rcn_bench.reporting.claims.evidence import Evidence, in_percent, of_enough
from rcn_bench.reporting.claims.finding import Finding, Part, decided, directed

OF_THE_LOWEST = 0.9  # the accuracy to reach, as a share of the lowest that a run ends at, so that all reach it


def imagenet_speed(evidence: Evidence) -> Finding:
    """Of the training, the share until an accuracy on the clips trained on is reached: smaller from pretrained w_xh."""
    parts: list[Part] = []
    compared: list[Sequence[Run]] = []
    for family in ("i3d", "rcn"):
        trainings = evidence.runs(both_starts(evidence, family))
        of_both = [[evidence.epochs(run) for run in each] for each in trainings.values()]
        every = [run for each in trainings.values() for run in each]
        target = OF_THE_LOWEST * min(epochs[-1].accuracy for each in of_both for epochs in each)
        classes = len(evidence.results(every)[every[0]].record.labels)
        random, pretrained = ([share_until(epochs, target, 1 / classes) for epochs in each] for each in of_both)
        what = f"{family}, to {target:.0%} on training clips"
        parts.append(directed(what, in_percent(welch(pretrained, random)), above=False))
        compared += trainings.values()
    runs = [run for each in compared for run in each]
    return decided(of_enough(parts, compared), runs, f"{len(runs)} trainings")


def share_until(epochs: Sequence[Epoch], target: float, chance: float) -> float:
    """The share of a training after which its accuracy first reaches a target that it ends above.

    An epoch's accuracy counts at the epoch's middle, between them lie straight lines, and it starts at chance.
    """
    if chance >= target:
        return 0.0
    before = (0.0, chance)
    for number, epoch in enumerate(epochs):
        at = (number + 0.5) / len(epochs)
        if epoch.accuracy >= target:
            start, low = before
            return start + (at - start) * (target - low) / (epoch.accuracy - low)
        before = (at, epoch.accuracy)
    raise ValueError(f"{target} is never reached")
