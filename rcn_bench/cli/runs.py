"""Commands on runs and their weights: pretrain, train, evaluate, online, w-hh, lifetime, stream, calibrate."""

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rcn_bench.cli.options import (
    A_RUN,
    Commands,
    Options,
    add_command,
    add_examples,
    add_experiment_command,
    add_experiment_options,
    add_writing_command,
    as_writer,
    experiment_of,
    not_negative,
    on_a_gpu,
    output_file,
    positive,
    rate,
    seconds,
)
from rcn_bench.errors import InputError
from rcn_bench.gpus import taking_gpus
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import PUBLISHED_WEIGHTS
from rcn_bench.torchrun import is_main, is_one_of_several

if TYPE_CHECKING:
    from rcn_bench.engine.live.network import Network


def add_commands(commands: Commands) -> None:
    pretrain = add_writing_command(
        commands, "pretrain", on_a_gpu(_pretrain), "train a 2D network on stills", ["network"]
    )
    pretrain.add_argument("network", help="such as resnet18")

    text = "train a run, or go on from its checkpoint; several runs in one process, those of a network compiled once"
    train = add_experiment_command(commands, "train", _train, text)
    text = f"a run's name, such as {A_RUN}; of several, those that are trained are left"
    train.add_argument("runs", nargs="+", metavar="run", help=text)
    train.add_argument("--recompute-activations", action="store_true", help="less memory, more time, the same result")
    add_examples(train, f"{A_RUN} --config config/mini.yaml")

    text = "clip and video accuracy of trained runs; or, with --weights and --videos, predictions on any videos"
    evaluate = add_command(commands, "evaluate", _evaluate, text)
    evaluate.add_argument("runs", nargs="*", metavar="run", help="names of runs, of the experiment --config")
    add_experiment_options(evaluate, required=False)
    evaluate.add_argument("--weights", type=Path, help="a run's model.safetensors")
    evaluate.add_argument("--videos", type=Path, help="a video, a folder of numbered pictures, or a folder of videos")
    _add_pictures_per_second(evaluate)
    evaluate.add_argument("--output", type=Path, default=Path("predictions.csv"), help="default: predictions.csv")
    weights = f"--weights results/mini/runs/{A_RUN}/model.safetensors"
    add_examples(evaluate, f"{A_RUN} --config config/mini.yaml", f"{weights} --videos videos")

    measurements = {
        "online": (on_a_gpu(_online), "accuracy of trained runs against the share of a video seen"),
        "w-hh": (_hidden_state, "w_hh of trained runs by layer, at the start of their training and after it"),
        "lifetime": (
            on_a_gpu(_lifetime),
            "accuracy of trained runs by the age of their state in frames, on long videos",
        ),
    }
    for name, (measure, text) in measurements.items():
        command = add_writing_command(commands, name, measure, text, ["runs"])
        command.add_argument("runs", nargs="+", metavar="run", help="names of runs")

    stream = add_command(commands, "stream", _stream, "predictions on a video as its frames arrive")
    text = "a file, a folder of numbered pictures, rtsp:// or http://, the number of a camera, or - for standard input"
    stream.add_argument("video", help=text)
    _add_pictures_per_second(stream)
    network = stream.add_mutually_exclusive_group(required=True)
    network.add_argument("--weights", type=Path, help="a trained run's model.safetensors")
    network.add_argument("--model", type=Path, help="what `rcn-bench export` has written, an .onnx; runs without torch")
    stream.add_argument("--top", type=positive, default=5, help="how many labels to print (default 5)")
    stream.add_argument("--last", type=positive, help="average over this many frames (default: all so far)")
    text = "start the state anew after so many frames, 0 for never (default: those of a clip in training)"
    stream.add_argument("--restart", type=not_negative, metavar="FRAMES", help=text)
    stream.add_argument("--json", action="store_true", help="a line of JSON for each answer and event")
    text = "draw at the end what was seen: frames, and the scores of the classes that led, as a .png"
    stream.add_argument("--strip", type=Path, metavar="FILE", help=text)
    text = "a live source without a frame for so long is lost and tried again (default 10)"
    stream.add_argument("--timeout", type=rate, metavar="SECONDS", help=text)
    text = "end so long after the last frame of a lost source (default 60; 0: once it is lost)"
    stream.add_argument("--give-up", type=seconds, metavar="SECONDS", help=text)
    add_examples(stream, f"video.mp4 {weights}", f"0 {weights} --top 1", f"rtsp://camera.local/1 {weights} --json")

    text = "accuracy of published Kinetics-400 weights on an experiment's validation cache, to check the data path"
    calibrate = add_writing_command(commands, "calibrate", on_a_gpu(_calibrate), text, ["weights"])
    calibrate.add_argument("weights", choices=PUBLISHED_WEIGHTS)
    calibrate.add_argument("--weights-file", type=Path, help="instead of torchvision's download; needed for rcn50")


def _add_pictures_per_second(parser: argparse.ArgumentParser) -> None:
    text = "of a folder of pictures, for networks that take frames at a rate"
    parser.add_argument("--pictures-per-second", type=rate, metavar="RATE", help=text)


