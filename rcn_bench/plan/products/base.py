"""A product: a table or a figure. One class says all that the rest asks of it.

Its name; its section of the config, whose keys are the class's fields; the runs that it shows; the result files that
it reads; the settings that it depends on; and the function that builds it. The plan, the rules, the config's check and
the command line all ask the class. A plugin registers its own in the same way, so this module is light: what a
builder needs is imported when it builds.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from rcn_bench.code import is_plugin, plugin_code
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import BATCH_FRAMES, BATCH_OF_T8, Run, base_model
from rcn_bench.plan.schema import Limits, Schema, keys_of, parse_section, plain, section_schema

Frames = Annotated[int, Limits(minimum=2, maximum=10**4)]
Lengths = Annotated[list[Frames], Limits(minItems=1, uniqueItems=True)]
Models = Annotated[list[str], Limits(minItems=1, uniqueItems=True)]

Rows = Mapping[Any, list[Run]]
CostsOf = dict[str, list[int]]  # clip lengths, in frames, by model

_PRODUCTS: dict[str, dict[str, type["Product"]]] = {}  # by module: plugins of other experiments may use the same names
Class = TypeVar("Class", bound="type[Product]")


def product(cls: Class) -> Class:
    """Register a product under its name. Errors: InputError for what cannot be one."""
    _require_product(cls)
    if is_plugin(cls.__module__):
        for method, kind in _ASKED.items():
            setattr(cls, method, _guarded(cls, method, kind))
    _PRODUCTS.setdefault(cls.__module__, {})[cls.name] = cls
    return cls


# The methods of a product that the plan asks, and what they return.
_ASKED: dict[str, type] = {
    **dict.fromkeys(("rows", "settings", "profiled", "timed", "certified", "depends_on"), Mapping),
    **{"reads": list, "runs": list, "check": object},
}


def _require_product(cls: Any) -> None:
    if not (isinstance(cls, type) and issubclass(cls, Product)):
        raise InputError(f"{cls.__module__}: {cls.__name__} is not a class of Product, so no table or figure")
    kind, name, section, builder = (getattr(cls, key, None) for key in ("kind", "name", "section", "builder"))
    where = f"{cls.__module__}: {name or cls.__name__}"
    if kind not in ("table", "figure"):
        raise InputError(f"{where}: kind must be table or figure, not {kind!r}")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"{where}: name, by which its files go, must be of letters, digits, _ and -, not {name!r}")
    match section:
        case ("tables" | "figures", str(key)) if key:
            pass
        case _:
            raise InputError(f'{where}: section must be like ("tables", "{name}") or ("figures", ...), not {section!r}')
    if not isinstance(builder, str) or not re.fullmatch(r"[^:]+:[^:]+", builder):
        raise InputError(f'{where}: builder must be "module:function", not {builder!r}')


def _guarded(cls: type["Product"], name: str, kind: type) -> Any:
    """A method of a plugin's product whose failures are one line, and whose result is of a kind."""
    method = getattr(cls, name)

    @wraps(method)
    def call(self: Product) -> Any:
        with plugin_code(cls.__module__, f"{cls.name}: its {name}() failed"):
            found = method(self)
        if not isinstance(found, kind):
            raise InputError(f"{cls.name}: its {name}() must return a {kind.__name__}, not {type(found).__name__}")
        return found

    return call


@dataclass(frozen=True)
class Product:
    """A table or figure of an experiment. Its fields, beside the experiment, are the keys of its section.

    kind, name: of its files and on the command line. section: where its keys stand in the config, as in
    tables: table1:; several products may share one. builder: "module:function"; the function gets the product, and
    returns a reporting.table.Table, or a reporting.figure.Drawing.
    """

    experiment: Experiment = field(repr=False, metadata={"key": False})

    kind: ClassVar[Literal["table", "figure"]]
    name: ClassVar[str]
    section: ClassVar[tuple[Literal["tables", "figures"], str]]
    builder: ClassVar[str]

    @classmethod
    def schema(cls) -> Schema:
        """The JSON schema of its section."""
        return section_schema(cls)

    @classmethod
    def of(cls, experiment: Experiment, section: Any) -> "Product":
        return parse_section(cls, section, experiment=experiment)

    def rows(self) -> Rows:
        """The runs that it shows, by row or panel, as they come; an empty list where the config lists no such start."""
        return {}

    def reads(self) -> list[Path]:
        """The result files that it is made from."""
        return []

    def settings(self) -> dict[str, Any]:
        """The values of the config that it depends on, beside its own section and the files that it reads."""
        return {}

    def profiled(self) -> CostsOf:
        """The models whose parameters, GMACs and memory it shows."""
        return {}

    def timed(self) -> CostsOf:
        """The models whose throughput it shows."""
        return {}

    def certified(self) -> CostsOf:
        """The models whose causality it shows."""
        return {}

    def check(self) -> None:
        """Refuse what the schema cannot. Errors: InputError that names the key."""

    @property
    def place(self) -> str:
        """Of its section in the config, for messages."""
        return ".".join(self.section)

    def runs(self) -> list[Run]:
        found = {run for runs in self.rows().values() for run in runs}
        for odd in (run for run in found if not isinstance(run, Run)):
            raise InputError(f"{self.name}: its rows() must be lists of runs, not of {type(odd).__name__}")
        return sorted(found)

    def depends_on(self) -> dict[str, Any]:
        """All values that it depends on: its section, its rows and its settings."""
        section = {key.name: plain(getattr(self, key.name)) for key in keys_of(type(self))}
        rows = [[str(row), [run.name for run in runs]] for row, runs in self.rows().items()]
        return {"section": section, "rows": rows} | self.settings()


