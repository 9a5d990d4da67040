"""The learning curve of a run: the points of a small SVG, from the lines of its metrics.jsonl."""

from collections.abc import Sequence
from dataclasses import dataclass

from rcn_bench.records.runs import Epoch

WIDTH, HEIGHT = 220, 84  # of the whole, in units of the SVG
LEFT, RIGHT, TOP, BOTTOM = 34, 12, 6, 16  # around the lines

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """accuracy, loss: in training, points, one an epoch. validation: of clips of the validation videos, points of the
    epochs after which it is known. evaluated: where the accuracy of the evaluation stands, if it is known.
    """

    accuracy: list[Point]
    loss: list[Point]
    validation: list[Point]
    evaluated: Point | None
    epochs: int
    says: str


def curve(epochs: Sequence[Epoch], highest_loss: float, evaluated: float | None) -> Curve:
    """Accuracies on a scale from 0 to 1, losses on one from 0 to highest_loss, so that runs can be compared."""
    first, last = epochs[0], epochs[-1]
    at = [_x(place, len(epochs)) for place in range(len(epochs))]
    looks = [(x, seen) for x, epoch in zip(at, epochs, strict=True) if (seen := epoch.validation_accuracy) is not None]
    says = f"training accuracy {first.accuracy:.1%} to {last.accuracy:.1%} in {len(epochs)} epochs, "
    says += f"loss {first.loss:.3g} to {last.loss:.3g}"
    if looks:
        says += f", accuracy of validation clips {looks[0][1]:.1%} to {looks[-1][1]:.1%}"
    if evaluated is not None:
        says += f", video accuracy afterwards {evaluated:.1%}"
    return Curve(
        accuracy=[(x, _y(epoch.accuracy)) for x, epoch in zip(at, epochs, strict=True)],
        loss=[(x, _y(epoch.loss / highest_loss if highest_loss else 0)) for x, epoch in zip(at, epochs, strict=True)],
        validation=[(x, _y(seen)) for x, seen in looks],
        evaluated=None if evaluated is None else (at[-1], _y(evaluated)),
        epochs=len(epochs),
        says=says,
    )


def _x(place: int, count: int) -> float:
    share = place / (count - 1) if count > 1 else 0.5
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)
