"""How fast every model of an experiment is, timed one after the other in one process, so that ratios can be trusted."""

import os

import torch

from rcn_bench.analysis.others import watched_cores
from rcn_bench.analysis.timing import clips_per_second, live_frames_per_second
from rcn_bench.analysis.variants import Variant, variants
from rcn_bench.code import load_plugins
from rcn_bench.engine.device import place
from rcn_bench.engine.room import room_for
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import products_of, timed
from rcn_bench.process import Process
from rcn_bench.records.costs import Speed, Spread, Throughput
from rcn_bench.records.origins import begin


def time_models(experiment: Experiment, threads: int) -> None:
    """Write the clips/s of every model that a table times, in training and inference.

    Timed in float32 at the experiment's own crop.
    """
    load_plugins(experiment.plugins)
    torch.set_num_threads(min(threads, os.cpu_count() or 1))
    origin = begin(experiment, "throughput", "", [])
    rows = []
    for model, lengths in timed(products_of(experiment).values()).items():
        for variant in variants(model, lengths):
            with room_for(f"timing {variant}", "lower profile.timing_frames_per_batch"):
                rows.append(speed_of(variant, experiment, Process.alone().device))
            print(f"{variant}: {describe(rows[-1])}", flush=True)
    Throughput(origin=origin, rows=rows).write(experiment.paths.throughput)


def speed_of(variant: Variant, experiment: Experiment, device: torch.device) -> Speed:
    settings, crop = experiment.profile, experiment.clip.crop
    batch = max(settings.timing_frames_per_batch // variant.frames, 2)
    model = place(variant.build(settings.num_classes), device)
    clip = torch.randn(batch, 3, variant.frames, crop, crop, device=device)
    with watched_cores(torch.get_num_threads() if device.type == "cpu" else 1) as cores:
        training = clips_per_second(model, clip, settings.seconds, training=True)
        inference = clips_per_second(model, clip, settings.seconds, training=False)
        live = live_frames_per_second(model, clip[:1], settings.seconds)
    return Speed(
        model=variant.model,
        stem_pool=variant.stem_pool,
        frames=variant.frames,
        timing_input=f"3x{variant.frames}x{crop}x{crop}",
        timing_batch=batch,
        training_clips_per_second=round(training.per_second, 2),
        inference_clips_per_second=round(inference.per_second, 2),
        live_frames_per_second=round(live.per_second, 2),
        live_by="state" if isinstance(model, FrameNet) else "window",
        spread=Spread(*(round(rate.spread, 4) for rate in (training, inference, live))),
        cores_lacking=cores.lacking,
    )


def describe(speed: Speed) -> str:
    return (
        f"{speed.training_clips_per_second} clips a second in training and {speed.inference_clips_per_second} in "
        f"inference, by batches of {speed.timing_batch} clips {speed.timing_input}; {speed.live_frames_per_second} "
        f"frames a second on live video, by its {speed.live_by}"
    )
