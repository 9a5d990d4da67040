"""A run: one training, and the name that says all of it."""

import re
from dataclasses import dataclass, field
from typing import Any

from rcn_bench.errors import InputError

FRAMES = "[1-9][0-9]{0,8}"  # of a clip
_RUN_NAME = re.compile(  # seeds are multiplied by a million, within 64 bits
    rf"(?P<model>[a-z0-9_]+)(?P<options>(\+[a-z0-9_]+)*)-t(?P<frames>{FRAMES})-xh_(?P<w_xh>[a-z]+)"
    r"(-hh_(?P<w_hh>[a-z]+))?-s(?P<seed>0|[1-9][0-9]{0,9})"
)
# The option of a run whose batches have as many clips as those of 8 frames, so that it gets as many updates.
BATCH_OF_T8, BATCH_FRAMES = "t8_batch", 8
# That of a run whose clips go on from the state of others before them.
CARRIED = "carried"
# What an option in a run's name, as in rcn18+sum, means to the model's builder.
OPTION_WORDS: dict[str, dict[str, Any]] = {
    "sum": {"mode": "sum"},
    "centre": {"inflation": "centre"},
    "frozen_bn": {"frozen_batch_norm": True},
    BATCH_OF_T8: {},
    CARRIED: {},
}


@dataclass(frozen=True, order=True)
class Run:
    """One training: a model with its options, an init, a clip length and a seed. w_hh is None without recurrence."""

    model: str
    frames: int
    w_xh: str
    w_hh: str | None = None
    seed: int = 0
    options: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        hidden = "" if self.w_hh is None else f"-hh_{self.w_hh}"
        return f"{self.variant}-t{self.frames}-xh_{self.w_xh}{hidden}-s{self.seed}"

    @property
    def variant(self) -> str:
        """The model with its options, as a config names it: rcn18+sum."""
        return "+".join([self.model, *self.options])

    @classmethod
    def of(cls, variant: str, frames: int, w_xh: str, w_hh: str | None, seed: int) -> "Run":
        return cls(base_model(variant), frames, w_xh, w_hh, seed, option_words(variant))

    @classmethod
    def parse(cls, name: str) -> "Run":
        """The run of a name such as rcn18-t8-xh_imagenet-hh_identity-s0. Errors: InputError for any other text."""
        match = _RUN_NAME.fullmatch(name)
        if not match:
            raise InputError(f"{name!r} is not a run's name; one looks like rcn18-t8-xh_random-hh_identity-s0")
        options = option_words(match["options"])
        for word in options:
            if word not in OPTION_WORDS:
                raise InputError(f"{name}: unknown option +{word}; there are {', '.join(sorted(OPTION_WORDS))}")
        return cls(match["model"], int(match["frames"]), match["w_xh"], match["w_hh"], int(match["seed"]), options)


def base_model(variant: str) -> str:
    """The registered model of an ablation: rcn18+sum is rcn18 with an option, and costs as much."""
    return variant.split("+")[0]


def option_words(variant: str) -> tuple[str, ...]:
    return tuple(variant.split("+")[1:])
