"""Reading and checking an experiment's config, and the hash that tells whether two are alike."""

import difflib
import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from rcn_bench.errors import InputError
from rcn_bench.experiment import OPTION_WORDS, Config, Run, all_runs, base_network, online_runs, table3_rows

SCHEMA = Path(__file__).with_name("config_schema.yaml")


def load_config(path: str | Path) -> Config:
    """Read a YAML config and check it against the schema.

    Errors: InputError that names the file, the key and what is wrong with its value.
    """
    path = Path(path)
    try:
        config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot read the config ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    check_config(config, str(path))
    return config


def check_config(config: Any, source: str) -> None:
    """Check a config against the schema, and what a schema cannot say.

    Errors: InputError that names source, the key and what is wrong with its value.
    """
    # Imported here, so that training from a config dict needs no more than torch.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend

    # JSON counts 4.0 as an integer, which range() does not, and YAML knows .nan and .inf.
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        }
    )
    validator = extend(Draft202012Validator, type_checker=types)(yaml.safe_load(SCHEMA.read_text()))
    error = best_match(validator.iter_errors(config))
    if error is not None:
        raise InputError(f"{source}: {_explain(error)}")
    for key, models in _models_named(config):
        for model in models:
            if model not in config["models"]:
                raise InputError(f"{source}: {key}: {model} is not under models; add what it can start from there")
    for model in config["models"]:
        for word in model.split("+")[1:]:
            if word not in OPTION_WORDS:
                raise InputError(
                    f"{source}: models.{model}: unknown option +{word}; there are {', '.join(OPTION_WORDS)}"
                )
    _require_inits(config, source)
    starts = {f"tables.table3: {model}": runs for (model, _), runs in table3_rows(config).items()}
    starts |= {f"figures.online_accuracy: {model}": runs for (model, _), runs in online_runs(config).items()}
    for key, runs in starts.items():
        if not runs:
            raise InputError(
                f"{source}: {key} lists no start from random or pretrained w_xh "
                "(with identity w_hh, if it recurs) under models"
            )
    _check_data(config, source)
    _check_runs(config, source)


def _check_data(config: Config, source: str) -> None:
    digits, crop = config["data"].get("digits"), config["clip"]["crop"]
    side = digits["canvas"] if digits else config["data"].get("short_side", crop)
    if crop > side:
        raise InputError(f"{source}: clip.crop: {crop} is more than the {side} pixels of a frame's shorter side")
    speed = digits["speed"] if digits else None
    for key, pair in (("augment.scale", config["augment"]["scale"]), ("data.digits.speed", speed)):
        if pair and pair[0] > pair[1]:
            raise InputError(f"{source}: {key}: {pair} must be [lowest, highest]")
    if config["train"]["schedule"] == "step" and "milestones" not in config["train"]:
        raise InputError(f"{source}: train.milestones: missing; schedule step needs them")
    if digits and config["clip"]["evaluation_clips"] % 2:
        raise InputError(f"{source}: clip.evaluation_clips: must be even, so that twins get the same clips, reversed")
    if digits and "pretrain" in config and digits["stills"] < config["pretrain"]["batch_size"]:
        size = config["pretrain"]["batch_size"]
        raise InputError(f"{source}: pretrain.batch_size: {size} is more than the {digits['stills']} stills")
    if config["pretrained"] == "stills" and not (digits and "pretrain" in config):
        raise InputError(f"{source}: pretrained: stills needs the settings pretrain and data.digits")


def _check_runs(config: Config, source: str) -> None:
    """Stills can be had for every run, its clips fit the embedded videos, and its batches hold two or more."""
    digits = config["data"].get("digits")
    for run in all_runs(config):
        if run.w_xh == "stills":
            try:
                base_network(run.model)
            except InputError as error:
                raise InputError(f"{source}: models.{error}") from error
        span = (run.frames - 1) * config["clip"]["stride"] + 1
        if digits and digits["video_frames"] - span + 1 < config["clip"]["evaluation_clips"]:
            raise InputError(
                f"{source}: data.digits.video_frames: {digits['video_frames']} frames are too few for "
                f"{config['clip']['evaluation_clips']} different clips of {span}, which {run.name} needs"
            )
        if config["train"]["frames_per_batch"] < 2 * run.frames:
            raise InputError(
                f"{source}: train.frames_per_batch: {config['train']['frames_per_batch']} makes batches of fewer than "
                f"2 clips of {run.frames} frames"
            )


def _models_named(config: Config) -> Iterable[tuple[str, list[str]]]:
    tables, figures = config["tables"], config["figures"]
    yield "tables.table1.model", [tables["table1"]["model"]]
    for table in ("table2", "table3"):
        yield f"tables.{table}.models", tables[table]["models"]
    yield "figures.figure2.models", figures["figure2"]["models"]
    yield "figures.online_accuracy", list(figures["online_accuracy"])


def _require_inits(config: Config, source: str) -> None:
    """Table 1 and Figure 2 are defined by their inits: a model shown there must have them."""
    inits = {"w_xh": {"random", config["pretrained"]}, "w_hh": {"random", "identity"}}
    needed = {config["tables"]["table1"]["model"]: inits}
    for model in config["figures"]["figure2"]["models"]:
        needed.setdefault(model, {"w_xh": {"random"}, "w_hh": {"identity"}})
    needed.setdefault(config["figures"]["figure2"]["models"][-1], {}).setdefault("w_xh", set()).add(
        config["pretrained"]
    )
    for model, starts in needed.items():
        for key, values in starts.items():
            for value in sorted(values - set(config["models"][model].get(key, []))):
                raise InputError(f"{source}: models.{model}.{key} lacks {value}, which table1 or figure2 needs")


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the config"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        unknown = next(name for name in error.instance if name not in known)
        close = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(known)}"
        return f"{key}: unknown key {unknown!r}; {hint}"
    return f"{key}: {error.message}"


def config_hash(parts: Any) -> str:
    """12 hexadecimal digits that change when any value in a nest of dicts and lists does."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def training_settings(config: Config, run: Run) -> Config:
    """Everything in the config that a run's trained weights depend on, beside its name and its data."""
    weights: Any = None
    if run.w_xh == "stills":
        weights = pretraining_settings(config)
    elif run.w_xh == "imagenet":
        weights = config.get("weights_files")
    return {
        "train": _without(config["train"], "compile", "cuda_graph", "activation_checkpointing", "threads", "workers"),
        "stride": config["clip"]["stride"],
        "crop": config["clip"]["crop"],
        "augment": config["augment"],
        "stem_pool": config["stem_pool"],
        "weights": weights,
    }


def pretraining_settings(config: Config) -> Config:
    """Everything in the config that the 2D networks trained on stills depend on, beside the stills."""
    return {
        "pretrain": _without(config["pretrain"], "threads"),
        "crop": config["clip"]["crop"],
        "augment": config["augment"],
        "stem_pool": config["stem_pool"],
        "seed": config["data"]["digits"]["seed"],
    }


def _without(settings: Config, *keys: str) -> Config:
    """Settings that change how fast a result comes, but not the result, are left out."""
    return {key: value for key, value in settings.items() if key not in keys}
