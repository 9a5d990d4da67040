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
    return [_run(model, frames, w_xh, w_hh, seed) for seed in config["seeds"]]


def _run(model: str, frames: int, w_xh: str, w_hh: str | None, seed: int) -> Run:
    return Run(base_model(model), frames, w_xh, w_hh, seed, tuple(model.split("+")[1:]))


def base_model(model: str) -> str:
    """The registered model of an ablation: rcn18+sum is rcn18 with an option, and costs as much."""
    return model.split("+")[0]


def default_w_hh(config: Config, model: str) -> str | None:
    """Identity for recurrent models, as in all of the paper's experiments but Table 1; None for the others."""
    return "identity" if "w_hh" in config["models"][model] else None


def default_runs(config: Config, model: str, frames: int) -> list[Run]:
    """The runs of a model from pretrained weights with identity w_hh, or from random ones if it has no other start."""
    w_xh = config["pretrained"] if config["pretrained"] in config["models"][model]["w_xh"] else "random"
    return init_runs(config, model, frames, w_xh, default_w_hh(config, model))


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
        for frames in of["frames"]:
            rows[model, frames] = default_runs(config, model, frames)
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
    return {panel: _run(model, of["frames"], w_xh, "identity", seed) for panel, (model, w_xh) in starts.items()}


def figure3_run(config: Config) -> Run:
    """Figure 3 does not name its run: the best init of Table 1, pretrained w_xh and identity w_hh."""
    return figure1_panels(config)["d"]


def online_runs(config: Config) -> dict[tuple[str, int], list[Run]]:
    """The runs whose accuracy is drawn against the share of a video seen: (model, frames)."""
    of = config["figures"]["online_accuracy"]
    return {(model, frames): default_runs(config, model, frames) for model in of for frames in of[model]}


def profiled_clips(config: Config) -> dict[str, list[int]]:
    """Every model whose cost a table shows, with the clip lengths, in frames, at which it does."""
    of = config["tables"]["table2"]
    return _merged([(of["models"], [of["frames"]]), *_timed(config)])


def timed_clips(config: Config) -> dict[str, list[int]]:
    """Every model whose throughput a table shows, with the clip lengths at which it does."""
    return _merged(_timed(config))


def _timed(config: Config) -> list[tuple[list[str], list[int]]]:
    tables = config["tables"]
    reference = tables["table1"]  # the model that Table 4 compares the cost of live video with
    parts = [(of["models"], of["frames"]) for of in (tables["table3"], tables["table4"])]
    return [([reference["model"]], [reference["frames"]]), *parts]


def _merged(parts: list[tuple[list[str], list[int]]]) -> dict[str, list[int]]:
    lengths: dict[str, set[int]] = {}
    for models, frames in parts:
        for model in models:
            lengths.setdefault(base_model(model), set()).update(frames)
    return {model: sorted(lengths[model]) for model in sorted(lengths)}


def stored_frames(config: Config) -> dict[str, Any]:
    """The size and rate at which an experiment looks at a video's frames: arguments of ``video.decode``."""
    data = config["data"]
    side = data["digits"]["canvas"] if "digits" in data else data.get("short_side")
    return {"short_side": side, "frame_rate": data.get("frame_rate")}


def shard_videos(config: Config) -> int:
    """Videos in a shard of the cache; as JPEG, 500 of Kinetics take less than a gigabyte."""
    return config["data"].get("shard_videos", 500)


def pretrained_networks(config: Config) -> list[str]:
    """The 2D networks that are to be trained on stills for the runs of this experiment."""
    return sorted({base_network(run.model) for run in all_runs(config) if run.w_xh == "stills"})


def base_network(model: str) -> str:
    """The 2D network that a model is built on, by the depth in its name: rcn18 stands on resnet18."""
    if model.startswith("inception"):
        return "googlenet"
    depth = re.search(r"(?<![0-9])(18|34|50|101)(_|$)", base_model(model))
    if depth is None:
        raise InputError(
            f"{model}: its name does not hold a ResNet's depth (18, 34, 50 or 101), so no 2D weights are known for it"
        )
    return f"resnet{depth[1]}"


def table_runs(config: Config) -> list[Run]:
    """Every run that a table shows, each once."""
    rows = [*table1_rows(config).values(), *table2_rows(config).values(), *table3_rows(config).values()]
    return sorted({run for runs in rows for run in runs})


def all_runs(config: Config) -> list[Run]:
    """Every run of the experiment, those of the figures included, each once."""
    figures = [*figure1_panels(config).values(), *figure2_panels(config).values(), figure3_run(config)]
    online = [run for runs in online_runs(config).values() for run in runs]
    return sorted({*table_runs(config), *figures, *online})
