"""What each stage of the workflow depends on: values of the config, code, and files that it starts from.

This is the identity of a result. Snakemake reruns a job when it changes; a half-trained run is resumed only under the
same; and a record holds it, so that a table can tell whether a result is one of its own experiment.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rcn_bench import lists
from rcn_bench.code import Code
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.plan.config import config_hash
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, certified, find_product, products_of, profiled, timed
from rcn_bench.plan.products.league import league_of
from rcn_bench.plan.run import OPTION_WORDS, Run
from rcn_bench.plan.schema import plain
from rcn_bench.plan.sections import CHARACTERS, TEXTURES

# Of the embedded data set's keys, those that its stills show, and those that nothing else does.
OF_STILLS = ("digits", "canvas", "stills", "clutter", "seed", "size", "stills_of")
OF_STILLS_ALONE = {"stills", "stills_of"}
# Of the keys of training, those that change no result, and those of how processes share a batch.
NOT_OF_RESULTS = ("threads", "workers", "validate_every")
SPREAD = ("gpus", "gpus_by_frames", "batch_norm")


@dataclass(frozen=True)
class Dependencies:
    """What a job's result depends on, beside the results of the jobs before it.

    settings: values of the config. code: the modules. files: sha256 of files that no job makes, by name.
    """

    settings: Mapping[str, Any]
    code: Code
    files: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """12 hexadecimal digits that change with any of it."""
        return config_hash([self.settings, self.code.hash, self.files])

    def parts(self) -> dict[str, Any]:
        """As a flat dict, in which differences can be named."""
        return {"code": self.code.hash, **_flat("", self.settings), **{f"file {k}": v for k, v in self.files.items()}}

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """What differs from the parts of an earlier one, a text each: train.lr was 0.02, is 0.01."""
        return changes(earlier, self.parts())


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two nests of values, a text each: train.lr was 0.02, is 0.01. Code comes last."""
    old, new = _flat("", before), _flat("", now)
    names = sorted({*old, *new}, key=lambda name: (name == "code", name))
    return [
        f"{name} was {_or_left_out(old.get(name))}, is {_or_left_out(new.get(name))}"
        for name in names
        if new.get(name) != old.get(name)
    ]


def _or_left_out(value: Any) -> Any:
    return "left out" if value is None else value


def dependencies(experiment: Experiment, stage: str, target: str = "") -> Dependencies:
    """Those of a job. stage: one of STAGES. target: what it is done for: a run's name, a model, a product's name.

    Errors: InputError for an unknown stage or target, or a file that is not there.
    """
    if stage not in STAGES:
        raise InputError(f"unknown stage {stage!r}; choose one of {', '.join(STAGES)}")
    return STAGES[stage](experiment, target)


def training(experiment: Experiment, name: str) -> Dependencies:
    run = Run.parse(name)
    train, clip = experiment.train, experiment.clip
    # Ways to compute the same, which count only where the last bit does.
    ways = () if train.deterministic else ("compile", "cuda_graph", "recompute_activations")
    others = () if experiment.carried_clips(run) else ("carried_clips",)
    settings = {
        **_network(experiment, run),
        **_shown(experiment, run, "train_videos"),
        "train": _without(train, *ways, *others, *NOT_OF_RESULTS, *SPREAD) | _spread(experiment, run),
        "clip": {"stride": clip.stride, "crop": clip.crop},
        "augment": plain(experiment.augment),
    }
    return _depends(
        experiment, settings, "rcn_bench.engine.train", models=[run.model], files=_imagenet(experiment, run)
    )


def _spread(experiment: Experiment, run: Run) -> dict[str, Any]:
    """How processes share a run's batches, where its result depends on it: by its own number, whatever key says it.

    By statistics of the whole batch it is that of one process but for rounding, and for what dropout draws.
    """
    train, gpus = experiment.train, experiment.gpus_of(run)
    same = gpus == 1 or (train.batch_norm == "synchronised" and not train.deterministic)
    return {} if same else {"gpus": gpus, "batch_norm": train.batch_norm}


def pretraining(experiment: Experiment, network: str) -> Dependencies:
    if experiment.pretrain is None or experiment.data.digits is None:
        raise InputError(f"pretrained: {experiment.pretrained}; only stills are trained here")
    settings = {
        "network": network,
        "pretrain": _pretrain(experiment),
        "train": {"deterministic": experiment.train.deterministic},
        "clip": {"crop": experiment.clip.crop},
        "augment": plain(experiment.augment),
        "stem_pool": experiment.stem_pool,
        "data": {"digits": {key: getattr(experiment.data.digits, key) for key in OF_STILLS}},
        **_glyphs(experiment),
    }
    trunk = experiment.trunk_sources.get(network)
    return _depends(experiment, settings, "rcn_bench.engine.pretrain", *([trunk] if trunk else []))


def evaluation(experiment: Experiment, name: str) -> Dependencies:
    run = Run.parse(name)
    shown = _shown(experiment, run, "train_videos", "val_videos")
    shown |= {"clip": plain(experiment.clip), "train": {"autocast": experiment.train.autocast}}
    return _depends(experiment, _network(experiment, run) | shown, "rcn_bench.engine.evaluate", models=[run.model])


