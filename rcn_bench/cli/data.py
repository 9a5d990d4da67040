"""Commands that make and decode data sets: data make-digits, data check, data convert, data cache."""

import argparse
import os
from pathlib import Path

from rcn_bench.cli.options import (
    Commands,
    Options,
    add_command,
    add_examples,
    add_writing_command,
    not_negative,
    output_file,
    positive,
    share,
)
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment


def add_commands(commands: Commands) -> None:
    data = commands.add_parser("data", help="make and decode data sets").add_subparsers(required=True, metavar="WHAT")
    text = "write the embedded data set: videos, lists, stills"
    _add_workers(add_writing_command(data, "make-digits", _make_digits, text))

    check = add_command(data, "check", _check, "decode every video once and report what cannot be used")
    check.description = (
        "Decode every video of a list once, in parallel, and report what cannot be used. Interrupted, the same command "
        "goes on where it was."
    )
    check.add_argument("--annotations", required=True, type=Path, help="a list, or a folder of class folders")
    check.add_argument("--root", required=True, type=Path, help="the folder of videos")
    _add_list_options(check)
    check.add_argument("--report", type=Path, default=Path("check.csv"), help="a row a video (default: check.csv)")
    check.add_argument("--frames", type=positive, default=1, help="the frames that a video must have (default 1)")
    check.add_argument("--labels", type=Path, help="a list whose labels are known, such as that of training")
    check.add_argument("--max-bad", type=share, default=0.0, metavar="SHARE", help="such as 1%% (default 0)")
    text = "of videos that may stand under two labels (default 0)"
    check.add_argument("--max-overlap", type=share, default=0.0, metavar="SHARE", help=text)
    _add_workers(check)
    add_examples(check, "--annotations train.csv --root videos --max-bad 1%", "--annotations videos --root videos")

    convert = add_command(data, "convert", _convert, "write a list of any format as a CSV with path, label and group")
    convert.add_argument("list", type=Path, help="a list, or a folder of class folders")
    convert.add_argument("--root", required=True, type=Path, help="the folder of videos")
    convert.add_argument("--output", required=True, type=Path, help="the CSV")
    _add_list_options(convert)
    add_examples(convert, "trainlist01.txt --root UCF-101 --output train.csv")

    text = "check and decode the videos of a split once, for all runs"
    cache = add_writing_command(data, "cache", _cache, text, ["split", "shard"])
    cache.add_argument("--split", required=True, choices=["train", "val"])
    cache.add_argument("--shard", type=not_negative, metavar="NUMBER", help="make this shard alone, from 0 on")
    cache.add_argument("--verify", action="store_true", help="read every shard, and make damaged ones anew")
    cache.add_argument("--skip-damaged", action="store_true", help="with --verify: skip their videos instead")
    _add_workers(cache)


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    text = "refuse links that lead out of the folder of videos"
    parser.add_argument("--no-follow-links", dest="follow_links", action="store_false", help=text)
    parser.add_argument("--format", help="of the list, such as ucf101 (default: guessed)")
    parser.add_argument("--plugin", action="append", default=[], help="module that registers a list format of your own")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=positive, default=os.cpu_count(), help="processes (default: one a core)")


def _make_digits(experiment: Experiment, options: Options) -> None:
    if experiment.data.digits is None:
        raise InputError("data.digits: not there; this experiment has videos of its own")
    from rcn_bench.data.digits import make_digits

    make_digits(experiment.data.digits, experiment.paths.data, workers=options.workers if options.workers > 1 else 0)


def _check(options: Options) -> None:
    from rcn_bench.code import load_plugins
    from rcn_bench.data.review import review_videos

    load_plugins(options.plugin)
    review_videos(
        options.annotations,
        options.root,
        output_file(options.report, "give --report the name of a file"),
        format=options.format,
        frames=options.frames,
        labels=options.labels,
        max_bad=options.max_bad,
        max_overlap=options.max_overlap,
        follow_links=options.follow_links,
        workers=options.workers,
    )


def _convert(options: Options) -> None:
    from rcn_bench.code import load_plugins
    from rcn_bench.lists.convert import write_own_csv
    from rcn_bench.lists.formats import in_order, read_list

    if options.output.exists() and options.list.exists() and options.output.samefile(options.list):
        raise InputError(f"{options.output}: the list itself; give --output another name")
    output = output_file(options.output, "give --output the name of a file")
    if not options.root.is_dir():
        raise InputError(f"{options.root}: no such video folder; check --root")
    load_plugins(options.plugin)
    videos = read_list(options.list, options.root, options.format)
    write_own_csv(videos, options.root, output, follow_links=options.follow_links)
    print(f"{videos.summary}; written to {options.output}")
    if videos.labels != in_order({video.label for video in videos}):
        order = f"in the order of their labels; {videos.format} has one of its own"
        print(f"{options.output}: read from there, the classes are those that have a video, {order}")


def _cache(experiment: Experiment, options: Options) -> None:
    if options.shard is not None and options.verify:
        raise InputError("data cache: give --shard or --verify, not both")
    if options.skip_damaged and not options.verify:
        raise InputError("data cache: --skip-damaged goes with --verify")
    from rcn_bench.data.cache import jobs

    print(experiment.dataset.listed(options.split).summary)
    if options.shard is not None:
        jobs.make_shard(experiment, options.split, options.shard, options.workers)
    elif options.verify:
        jobs.verify(experiment, options.split, options.workers, skip_damaged=options.skip_damaged)
    else:
        jobs.make_cache(experiment, options.split, options.workers)
