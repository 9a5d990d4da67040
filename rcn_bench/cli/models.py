"""Commands on models, trained or not: models, certify, profile, throughput, league, causality."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rcn_bench.cli.options import (
    Commands,
    Options,
    add_command,
    add_examples,
    add_plugins,
    add_writing_command,
    on_a_gpu,
    positive,
)
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.models import Claims, claims_of_models


def add_commands(commands: Commands) -> None:
    text = "list the models with their parameters, GMACs of a clip, and whether they are causal"
    models = add_command(commands, "models", _models, text)
    models.add_argument("pattern", nargs="?", default="*", help='such as "rcn*"')
    add_plugins(models)
    models.add_argument("--json", action="store_true", help="print them as a JSON object, by name")
    add_examples(models, "", '"rcn*"', "--plugin my_models --json")

    certify = add_command(commands, "certify", _certify, "whether models are causal, by perturbing frames")
    certify.add_argument("model", nargs="+")
    certify.add_argument("--frames", type=positive, default=16, help="of the clip (default 16)")
    certify.add_argument("--size", type=positive, default=32, help="its height and width (default 32)")
    add_plugins(certify)
    add_examples(certify, "rcn18 i3d18", "my_model --plugin my_models --frames 8 --size 64")

    profile = add_writing_command(
        commands, "profile", on_a_gpu(_profile), "parameters, GMACs and memory of a model", ["model"]
    )
    profile.add_argument("model")
    text = "clips/s of all models, timed one after the other"
    throughput = add_writing_command(commands, "throughput", on_a_gpu(_throughput), text)
    league = add_writing_command(
        commands, "league", on_a_gpu(_league), "what the models of the league cost on live video, measured by turns"
    )
    for timing in (throughput, league):
        timing.add_argument("--threads", type=positive, default=1, help="CPU threads (default 1)")
    text = "certify the models of Table 5, the league and plugins' products"
    add_writing_command(commands, "causality", _causality, text)


def _models(options: Options) -> None:
    models = claims_of_models(options.pattern, options.plugin)
    if not models:
        raise InputError(f"models: none is called {options.pattern!r}; `rcn-bench models` lists all")
    if options.json:
        print(json.dumps({name: claims and asdict(claims) for name, claims in models.items()}, indent=2))
    else:
        print("\n".join(_table(models)))


def _table(models: Mapping[str, Claims | None]) -> Iterator[str]:
    """A line a model; GMACs are those of one clip, which is not the same for all."""
    width = max(map(len, models))
    yield f"{'model':<{width}}   parameters    GMACs  of a clip    causal"
    for name, claims in models.items():
        if claims is None:
            yield f"{name:<{width}}  it states no figures"
            continue
        clip, causal = "x".join(map(str, claims.clip)), "yes" if claims.causal else "no"
        yield f"{name:<{width}}  {claims.parameters:>11,}  {claims.gmacs:>7.2f}  {clip:<11}  {causal}"


def _certify(options: Options) -> None:
    from rcn_bench.analysis.causality import certify, describe
    from rcn_bench.code import load_plugins

    load_plugins(options.plugin)
    for model in options.model:
        print(describe(certify(model, options.frames, options.size)), flush=True)


def _profile(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.profile import profile

    profile(options.model, experiment)


def _throughput(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.throughput import time_models

    time_models(experiment, options.threads)


def _league(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.league import measure_league

    measure_league(experiment, options.threads)


def _causality(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.causality import certify_models

    certify_models(experiment)