def online(experiment: Experiment, name: str) -> Dependencies:
    run, clip = Run.parse(name), experiment.clip
    shown = _shown(experiment, run, "train_videos", "val_videos")
    shown |= {"clip": {"stride": clip.stride, "crop": clip.crop}, "train": {"autocast": experiment.train.autocast}}
    return _depends(experiment, _network(experiment, run) | shown, "rcn_bench.engine.online", models=[run.model])


def hidden_state(experiment: Experiment, name: str) -> Dependencies:
    """What else decided the weights, which are read, is that of their training."""
    run = Run.parse(name)
    return _depends(experiment, _network(experiment, run), "rcn_bench.analysis.hidden_state", models=[run.model])


def lifetime(experiment: Experiment, name: str) -> Dependencies:
    run, clip = Run.parse(name), experiment.clip
    shown = _shown(experiment, run, "train_videos") | {"lifetime": plain(experiment.lifetime)}
    shown |= {"clip": {"stride": clip.stride, "crop": clip.crop}, "train": {"autocast": experiment.train.autocast}}
    return _depends(experiment, _network(experiment, run) | shown, "rcn_bench.engine.lifetime", models=[run.model])


def _network(experiment: Experiment, run: Run) -> dict[str, Any]:
    """What shapes a run's network, beside its code. options: what the words in its name mean to its builder."""
    options = {word: OPTION_WORDS[word] for word in run.options}
    return {"run": run.name, "options": options, "stem_pool": experiment.stem_pool}


def _shown(experiment: Experiment, run: Run, *videos: str) -> dict[str, Any]:
    """What a run's videos are and, if it starts from stills, what those are and how a network is trained on them.

    videos: those of the sizes of the embedded data set that count. Of one's own videos, how their frames are kept, and
    not where they lie: a folder may be moved, and what lies there is known by a fingerprint.
    """
    if run.w_xh != "stills":
        return {"data": _data(experiment, *videos)}
    return {"data": _data(experiment, *videos, "stills"), "pretrain": _pretrain(experiment)}


def _data(experiment: Experiment, *videos: str) -> dict[str, Any]:
    data = experiment.data
    kept = {key: getattr(data, key) for key in ("short_side", "frame_rate", "jpeg_quality")}
    if data.digits is None:
        return kept
    shown = {*videos, *(OF_STILLS_ALONE if "stills" in videos else ())}
    return kept | {"digits": _without(data.digits, *({"train_videos", "val_videos", *OF_STILLS_ALONE} - shown))}


def _pretrain(experiment: Experiment) -> dict[str, Any]:
    return _without(experiment.pretrain, "threads") if experiment.pretrain else {}


def digits(experiment: Experiment, _: str) -> Dependencies:
    settings = {"data": {"digits": plain(experiment.data.digits)}, **_glyphs(experiment)}
    return _depends(experiment, settings, "rcn_bench.data.digits")


def _glyphs(experiment: Experiment) -> dict[str, Any]:
    """What stills of glyphs show: the plan, which is no code that counts, says which they are."""
    digits = experiment.data.digits
    return {"glyphs": [*CHARACTERS, *TEXTURES]} if digits is not None and digits.stills_of == "glyphs" else {}


def cached_from(experiment: Experiment, split: str) -> dict[str, Any]:
    """What decides which frames and labels a split's cache holds; the labels are those of training."""
    splits, data = sorted({split, "train"}), experiment.data
    shown = _data(experiment, *(f"{each}_videos" for each in splits))
    if data.digits is None:
        lists = {each: str(experiment.dataset.annotations(each)) for each in splits}
        shown |= {"videos": data.videos, "annotations": lists}
        shown |= {"format": data.format} if data.format else {}  # guessed: known by the lists
        shown |= {"pictures_per_second": data.pictures_per_second} if data.pictures_per_second else {}
    return {"split": split, "data": plain(shown)}


def caching(experiment: Experiment, split: str) -> Dependencies:
    """A cache's, and each of its shards'. How many videos may be bad only decides whether there is one."""
    settings = cached_from(experiment, split)
    settings["data"]["shard_videos"] = experiment.data.shard_videos
    formats = experiment.dataset.formats
    return _depends(experiment, settings, "rcn_bench.data.cache.build", *_list_formats(), *formats)


def _list_formats() -> list[str]:
    """Their modules, which are imported by computed names."""
    return [f"{lists.__name__}.{module.name}" for module in pkgutil.iter_modules(lists.__path__)]


def profiling(experiment: Experiment, model: str) -> Dependencies:
    profile = experiment.profile
    settings = {
        "model": model,
        "frames": profiled(products_of(experiment).values()).get(model, []),
        "profile": _without(profile, "timing_frames_per_batch", "seconds", "threads")
        | {"size": experiment.profile_size},
        "train": {"recompute_activations": experiment.train.recompute_activations},
    }
    return _depends(experiment, settings, "rcn_bench.analysis.profile", models=[model])


