"""What is found of a claim, and how several comparisons decide it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rcn_bench.intervals import Effect
from rcn_bench.plan.run import Run

Verdict = Literal["supported", "contradicted", "undecided", "not tested"]
FROM_SUPPORT: list[Verdict] = ["supported", "undecided", "contradicted"]  # the last is the furthest


class NotTested(Exception):
    """What a claim needs is not shown in this experiment; the message names it."""


@dataclass(frozen=True)
class Part:
    """One comparison of a claim, in the claim's unit.

    what: is compared. above: whether the claim is that the effect lies above 0, else below. why: it is undecided.
    on_training: the same difference of accuracies on the clips trained on, in the last epoch.
    """

    what: str
    effect: Effect
    verdict: Verdict
    above: bool = True
    on_training: float | None = None
    why: str = ""

    @property
    def towards(self) -> float:
        """The effect in the claim's direction."""
        return self.effect.value if self.above else -self.effect.value

    def undecided(self, why: str) -> "Part":
        return replace(self, verdict="undecided", why=why)


@dataclass(frozen=True)
class Finding:
    """What is found of a claim. runs: all that it was tested on. data: how many trainings and videos these are."""

    verdict: Verdict
    effect: Effect | None = None
    on_training: float | None = None
    note: str = ""
    data: str = ""
    runs: Sequence[Run] = ()

    def numbers(self) -> dict[str, float | None]:
        """The effect and the two ends of its interval, as columns."""
        low, high = (self.effect and self.effect.interval) or (None, None)
        return {"effect": self.effect and self.effect.value, "low": low, "high": high}


def directed(what: str, effect: Effect, *, above: bool = True) -> Part:
    """Decided by the interval: all of it on the claim's side of 0, or all of it on the other."""
    if effect.interval is None:
        return Part(what, effect, "undecided", above, why="no interval")
    low, high = effect.interval if above else (-effect.interval[1], -effect.interval[0])
    return Part(what, effect, "supported" if low > 0 else "contradicted" if high < 0 else "undecided", above)


def exact(what: str, holds: bool, value: float) -> Part:
    """A comparison of counts, which has no interval."""
    return Part(what, Effect(value, None, None), "supported" if holds else "contradicted")


def decided(
    parts: Sequence[Part],
    runs: Sequence[Run] = (),
    data: str = "",
    note: str = "",
    nearness: Callable[[Part], float] = lambda part: part.towards,
) -> Finding:
    """Supported if all parts are, contradicted if one is; the effect is that of the part furthest from support.

    nearness: of a part to support, by which those of one verdict are ordered.
    """
    furthest = min(parts, key=lambda part: (-FROM_SUPPORT.index(part.verdict), nearness(part)))
    told = [furthest.what if len(parts) > 1 else "", furthest.why, note]
    return Finding(
        furthest.verdict, furthest.effect, furthest.on_training, "; ".join(filter(None, told)), data, tuple(runs)
    )
