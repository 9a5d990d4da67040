"""Commands that look at an experiment as a whole: check, depends, estimate, plan, show."""

import json
import os
from pathlib import Path

from rcn_bench.cli.options import (
    A_RUN,
    Commands,
    Options,
    add_examples,
    add_experiment_command,
    add_writing_command,
    not_negative,
    points,
    positive,
    rate,
)
from rcn_bench.cli.terminal import fitted, terminal_width
from rcn_bench.errors import InputError, warn
from rcn_bench.gpus import taking_gpus
from rcn_bench.plan.experiment import Experiment


def add_commands(commands: Commands) -> None:
    text = "whether an experiment can run: its models, inits, weights files, videos, and room for their cache"
    check = add_experiment_command(commands, "check", _check, text)
    check.add_argument("--defaults", action="store_true", help="print the whole config, every default filled in")
    check.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_examples(
        check, "--config config/mini.yaml", "--config config/mini.yaml more.yaml", "--config mine.yaml --defaults"
    )

    text = "what a result depends on: code, settings and files; and what differs from the result that is there"
    depends = add_experiment_command(commands, "depends", _depends, text)
    depends.add_argument("stage", help="such as train")
    depends.add_argument("target", nargs="?", default="", help="what the stage is done for, such as a run's name")
    add_examples(depends, f"train {A_RUN} --config config/mini.yaml", "table table1_init --config config/mini.yaml")

    text = "disk, hours and memory of an experiment, from training steps timed on this machine or on another"
    estimate = add_writing_command(commands, "estimate", _estimate, text)
    estimate.add_argument("--step-times", type=Path, help="those of another machine, instead of timing on this one")
    estimate.add_argument("--train-videos", type=positive, help="how many (default: those that are listed)")
    estimate.add_argument("--val-videos", type=positive, help="likewise")
    add_examples(estimate, "--config config/mini.yaml", "--config config/kinetics.yaml --step-times step_times.json")

    text = "which differences an experiment could decide, the updates of its runs and, with --gpus, what it takes"
    plan = add_experiment_command(commands, "plan", _plan, text)
    text = "by which trainings that differ in their seed alone are assumed to vary, a standard deviation (default 4.2)"
    plan.add_argument("--sd", type=points, default=4.2, metavar="POINTS", help=text)
    text = "simulate the jobs on so many GPUs (0: on the CPU): time, disk, critical path, what each table waits for"
    plan.add_argument("--gpus", type=not_negative, help=text)
    text = "that there are (default: as many as the jobs of all GPUs take; without GPUs those of this machine)"
    plan.add_argument("--cores", type=positive, help=text)
    text = "what times are taken from: files of step times, and folders of results whose runs are trained"
    plan.add_argument("--measured", type=Path, nargs="+", action="extend", default=[], metavar="PATH", help=text)
    text = "that arithmetic counts with, of a GPU or, without one, of a thread (default 170, and 0.045)"
    plan.add_argument("--tflops", type=rate, help=text)
    plan.add_argument("--train-videos", type=positive, help="how many there will be, where no list is there yet")
    plan.add_argument("--val-videos", type=positive, help="likewise")
    plan.add_argument("--json", action="store_true", help="of --gpus, for scripts, and nothing else")
    add_examples(plan, "--config config/mini.yaml", "--config config/standard.yaml --gpus 8")

    add_experiment_command(commands, "show", _show, "print the tables that are there")


def _check(experiment: Experiment, options: Options) -> None:
    import yaml

    from rcn_bench.analysis.profile import check_counts
    from rcn_bench.data.cache.jobs import require_room_for_caches
    from rcn_bench.data.splits import require_lists_apart
    from rcn_bench.engine.preflight import check_runs
    from rcn_bench.plan.checks import leftovers

    source = " + ".join(map(str, options.config))
    check_runs(experiment, source)
    check_counts(experiment, source)
    progress = (lambda _: None) if options.quiet or options.defaults else print
    for split in ("train", "val") if experiment.data.digits is None else ():
        progress(experiment.dataset.listed(split).summary)
    require_lists_apart(experiment, progress)
    require_room_for_caches(experiment, progress)
    if options.defaults:
        print(yaml.safe_dump(experiment.config, sort_keys=False), end="")
    for leftover in () if options.quiet else leftovers(experiment):
        warn(leftover)


def _depends(experiment: Experiment, options: Options) -> None:
    from rcn_bench.plan.targets import require_target
    from rcn_bench.records.found import explain

    require_target(experiment, options.stage, options.target)
    print(explain(experiment, options.stage, options.target))


def _estimate(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.estimate import estimate
    from rcn_bench.analysis.steps import measure_steps

    if options.step_times is None:
        with taking_gpus():
            measure_steps(experiment)
    times = options.step_times or experiment.paths.step_times
    print(estimate(experiment, times, options.train_videos, options.val_videos))


def _plan(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.decidable import decidable

    if options.json and options.gpus is None:
        raise InputError("plan --json: give --gpus, or 0 for the CPU; what else it prints is text alone")
    if not options.json:
        print(decidable(experiment, options.sd, options.train_videos, options.val_videos))
    if options.gpus is not None:
        _forecast(experiment, options)


def _forecast(experiment: Experiment, options: Options) -> None:
    from rcn_bench.analysis.durations import Durations, read_measured
    from rcn_bench.analysis.forecast import forecast
    from rcn_bench.plan.work import GPU_RATE, THREAD_RATE

    own = experiment.paths.step_times
    measured = read_measured(options.measured or [own] * own.is_file(), experiment)
    speed = options.tflops * 1e12 if options.tflops else GPU_RATE if options.gpus else THREAD_RATE
    speed *= 1 if options.gpus else experiment.train.threads
    durations = Durations(experiment, measured, options.train_videos, options.val_videos, speed)
    cores = options.cores or (None if options.gpus else len(os.sched_getaffinity(0)))
    found = forecast(durations, options.gpus, cores)
    print(json.dumps(found.content(), indent=2) if options.json else f"\n{found.text()}")


def _show(experiment: Experiment, _: Options) -> None:
    from rcn_bench.plan.products import products_of
    from rcn_bench.records.products import TableRecord

    tables = [name for name, product in products_of(experiment).items() if product.kind == "table"]
    for name in sorted(tables):
        path = experiment.paths.table(name).with_suffix(".md")
        if path.exists():
            record = TableRecord.read_of(path.with_suffix(".json"), name)
            print(*fitted(record.content(path).decode(), terminal_width()), sep="\n")
            print(f"(from {path}; also as .csv and .tex)\n")
