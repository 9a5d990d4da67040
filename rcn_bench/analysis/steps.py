"""Training steps of an experiment's models, timed on this machine, from which hours are estimated."""

import gc
from collections.abc import Callable
from functools import partial

import torch

from rcn_bench.analysis.step_times import step_settings
from rcn_bench.analysis.timing import median_seconds
from rcn_bench.code import load_plugins
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.build import architecture
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import build_step
from rcn_bench.engine.repeatable import repeatable
from rcn_bench.engine.room import room_for_training
from rcn_bench.engine.step import Autocast
from rcn_bench.models import create_model
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.costs import StepTime, StepTimes
from rcn_bench.records.origins import begin

CLIPS_ON_A_CPU = 4  # timed in place of a whole batch, which can take minutes there


def measure_steps(experiment: Experiment, progress: Callable[[str], None] = print) -> None:
    """Time every model of an experiment at its clip lengths on this machine, trained as it would be, on resident clips.

    Writes their file after each of them.
    """
    process, train = Process.alone(), experiment.train
    torch.set_num_threads(train.threads)
    origin, settings, rows = begin(experiment, "steps", "", []), step_settings(experiment), []
    for run in distinct_networks(experiment):
        repeated = repeatable(train.deterministic, train.compile, process.device)
        with room_for_training(run, experiment), repeated:
            step = _timed(run, experiment, process)
        progress(
            f"{step.model}, {step.frames} frames: {step.training_seconds:.3g} s to train on {step.clips} clips, "
            f"{step.evaluation_seconds:.3g} s to evaluate them"
        )
        rows.append(step)
        StepTimes(origin=origin, settings=settings, rows=rows).write(experiment.paths.step_times)


def distinct_networks(experiment: Experiment) -> list[Run]:
    """One run of every model, with its options, at every clip length."""
    runs = all_runs(products_of(experiment).values())
    return sorted({(run.variant, run.frames): run for run in runs}.values())


def network_of(run: Run, experiment: Experiment) -> torch.nn.Module:
    """The network of a run with any weights, and as many classes as the profile's."""
    load_plugins(experiment.plugins)
    return create_model(run.model, experiment.profile.num_classes, **architecture(run, experiment.stem_pool))


def _timed(run: Run, experiment: Experiment, process: Process) -> StepTime:
    torch._dynamo.reset()
    device = process.device
    crop, box = experiment.clip.crop, Augmentation.of(experiment).box
    clips = experiment.clips_per_gpu(run)
    if device.type == "cpu":
        clips = min(clips, CLIPS_ON_A_CPU)
    model = place(network_of(run, experiment), device)
    frames = run.frames * (1 + experiment.carried_clips(run))
    boxes = torch.randint(0, 256, (clips, frames, box, box, 3), dtype=torch.uint8, device=device)
    maps = torch.eye(2, 3, device=device).expand(clips, 2, 3)
    classes = torch.zeros(clips, dtype=torch.long, device=device)
    seconds = experiment.profile.seconds
    if device.type == "cuda":
        gc.collect()  # the model before, its step and its graph, which hold each other
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    step = build_step(model.train(), experiment, process, run.frames if experiment.carried_clips(run) else None)
    training = median_seconds(partial(step, [boxes, maps, classes], 1e-4), seconds, device)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    autocast = Autocast(experiment.train.autocast, device)
    inputs = torch.randn(clips, 3, run.frames, crop, crop, device=device)

    @torch.inference_mode()
    def infer() -> None:
        with autocast.context():
            model(inputs)

    model.eval()
    return StepTime(run.variant, run.frames, clips, training, median_seconds(infer, seconds, device), peak)
