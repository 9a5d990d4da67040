"""The command line: `rcn-bench COMMAND ...`; every rule of the workflow is one call of it.

Nothing heavy is imported until a command runs, so that --help and bad arguments answer at once.
"""

import argparse
import errno
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rcn_bench.config import load_config
from rcn_bench.errors import InputError, TrainingDiverged, one_line
from rcn_bench.experiment import Run
from rcn_bench.files import write_json, write_text
from rcn_bench.layout import Layout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or with one line on stderr 1 if training diverged, 2 on bad input, 130 on Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files can be any bytes
    options = _parser().parse_args(arguments)
    try:
        options.run_command(options)
    except InputError as error:
        return _complain(one_line(error), 2)
    except TrainingDiverged as error:
        return _complain(str(error), 1)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        return _complain(f"{error.filename or options.results}: {error.strerror}; nothing half-written is left", 2)
    except KeyboardInterrupt:
        return _complain("interrupted; the same command goes on with what is left", 130)
    return 0


def _complain(message: str, code: int) -> int:
    print(f"rcn-bench: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rcn-bench", description="Benchmark and reproduce recurrent 3D CNNs (RCN).")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    text = "whether an experiment can run: its models, inits, weights files, videos, and room for their cache"
    _command(commands, "check", _check, text)

    data = commands.add_parser("data", help="make and decode data sets").add_subparsers(required=True, metavar="WHAT")
    _command(data, "make-digits", _make_digits, "write the embedded data set: videos, annotations, stills")
    check = data.add_parser(
        "check",
        help="decode every video once and report what cannot be used",
        description="Decode every video of a list once, in parallel, and report what cannot be used. Interrupted, the "
        "same command goes on where it was.",
    )
    check.add_argument("--annotations", required=True, type=Path, help="a CSV, or a folder of class folders")
    check.add_argument("--root", required=True, type=Path, help="the folder of videos")
    check.add_argument("--report", type=Path, default=Path("check.csv"), help="a row a video (default: check.csv)")
    check.add_argument("--frames", type=_positive, default=1, help="the frames that a video must have (default 1)")
    check.add_argument("--labels", type=Path, help="annotations whose labels are known, such as those of training")
    check.add_argument("--max-bad", type=_share, default=0.0, metavar="SHARE", help="such as 1%% (default 0)")
    check.add_argument("--workers", type=_positive, default=os.cpu_count(), help="processes (default: one a core)")
    check.set_defaults(run_command=_check_videos, results=Path("results"))
    cache = _command(data, "cache", _cache, "check and decode the videos of a split once, for all runs")
    cache.add_argument("--split", required=True, choices=["train", "val"])
    cache.add_argument("--workers", type=_positive, default=os.cpu_count(), help="processes (default: one a core)")
    cache.add_argument("--shard", type=_not_negative, metavar="NUMBER", help="make this shard alone, from 0 on")
    cache.add_argument("--verify", action="store_true", help="read every shard, and make damaged ones anew")
    cache.add_argument("--skip-damaged", action="store_true", help="with --verify: skip their videos instead")

    pretrain = _command(commands, "pretrain", _pretrain, "train a 2D network on stills")
    pretrain.add_argument("network", choices=["resnet18", "resnet34", "resnet50", "resnet101", "googlenet"])

    train = _command(commands, "train", _train, "train a run, or go on from its checkpoint")
    train.add_argument("run", help="a run's name, such as rcn18-t8-xh_random-hh_identity-s0")
    train.add_argument(
        "--activation-checkpointing", action="store_true", help="less memory, more time, the same result"
    )
    text = "clip and video accuracy of a trained run; or, with --checkpoint and --videos, its predictions on any videos"
    evaluate = _command(commands, "evaluate", _evaluate, text, needs_config=False)
    evaluate.add_argument("run", nargs="?", help="a run's name, of the experiment --config")
    evaluate.add_argument("--checkpoint", type=Path, help="a run's model.safetensors")
    evaluate.add_argument("--videos", type=Path, help="a video, or a folder of them")
    evaluate.add_argument("--output", type=Path, default=Path("predictions.csv"), help="default: predictions.csv")

    text = "disk, hours and memory of an experiment, from training steps timed on this machine or on another"
    estimate = _command(commands, "estimate", _estimate, text)
    estimate.add_argument("--step-times", type=Path, help="those of another machine, instead of timing on this one")
    estimate.add_argument("--train-videos", type=_positive, help="how many (default: those that are listed)")
    estimate.add_argument("--val-videos", type=_positive, help="likewise")

    text = "accuracy of published Kinetics-400 weights on an experiment's validation cache, to check the data path"
    calibrate = _command(commands, "calibrate", _calibrate, text)
    calibrate.add_argument("weights", choices=["r3d_18", "r2plus1d_18", "s3d", "rcn50"])
    calibrate.add_argument("--weights-file", type=Path, help="instead of torchvision's download; needed for rcn50")

    profile = _command(commands, "profile", _profile, "parameters, GMACs and memory of a model")
    profile.add_argument("model")
    throughput = _command(commands, "throughput", _throughput, "clips/s of all models, timed one after the other")
    throughput.add_argument("--threads", type=_positive, default=1, help="CPU threads (default 1)")

    online = _command(commands, "online", _online, "accuracy of a trained run against the share of a video seen")
    online.add_argument("run", help="a run's name")
    certify = commands.add_parser(
        "certify", help="whether models are causal", description="Whether models are causal, by perturbing frames."
    )
    certify.add_argument("model", nargs="+")
    certify.add_argument("--frames", type=_positive, default=16, help="of the clip (default 16)")
    certify.add_argument("--size", type=_positive, default=32, help="its height and width (default 32)")
    certify.add_argument("--plugin", action="append", default=[], help="module that registers models of your own")
    certify.set_defaults(run_command=_certify, results=Path("results"))
    _command(commands, "causality", _causality, "certify the models of Table 5")
    stream = commands.add_parser("stream", help="predictions on a video as its frames arrive")
    stream.add_argument("video", help="a file, or the number of a camera")
    stream.add_argument("--checkpoint", required=True, type=Path, help="a trained run's model.safetensors")
    stream.add_argument("--top", type=_positive, default=5, help="how many labels to print (default 5)")
    stream.add_argument("--last", type=_positive, help="average over this many frames (default: all so far)")
    stream.add_argument(
        "--restart",
        type=_not_negative,
        metavar="FRAMES",
        help="start the state anew after so many frames, 0 for never (default: those of a clip in training)",
    )
    stream.set_defaults(run_command=_stream, results=Path("results"))

    _command(commands, "table", _table, "assemble a table from result files").add_argument("name")
    _command(commands, "figure", _figure, "draw a figure from result files").add_argument("name")
    _command(commands, "show", _show, "print the tables that are there")

    bench = commands.add_parser("bench", help="run the benchmarks of this checkout and keep their results")
    bench.add_argument("--compare", action="store_true", help="print the ratios, beside those kept of other machines")
    bench.add_argument("--kept", action="store_true", help="run none, print the ratios of those kept")
    bench.add_argument("--all", action="store_true", help="the slow ones too: deeper, longer clips, compiled on a CPU")
    bench.add_argument("-k", metavar="EXPRESSION", default="", help="only these, as in pytest")
    bench.add_argument("--machine", help="name of the machine in the results (default: that of its GPU or processor)")
    bench.add_argument("--results", default=Path("results"), type=Path, help="results are kept in its reference/")
    bench.set_defaults(run_command=_bench)

    models = commands.add_parser("models", help="list the models")
    models.add_argument("pattern", nargs="?", default="*", help='such as "rcn*"')
    models.set_defaults(run_command=_models, results=Path("results"))
    return parser


