"""Commands on models, trained or not: models, certify, profile, throughput, causality."""

from rcn_bench.cli.options import Commands, Options, add_command, add_writing_command, positive
from rcn_bench.plan.experiment import Experiment


def add_commands(commands: Commands) -> None:
    models = add_command(commands, "models", _models, "list the models")
    models.add_argument("pattern", nargs="?", default="*", help='such as "rcn*"')

    certify = add_command(commands, "certify", _certify, "whether models are causal, by perturbing frames")
    certify.add_argument("model", nargs="+")
    certify.add_argument("--frames", type=positive, default=16, help="of the clip (default 16)")
    certify.add_argument("--size", type=positive, default=32, help="its height and width (default 32)")
    certify.add_argument("--plugin", action="append", default=[], help="module that registers models of your own")

    profile = add_writing_command(commands, "profile", _profile, "parameters, GMACs and memory of a model", ["model"])
    profile.add_argument("model")
    text = "clips/s of all models, timed one after the other"
    throughput = add_writing_command(commands, "throughput", _throughput, text)
    throughput.add_argument("--threads", type=positive, default=1, help="CPU threads (default 1)")
    add_writing_command(commands, "causality", _causality, "certify the models of Table 5, and of plugins' products")


def _models(options: Options) -> None:
    from rcn_bench.models import list_models

    print("\n".join(list_models(options.pattern)))


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


def _causality(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.causality import certify_models

    certify_models(experiment)
