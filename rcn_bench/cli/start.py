"""Commands to start with: doctor, init."""

import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path

from rcn_bench.cli.options import Commands, Options, add_command, add_examples, positive
from rcn_bench.errors import InputError, shown

MODELS = ["rcn18", "i3d18", "c2d18"]


def add_commands(commands: Commands) -> None:
    text = "what this machine can run: packages, GPUs, memory, disk, video codecs; and what to do about what is missing"
    doctor = add_command(commands, "doctor", _doctor, text)
    doctor.description = f"{doctor.description} The exit code is 1 if something is missing that is required."
    doctor.add_argument("--network", action="store_true", help="also try whether ImageNet weights can be downloaded")
    doctor.add_argument(
        "--results", default=Path("results"), type=Path, help="where they are to lie (default: results)"
    )
    doctor.add_argument("--json", action="store_true", help="print what was found as a JSON list")
    add_examples(doctor, "", "--network --results /data/results")

    init = add_command(
        commands, "init", _init, "write a config for videos of your own: some models, and Table 2 of them"
    )
    init.add_argument("file", type=Path, help="the config, such as mine.yaml; its name is that of the experiment")
    init.add_argument("--train", type=Path, metavar="LIST", help="a list, or a folder of class folders")
    init.add_argument("--val", type=Path, metavar="LIST", help="likewise, of the videos for validation")
    text = "the folder that their paths start from (default: the one that --train lies in); or alone, without lists: "
    text += "one with folders train and val, or with a folder for each class, of which one video in five is held out"
    init.add_argument("--videos", type=Path, metavar="FOLDER", help=text)
    init.add_argument("--format", help="of the lists, such as ucf101 (default: guessed)")
    init.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL", help=f"default: {' '.join(MODELS)}")
    init.add_argument("--frames", type=positive, default=8, help="of a clip (default 8)")
    text = "module that registers models or list formats of your own"
    init.add_argument("--plugin", action="append", default=[], help=text)
    add_examples(
        init,
        "mine.yaml --videos videos",
        "mine.yaml --train videos/train --val videos/val --models rcn18 c2d18",
        "mine.yaml --train train.csv --val val.csv --videos videos --frames 16",
    )


def _doctor(options: Options) -> int:
    from rcn_bench.doctor import examine

    found = []
    for finding in examine(options.results, network=options.network):
        found.append(finding)
        if not options.json:
            print(finding, flush=True)
    if options.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return 1 if any(finding.verdict == "missing" for finding in found) else 0


def _init(options: Options) -> None:
    from rcn_bench.code import load_plugins
    from rcn_bench.starter import Choice, Lists, write_for_folder, write_for_lists

    load_plugins(options.plugin)
    choice = Choice(options.models, options.frames, options.plugin)
    if options.train and options.val:
        root = options.videos or options.train.parent
        write_for_lists(options.file, Lists(options.train, options.val, root, options.format), choice)
    elif options.videos and not (options.train or options.val or options.format):
        write_for_folder(options.file, options.videos, choice)
    else:
        raise InputError("init: give --train and --val, or --videos alone")
    file = shlex.quote(str(options.file))
    print(f"{shown(str(options.file))}: written; look through it, then")
    print(f"  rcn-bench check --config {file}")
    print(f"  snakemake --cores {os.cpu_count()} --configfile {file} -- all_tables")