def _command(
    commands: argparse._SubParsersAction,
    name: str,
    function: Callable[[argparse.Namespace], None],
    text: str,
    *,
    needs_config: bool = True,
) -> argparse.ArgumentParser:
    """A command on one experiment: it reads a config and works below its results folder."""
    parser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--config", required=needs_config, type=Path, help="the experiment, such as config/mini.yaml")
    parser.add_argument("--results", default=Path("results"), type=Path, help="folder of results (default: results)")
    parser.set_defaults(run_command=function)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share, such as 1% or 0.01")
    return share


def _check(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.data.building import missing_shards
    from rcn_bench.data.source import Source
    from rcn_bench.data.space import is_built, need_of, require_room
    from rcn_bench.engine.build import check_runs

    layout = Layout.of(config, options.results)
    check_runs(config, layout)
    if "videos" in config["data"]:
        sources = [Source.of(config, layout, split) for split in ("train", "val")]
        if needs := [need_of(source, missing_shards(source), 1) for source in sources if not is_built(source)]:
            require_room(layout.cache("train").parent, needs, print)


def _make_digits(options: argparse.Namespace) -> None:
    from rcn_bench.data.digits import DigitsConfig, make_digits

    config = load_config(options.config)
    if "digits" not in config["data"]:
        raise InputError(f"{options.config}: data.digits: not there; this experiment has videos of its own")
    make_digits(DigitsConfig(**config["data"]["digits"]), Layout.of(config, options.results).data)


def _check_videos(options: argparse.Namespace) -> None:
    from rcn_bench.data.annotations import read_annotations
    from rcn_bench.data.check import check_videos, summary, too_many

    videos = read_annotations(options.annotations, options.root)
    labels = options.labels and {video.label for video in read_annotations(options.labels, options.root)}
    findings = check_videos(
        videos, options.root, options.report, frames=options.frames, labels=labels, workers=options.workers
    )
    print(f"{len(findings)} videos: {summary(Counter(one.verdict for one in findings))}; {options.report}")
    bad = [finding for finding in findings if not finding.usable]
    if too_many(len(bad), len(findings), options.max_bad):
        raise InputError(
            f"{options.report}: {len(bad)} of {len(findings)} videos cannot be used, more than --max-bad "
            f"{options.max_bad:.2%}; the first is {bad[0].path}: {bad[0].verdict}"
        )


def _cache(options: argparse.Namespace) -> None:
    from rcn_bench.data.building import build_cache, build_shard, verify_cache
    from rcn_bench.data.cache import Cache
    from rcn_bench.data.source import Source

    config, split = load_config(options.config), options.split
    layout = Layout.of(config, options.results)
    source = Source.of(config, layout, split)
    if options.shard is not None and options.verify:
        raise InputError("data cache: give --shard or --verify, not both")
    if options.skip_damaged and not options.verify:
        raise InputError("data cache: --skip-damaged goes with --verify")
    if options.shard is not None:
        shard = build_shard(source, options.shard, options.workers)
        write_json(layout.shard_record(split, options.shard), {"shard": shard.name, "bytes": shard.stat().st_size})
        return
    layout.fingerprint(split).unlink(missing_ok=True)  # a kill must not leave that of another cache
    if options.verify:
        verify_cache(source, skip=options.skip_damaged, workers=options.workers)
    else:
        build_cache(source, options.workers)
    write_text(layout.fingerprint(split), Cache(source.index).fingerprint + "\n")


def _pretrain(options: argparse.Namespace) -> None:
    from rcn_bench.engine.pretrain import pretrain

    config = load_config(options.config)
    if config["pretrained"] != "stills" or "pretrain" not in config:
        raise InputError(f"{options.config}: pretrained: {config['pretrained']}; only stills are trained here")
    pretrain(options.network, config, Layout.of(config, options.results))


def _train(options: argparse.Namespace) -> None:
    run, config = Run.parse(options.run), load_config(options.config)
    from rcn_bench.engine.train import train

    config["train"]["activation_checkpointing"] |= options.activation_checkpointing
    train(run, config, Layout.of(config, options.results))


def _evaluate(options: argparse.Namespace) -> None:
    if options.checkpoint and options.videos and not options.run:
        from rcn_bench.engine.predict import predict

        predict(options.checkpoint, options.videos, options.output)
        return
    if options.checkpoint or options.videos or not (options.run and options.config):
        raise InputError("evaluate: give a run and --config, or --checkpoint and --videos")
    run, config = Run.parse(options.run), load_config(options.config)
    from rcn_bench.engine.evaluate import evaluate

    evaluate(run, config, Layout.of(config, options.results))


def _estimate(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.analysis.estimate import estimate, measure_steps

    layout = Layout.of(config, options.results)
    if options.step_times is None:
        measure_steps(config, layout.step_times)
    print(estimate(config, layout, options.step_times or layout.step_times, options.train_videos, options.val_videos))


def _calibrate(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.engine.calibrate import calibrate

    calibrate(options.weights, config, Layout.of(config, options.results), options.weights_file)


def _profile(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.analysis.profile import profile

    profile(options.model, config, Layout.of(config, options.results))


def _throughput(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.analysis.profile import time_models

    time_models(config, Layout.of(config, options.results), options.threads)


def _online(options: argparse.Namespace) -> None:
    run, config = Run.parse(options.run), load_config(options.config)
    from rcn_bench.engine.online import evaluate_online

    evaluate_online(run, config, Layout.of(config, options.results))


def _certify(options: argparse.Namespace) -> None:
    from rcn_bench.analysis.causality import certify, describe
    from rcn_bench.engine.build import load_plugins

    load_plugins({"plugins": options.plugin})
    for model in options.model:
        print(describe(certify(model, options.frames, options.size)), flush=True)


def _causality(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.analysis.causality import certify_models

    certify_models(config, Layout.of(config, options.results))


def _stream(options: argparse.Namespace) -> None:
    from rcn_bench.engine.stream import stream

    stream(options.video, options.checkpoint, options.top, options.last, options.restart)


def _table(options: argparse.Namespace) -> None:
    from rcn_bench.reporting.tables import write_table

    config = load_config(options.config)
    write_table(options.name, config, Layout.of(config, options.results))


def _figure(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    from rcn_bench.reporting.figures import write_figure

    write_figure(options.name, config, Layout.of(config, options.results))


def _show(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    folder = Layout.of(config, options.results).root / "tables"
    for path in sorted(folder.glob("*.md")):
        print(f"{path.read_text()}\n(from {path}; also as .csv and .tex)\n")


def _bench(options: argparse.Namespace) -> None:
    from rcn_bench.reporting.benchmarks import compare, run_benchmarks

    folder = options.results / "reference"
    if options.kept:
        print(compare(folder))
        return
    path = run_benchmarks(folder, options.machine, options.k, options.all)
    if options.compare:
        print(compare(folder, own=path.parent.name))


def _models(options: argparse.Namespace) -> None:
    from rcn_bench.models import list_models

    print("\n".join(list_models(options.pattern)))


if __name__ == "__main__":
    sys.exit(main())
