"""What the training and the validation videos of a result have in common, as counts, and in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from rcn_bench.errors import shown

CLASSES_SHOWN = 10  # by name, in a line


@dataclass(frozen=True)
class Some:
    """How many of how many videos. example: the first of them, and what it goes with; empty if there is none."""

    count: int
    of: int
    example: str

    def check(self) -> None:
        if self.count > self.of:
            raise ValueError(f"count: {self.count} is more than there are, {self.of}")

    def is_more_than(self, share: float) -> bool:
        return self.count > round(share * self.of, 6)

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,}"


@dataclass(frozen=True)
class Overlap:
    """What should be apart and is not.

    trained_on: validation videos whose content is trained on too. recordings: others of a group, or of a file, that is
    trained on. two_labels_train, two_labels_val: videos of a split that stand there under another label too. untrained:
    how many validation videos there are of each class without a training video.
    """

    trained_on: Some
    recordings: Some
    two_labels_train: Some
    two_labels_val: Some
    untrained: dict[str, int]

    def lines(self) -> Iterator[str]:
        """Sentences on each count that is not zero."""
        if self.trained_on.count:
            yield f"{self.trained_on} validation videos are trained on too: {self.trained_on.example} first."
        if self.recordings.count:
            yield (
                f"{self.recordings} validation videos are of a group or a file that is trained on: "
                f"{self.recordings.example} first. Accuracies and intervals are not those of unseen groups."
            )
        for kind, some in (("training", self.two_labels_train), ("validation", self.two_labels_val)):
            if some.count:
                yield f"{some} {kind} videos stand under two labels: {some.example} first."
        if self.untrained:
            names = ", ".join(map(shown, list(self.untrained)[:CLASSES_SHOWN]))
            others = len(self.untrained) - CLASSES_SHOWN
            more = f" and {others:,} more" if others > 0 else ""
            yield (
                f"{sum(self.untrained.values()):,} of {self.trained_on.of:,} validation videos cannot be right: no "
                f"training video shows their classes ({len(self.untrained):,}): {names}{more}."
            )


def overlap_notes(overlap: Overlap | None) -> list[str]:
    """In sentences what a reader of an accuracy must know. None: the videos of training were not there to compare."""
    if overlap is None:
        return ["Not compared with the training videos, whose cache was not there: some may be trained on too."]
    return list(overlap.lines())
