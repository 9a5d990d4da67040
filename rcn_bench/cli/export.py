"""The command that writes a network for other runtimes: export."""

from pathlib import Path

from rcn_bench.cli.options import (
    A_RUN,
    Commands,
    Options,
    add_command,
    add_examples,
    add_experiment_options,
    add_plugins,
    experiment_of,
    output_file,
    positive,
)
from rcn_bench.errors import InputError
from rcn_bench.plan.run import Run
from rcn_bench.records.exported import SUFFIXES


def add_commands(commands: Commands) -> None:
    text = "write the step of a causal network for a runtime without torch, for torch without this package, or compiled"
    export = add_command(commands, "export", _export, text)
    text = "a run's name, with --config; its model.safetensors; or a model's name, with random weights"
    export.add_argument("network", metavar="RUN_OR_MODEL", help=text)
    text = (
        "onnx: .onnx; torch: torch.export's .pt2; aoti: AOTInductor's .pt2, of one video, compiled for this processor"
    )
    export.add_argument("--format", required=True, choices=SUFFIXES, help=text)
    export.add_argument("--output", type=Path, help="default: the name of the run, file or model")
    text = "write the network on clips of so many frames, in place of its step; with --format torch"
    export.add_argument("--clip", type=positive, default=0, metavar="FRAMES", help=text)
    text = "convolutions in int8, by ranges over the run's cached videos; with --format onnx and --config"
    export.add_argument("--int8", action="store_true", help=text)
    add_experiment_options(export, required=False)
    export.add_argument("--size", type=positive, default=112, help="of a model's frames (default 112)")
    export.add_argument("--classes", type=positive, default=400, help="of a model (default 400)")
    add_plugins(export)
    weights = f"results/mini/runs/{A_RUN}/model.safetensors"
    run = f"{A_RUN} --config config/mini.yaml --format onnx"
    add_examples(export, f"{run} --output step.onnx", f"{weights} --format torch", "rcn18 --format onnx --size 224")


def _export(options: Options) -> None:
    from rcn_bench.engine.export.write import export_untrained, export_weights

    if options.clip and options.format != "torch":
        raise InputError("export: --clip goes with --format torch, which knows the recurrence over a clip")
    if options.int8 and (options.format != "onnx" or not options.config):
        raise InputError("export: --int8 goes with --format onnx and the --config of a run, by whose videos it is made")
    weights, suffix = _weights(options), SUFFIXES[options.format]
    name = Path(options.network).name.removesuffix(".safetensors")
    output = output_file(options.output or Path(f"{name}{suffix}"), "give --output the name of a file", suffix)
    if weights:
        export_weights(weights, options.format, options.clip, output, experiment_of(options) if options.int8 else None)
    else:
        model = (options.network, options.plugin, options.classes, options.size)
        export_untrained(*model, options.format, options.clip, output)


def _weights(options: Options) -> Path | None:
    """Of the run that is named; None for a model."""
    if options.network.endswith(".safetensors"):
        return Path(options.network)
    if options.config:
        return experiment_of(options).paths.weights(Run.parse(options.network))
    if "-" in options.network:
        raise InputError(f"export: {options.network}: give the --config of a run, or its model.safetensors")
    return None