def registered(modules: Collection[str]) -> dict[str, type[Product]]:
    """The products that these modules register, by name. Errors: InputError for a name that two of them use."""
    found: dict[str, type[Product]] = {}
    for cls in (cls for module in modules for cls in _PRODUCTS.get(module, {}).values()):
        first = found.setdefault(cls.name, cls)
        if first is not cls:
            places = f"{first.__module__} and {cls.__module__}"
            raise InputError(f"plugins: {cls.kind} {cls.name} is registered by {places}; rename one")
    return found


# What products have in common


def init_runs(experiment: Experiment, model: str, frames: int, w_xh: str, w_hh: str | None) -> list[Run]:
    """One run a seed, or none if the config does not list this start for this model."""
    starts = experiment.models.get(model)
    if starts is None or w_xh not in starts.w_xh or (w_hh is not None and w_hh not in (starts.w_hh or [])):
        return []
    return [Run.of(trained_at(frames, model), frames, w_xh, w_hh, seed) for seed in experiment.seeds_of(model)]


def trained_at(frames: int, model: str) -> str:
    """The model whose runs these are: at 8 frames ``+t8_batch`` changes nothing, so they are those without it."""
    return model.replace(f"+{BATCH_OF_T8}", "") if frames == BATCH_FRAMES else model


def default_w_xh(experiment: Experiment, model: str) -> str:
    """What is pretrained, or random if the config lists no such start for this model."""
    starts = experiment.models.get(model)
    pretrained = starts is not None and experiment.pretrained in starts.w_xh
    return str(experiment.pretrained) if pretrained else "random"


def default_w_hh(experiment: Experiment, model: str) -> str | None:
    """Identity for recurrent models, as in all of the paper's experiments but Table 1; None for the others."""
    starts = experiment.models.get(model)
    return "identity" if starts is not None and starts.w_hh is not None else None


def default_runs(experiment: Experiment, model: str, frames: int) -> list[Run]:
    """The runs of a model from pretrained weights with identity w_hh, or from random ones if it has no other start."""
    w_xh, w_hh = default_w_xh(experiment, model), default_w_hh(experiment, model)
    return init_runs(experiment, model, frames, w_xh, w_hh)


def w_xh_inits(experiment: Experiment) -> list[str]:
    """Random, and what stands for ImageNet in this experiment, if anything does."""
    return ["random", *([experiment.pretrained] if experiment.pretrained else [])]


def costs_of(models: Sequence[str], frames: Sequence[int]) -> CostsOf:
    return {base_model(model): sorted(frames) for model in models}


def merge_costs(parts: Iterable[CostsOf]) -> CostsOf:
    lengths: dict[str, set[int]] = {}
    for part in parts:
        for model, frames in part.items():
            lengths.setdefault(model, set()).update(frames)
    return {model: sorted(lengths[model]) for model in sorted(lengths)}


def evaluations(experiment: Experiment, runs: Sequence[Run]) -> list[Path]:
    """What the accuracy of runs is read from, and the record of their training."""
    paths = experiment.paths
    return [path for run in runs for path in (paths.evaluation(run), paths.predictions(run), paths.training(run))]


def hidden_states(experiment: Experiment, runs: Sequence[Run]) -> list[Path]:
    """What the w_hh of runs is read from, and the record of their training."""
    paths = experiment.paths
    return [path for run in runs for path in (paths.hidden_state(run), paths.training(run))]


def require_listed(product: Product, models: Sequence[str], key: str) -> None:
    """Errors: InputError for a model that the config does not train."""
    for model in models:
        if model not in product.experiment.models:
            raise InputError(f"{product.place}{key}: {model} is not under models; add what it can start from there")


def require_plain(product: Product, models: Sequence[str], key: str) -> None:
    """Errors: InputError for an ablation, where models are shown as they are."""
    for model in models:
        if "+" in model:
            raise InputError(
                f"{product.place}{key}: {model} is an ablation, which has a row in Table 2 and 3; name "
                f"{base_model(model)} here"
            )


def require_starts(product: Product, model: str, needed: Mapping[str, Sequence[str]]) -> None:
    """Errors: InputError for a start without which the product would not be what its name says."""
    starts = product.experiment.models[model]
    for key, values in needed.items():
        for value in values:
            if value not in (getattr(starts, key) or []):
                raise InputError(f"models.{model}.{key} lacks {value}, which {product.place} needs")


def require_runs(product: Product, rows: Rows, name_of: Any = str) -> None:
    """Errors: InputError for a row that nothing stands in."""
    for row, runs in rows.items():
        if not runs:
            raise InputError(
                f"{product.place}: {name_of(row)} lists no start from random or pretrained w_xh (with identity w_hh, "
                "if it recurs) under models"
            )