def throughput(experiment: Experiment, _: str) -> Dependencies:
    shown, profile = timed(products_of(experiment).values()), experiment.profile
    settings = {
        "frames": shown,
        "clip": {"crop": experiment.clip.crop},
        "profile": {
            key: getattr(profile, key) for key in ("num_classes", "timing_frames_per_batch", "seconds", "threads")
        },
    }
    return _depends(experiment, settings, "rcn_bench.analysis.throughput", models=list(shown))


def league(experiment: Experiment, _: str) -> Dependencies:
    shown, profile = league_of(experiment), experiment.profile
    models = list(shown.costed) if shown else []
    settings = {
        "models": models,
        "frames": shown.frames if shown else 0,
        "videos": shown.videos if shown else [],
        "clip": {"crop": experiment.clip.crop},
        "stem_pool": experiment.stem_pool,
        "profile": {key: getattr(profile, key) for key in ("num_classes", "seconds", "threads")},
    }
    return _depends(experiment, settings, "rcn_bench.analysis.league", models=models)


def causality(experiment: Experiment, _: str) -> Dependencies:
    shown = certified(products_of(experiment).values())
    settings = {"frames": shown, "clip": {"crop": experiment.clip.crop}}
    return _depends(experiment, settings, "rcn_bench.analysis.causality", models=list(shown))


def steps(experiment: Experiment, _: str) -> Dependencies:
    """Of the times of training steps, by which hours are estimated."""
    train, profile = experiment.train, experiment.profile
    ways = ("autocast", "compile", "cuda_graph", "deterministic", "recompute_activations")
    settings = {
        "train": {name: getattr(train, name) for name in ("frames_per_batch", "carried_clips", *ways)},
        "clip": {"crop": experiment.clip.crop},
        "augment": plain(experiment.augment),
        "stem_pool": experiment.stem_pool,
        "profile": {"num_classes": profile.num_classes, "seconds": profile.seconds},
    }
    runs = all_runs(products_of(experiment).values())
    settings["train"] |= _shares(experiment, runs)
    models = sorted({run.model for run in runs})
    return _depends(experiment, settings, "rcn_bench.analysis.steps", models=models)


def _shares(experiment: Experiment, runs: Sequence[Run]) -> dict[str, Any]:
    """Of how many GPUs each share of a batch is that is timed: one number, or those by frames that are not 1."""
    shares = {str(run.frames): experiment.gpus_of(run) for run in runs}
    several = {frames: gpus for frames, gpus in shares.items() if gpus > 1}
    if not several:
        return {}
    alike = set(shares.values())
    return {"gpus": alike.pop()} if len(alike) == 1 else {"gpus_by_frames": several}


def calibration(experiment: Experiment, weights: str) -> Dependencies:
    settings = {
        "weights": weights,
        "clip": plain(experiment.clip),
        "data": _data(experiment, "train_videos", "val_videos"),
    }
    return _depends(experiment, settings, "rcn_bench.engine.calibrate")


def _of_product(kind: str) -> Callable[[Experiment, str], Dependencies]:
    def depends(experiment: Experiment, name: str) -> Dependencies:
        product = find_product(experiment, name, kind)
        module = product.builder.partition(":")[0]
        return _depends(experiment, {kind: name, **product.depends_on()}, module)

    return depends


STAGES: dict[str, Callable[[Experiment, str], Dependencies]] = {
    "digits": digits,
    "cache": caching,
    "pretrain": pretraining,
    "train": training,
    "evaluate": evaluation,
    "online": online,
    "w_hh": hidden_state,
    "lifetime": lifetime,
    "profile": profiling,
    "throughput": throughput,
    "league": league,
    "causality": causality,
    "steps": steps,
    "calibrate": calibration,
    "table": _of_product("table"),
    "figure": _of_product("figure"),
}


def _depends(
    experiment: Experiment,
    settings: Mapping[str, Any],
    *entries: str,
    models: list[str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Dependencies:
    """models: those whose modules count too; of the other models' nothing does."""
    known = experiment.model_sources
    unknown = [model for model in models or [] if model not in known]
    if unknown:
        raise InputError(f"unknown model {unknown[0]!r}; `rcn-bench models` lists them, plugins may add some")
    modules = [*entries, *(known[model].module for model in models or [])]
    trunks = experiment.trunk_sources
    modules += [trunks[trunk] for model in models or [] if (trunk := known[model].trunk) in trunks]
    return Dependencies(plain(settings), experiment.code(*dict.fromkeys(modules)), files or {})


def _imagenet(experiment: Experiment, run: Run) -> dict[str, str]:
    """The file of this run's network, if one is named; torchvision's download is known by its name's hash."""
    trunk = experiment.trunk(run.model) if run.w_xh == "imagenet" else ""
    file = experiment.weights_files.get(trunk)
    if file is None:
        return {}
    return {f"weights_files.{trunk}": file_hash(Path(file)) if Path(file).is_file() else "not there"}


def _without(section: Any, *keys: str) -> dict[str, Any]:
    """Settings that change how fast a result comes, but not the result, are left out."""
    return {key: value for key, value in plain(section).items() if key not in keys}


def _flat(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        flat |= _flat(f"{name}.", value) if isinstance(value, Mapping) else {name: value}
    return flat
