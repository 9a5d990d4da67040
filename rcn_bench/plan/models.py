"""What models claim of themselves, read where they are written: torch and the models are not imported for it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rcn_bench.code import ModelSource, find_models


@dataclass(frozen=True)
class Claims:
    """The fields of ``rcn_bench.models.Specification``, which says what they mean."""

    parameters: int
    gmacs: float
    clip: tuple[int, int, int]
    causal: bool
    temporal_stride: int = 1
    shortest_clip: int = 1

    def __post_init__(self) -> None:
        """Errors: TypeError for what cannot be printed as these."""
        if not all(isinstance(number, (int, float)) for number in (self.parameters, self.gmacs, *self.clip)):
            raise TypeError(f"{self} are no claims")

    @property
    def gmacs_a_pixel(self) -> float:
        frames, height, width = self.clip
        return self.gmacs / (frames * height * width)


def claims_of_models(pattern: str = "*", plugins: Sequence[str] = ()) -> dict[str, Claims | None]:
    """Of all models by name whose name matches a shell-style pattern, sorted; None for one that claims nothing.

    plugins: modules that register models of one's own; a claim that has to be computed is none here.
    Errors: InputError as from ``find_models``.
    """
    found = claims_of_sources(find_models(plugins))
    return {name: found[name] for name in sorted(found) if fnmatchcase(name, pattern)}


def claims_of_sources(sources: Mapping[str, ModelSource]) -> dict[str, Claims | None]:
    """As ``find_models`` has them."""
    return {name: _claims(source) for name, source in sources.items()}


def _claims(source: ModelSource) -> Claims | None:
    if source.specification is not None:
        positional, named = source.specification
        with suppress(TypeError):  # of a plugin that does not know the fields
            return Claims(*positional, **named)
    return None
