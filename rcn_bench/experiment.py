"""What an experiment consists of: the runs that its tables and figures need, worked out from the config."""

import re
from dataclasses import dataclass, field
from typing import Any

from rcn_bench.errors import InputError

Config = dict[str, Any]

_RUN_NAME = re.compile(
    r"(?P<model>[a-z0-9_]+)(?P<options>(\+[a-z0-9_]+)*)-t(?P<frames>[1-9][0-9]*)-xh_(?P<w_xh>[a-z]+)"
    r"(-hh_(?P<w_hh>[a-z]+))?-s(?P<seed>0|[1-9][0-9]*)"
)
# What an option in a run's name, as in rcn18+sum, means to the model's builder.
OPTION_WORDS: dict[str, dict[str, Any]] = {"sum": {"mode": "sum"}, "centre": {"inflation": "centre"}}


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
        options = "".join(f"+{word}" for word in self.options)
        hidden = "" if self.w_hh is None else f"-hh_{self.w_hh}"
        return f"{self.model}{options}-t{self.frames}-xh_{self.w_xh}{hidden}-s{self.seed}"

    @classmethod
    def parse(cls, name: str) -> "Run":
        """The run of a name such as rcn18-t8-xh_imagenet-hh_identity-s0. Errors: InputError for any other text."""
        match = _RUN_NAME.fullmatch(name)
        if not match:
            raise InputError(f"{name!r} is not a run's name; one looks like rcn18-t8-xh_random-hh_identity-s0")
        options = tuple(match["options"].split("+")[1:])
        for word in options:
            if word not in OPTION_WORDS:
                raise InputError(f"{name}: unknown option +{word}; there are {', '.join(sorted(OPTION_WORDS))}")
        return cls(match["model"], int(match["frames"]), match["w_xh"], match["w_hh"], int(match["seed"]), options)


def init_runs(config: Config, model: str, frames: int, w_xh: str, w_hh: str | None) -> list[Run]:
    """One run a seed, or none if the config does not list this start for this model."""
    starts = config["models"][model]
    if w_xh not in starts["w_xh"] or (w_hh is not None and w_hh not in starts["w_hh"]):
        return []
    return [Run(model, frames, w_xh, w_hh, seed) for seed in config["seeds"]]


def default_w_hh(config: Config, model: str) -> str | None:
    """Identity for recurrent models, as in all of the paper's experiments but Table 1; None for the others."""
    return "identity" if "w_hh" in config["models"][model] else None


def table1_rows(config: Config) -> dict[tuple[str, str], list[Run]]:
    """The four inits of Table 1, (w_xh, w_hh), in the paper's order."""
    of = config["tables"]["table1"]
    inits = [(w_xh, w_hh) for w_xh in ("random", config["pretrained"]) for w_hh in ("random", "identity")]
    return {init: init_runs(config, of["model"], of["frames"], *init) for init in inits}


def table2_rows(config: Config) -> dict[tuple[str, str], list[Run]]:
    """Every architecture from random and from pretrained weights: (model, w_xh); no runs where it cannot start so."""
    of = config["tables"]["table2"]
    return {
        (model, w_xh): init_runs(config, model, of["frames"], w_xh, default_w_hh(config, model))
        for model in of["models"]
        for w_xh in ("random", config["pretrained"])
    }


def table3_rows(config: Config) -> dict[tuple[str, int], list[Run]]:
    """Every clip length: (model, frames), pretrained with identity w_hh where the model can be."""
    of = config["tables"]["table3"]
    rows = {}
    for model in of["models"]:
        w_xh = config["pretrained"] if config["pretrained"] in config["models"][model]["w_xh"] else "random"
        for frames in of["frames"]:
            rows[model, frames] = init_runs(config, model, frames, w_xh, default_w_hh(config, model))
    return rows


def figure1_panels(config: Config) -> dict[str, Run]:
    """Figure 1 (a-d): the first seed of each init of Table 1."""
    rows = table1_rows(config)
    return {letter: runs[0] for letter, runs in zip("abcd", rows.values(), strict=True)}


def figure2_panels(config: Config) -> dict[str, Run]:
    """Figure 2 (a), (b), ...: random w_xh, identity w_hh, a panel a model; the last again from pretrained weights.

    The caption of (b), the paper's last, can be read as either start, so both are drawn.
    """
    of, seed = config["figures"]["figure2"], config["seeds"][0]
    starts = {letter: (model, "random") for letter, model in zip("abcdefgh", of["models"], strict=False)}
    starts[f"{max(starts)}'"] = (of["models"][-1], config["pretrained"])
    return {panel: Run(model, of["frames"], w_xh, "identity", seed) for panel, (model, w_xh) in starts.items()}


def figure3_run(config: Config) -> Run:
    """Figure 3 does not name its run: the best init of Table 1, pretrained w_xh and identity w_hh."""
    return figure1_panels(config)["d"]


def profiled_models(config: Config) -> list[str]:
    """Every model whose cost a table shows."""
    tables = config["tables"]
    return sorted({model for table in ("table2", "table3", "table4") for model in tables[table]["models"]})


def timed_models(config: Config) -> list[str]:
    """Every model whose throughput a table shows."""
    return sorted({model for table in ("table3", "table4") for model in config["tables"][table]["models"]})


def clip_lengths(config: Config) -> list[int]:
    """Every clip length, in frames, whose cost a table shows."""
    return sorted({config["tables"]["table2"]["frames"], *config["tables"]["table3"]["frames"]})


def pretrained_networks(config: Config) -> list[str]:
    """The 2D networks that are to be trained on stills for the runs of this experiment."""
    return sorted({base_network(run.model) for run in all_runs(config) if run.w_xh == "stills"})


def base_network(model: str) -> str:
    """The 2D network that a model is built on, by the depth in its name: rcn18 stands on resnet18."""
    depth = re.search(r"(18|34)$", model)
    if depth is None:
        raise InputError(f"{model}: its name does not end in 18 or 34, so no 2D weights are known for it")
    return f"resnet{depth[0]}"


def table_runs(config: Config) -> list[Run]:
    """Every run that a table shows, each once."""
    rows = [*table1_rows(config).values(), *table2_rows(config).values(), *table3_rows(config).values()]
    return sorted({run for runs in rows for run in runs})


def all_runs(config: Config) -> list[Run]:
    """Every run of the experiment, those of the figures included, each once."""
    figures = [*figure1_panels(config).values(), *figure2_panels(config).values(), figure3_run(config)]
    return sorted({*table_runs(config), *figures})