def _runs(options: Options) -> list[Run]:
    """All names are read before the first is worked on."""
    return list(map(Run.parse, options.runs))


def _pretrain(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.pretrain import pretrain

    pretrain(options.network, experiment)


def _memory(experiment: Experiment, options: Options) -> int:
    """Of the largest training, in bytes, by the shapes of its tensors."""
    from rcn_bench.analysis.estimate import estimated_peak

    networks = {(run.variant, run.frames) for run in _runs(options)}
    return max(estimated_peak(experiment, *network) for network in networks)


def _gpus(experiment: Experiment, options: Options) -> int:
    """That share the training of each run. Errors: InputError for runs of which one takes more than another."""
    first, *others = _runs(options)
    gpus = experiment.gpus_of(first)
    for run in others:
        if experiment.gpus_of(run) != gpus:
            raise InputError(
                f"train.gpus_by_frames: {first.name} takes {gpus} and {run.name} {experiment.gpus_of(run)}; give each "
                "number's runs to a command of their own"
            )
    return gpus


def _train(experiment: Experiment, options: Options) -> None:
    """By processes of its own, unless this is one of those that torchrun has started, of which the first writes.

    Those compute where their user has placed them.
    """
    train: Callable[[Experiment, Options], None] = _train_runs
    if not is_one_of_several():
        train = on_a_gpu(train, _memory, count=_gpus)
    if is_main():
        train = as_writer("train", train, ["runs"])
    train(experiment, options)


def _train_runs(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.trainings import train_runs

    runs = _runs(options)
    if options.recompute_activations:
        experiment = replace(experiment, train=replace(experiment.train, recompute_activations=True))
    if _gpus(experiment, options) == 1 and not is_one_of_several():
        train_runs(runs, experiment)
        return
    from rcn_bench.engine.processes import train_as_one_of_several, train_on_several

    (train_as_one_of_several if is_one_of_several() else train_on_several)(runs, experiment)


def _evaluate(options: Options) -> None:
    if options.weights and options.videos and not options.runs:
        from rcn_bench.engine.predict import predict

        output = output_file(options.output, "give --output the name of a file")
        with taking_gpus():
            predict(options.weights, options.videos, output, options.pictures_per_second)
        return
    if options.weights or options.videos or not (options.runs and options.config):
        raise InputError("evaluate: give a run and --config, or --weights and --videos")
    as_writer("evaluate", on_a_gpu(_evaluate_runs), ["runs"])(experiment_of(options), options)


def _evaluate_runs(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.evaluate import evaluate
    from rcn_bench.trust.keep import write_card

    for run in _runs(options):
        evaluate(run, experiment)
        write_card(experiment, run)


def _online(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.online import evaluate_online

    for run in _runs(options):
        evaluate_online(run, experiment)
        _discard_checkpoint(run, experiment)


def _hidden_state(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.hidden_state import measure_hidden_state

    for run in _runs(options):
        measure_hidden_state(run, experiment)
        _discard_checkpoint(run, experiment)


def _lifetime(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.lifetime import measure_lifetime

    runs = _runs(options)
    measure_lifetime(runs, experiment)
    for run in runs:
        _discard_checkpoint(run, experiment)


def _discard_checkpoint(run: Run, experiment: Experiment) -> None:
    """That of a finished training, as an evaluation does: whoever has read its weights has seen it end."""
    from rcn_bench.engine.resume import discard_finished

    discard_finished(experiment.paths.checkpoint(run))


def _stream(options: Options) -> None:
    strip = options.strip and output_file(options.strip, "give --strip the name of a file", ".png")
    with _ended_like_by_ctrl_c():
        if options.model:
            from rcn_bench.engine.live.by_onnxruntime import OnnxNetwork

            _show(options, OnnxNetwork(options.model), strip)
            return
        with taking_gpus():
            from rcn_bench.engine.live.by_torch import TorchNetwork

            _show(options, TorchNetwork(options.weights), strip)


def _show(options: Options, network: "Network", strip: Path | None) -> None:
    """What was seen until a source was lost, or somebody ended the command, is drawn too."""
    from rcn_bench.engine.live.by_onnxruntime import imported
    from rcn_bench.engine.live.seen import Seen
    from rcn_bench.engine.live.stream import Source, stream

    source = Source(options.video, options.pictures_per_second, options.timeout, options.give_up)
    seen = Seen(network.feed.labels) if strip else None
    for name in ("matplotlib", "pandas", "seaborn") if strip else ():
        imported(name)  # which are not on every machine that streams, and are asked for before the stream
    try:
        stream(source, network, options.top, options.last, options.restart, options.json, seen)
    finally:
        if strip and seen and seen.answers.count:
            from rcn_bench.reporting.strip import write_strip

            write_strip(seen, strip)


@contextmanager
def _ended_like_by_ctrl_c() -> Iterator[None]:
    """By TERM, as a service is, too: with the sums."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _calibrate(experiment: Experiment, options: Options) -> None:
    from rcn_bench.engine.calibrate import calibrate

    calibrate(options.weights, experiment, options.weights_file)
