"""The forms of a model that tables of cost show: at each clip length, with and without the stem's pool."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from rcn_bench.models import create_model, model_options, shortest_clip


@dataclass(frozen=True)
class Variant:
    """stem_pool: None for a model without that option."""

    model: str
    frames: int
    stem_pool: bool | None

    def __str__(self) -> str:
        stem = {True: ", with the stem's pool", False: ", without the stem's pool", None: ""}[self.stem_pool]
        return f"{self.model}, {self.frames} frames{stem}"

    def build(self, num_classes: int) -> nn.Module:
        options = {} if self.stem_pool is None else {"stem_pool": self.stem_pool}
        return create_model(self.model, num_classes, **options)


def variants(model: str, lengths: Iterable[int]) -> list[Variant]:
    """The model at every one of these clip lengths that it takes. Errors: InputError for an unknown model."""
    stems = [True, False] if "stem_pool" in model_options(model) else [None]
    possible = [frames for frames in lengths if frames >= shortest_clip(model)]
    return [Variant(model, frames, stem) for frames in possible for stem in stems]
