"""The result files that tables are made of, as training and profiling would leave them."""

import numpy as np
import pandas as pd

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of, profiled, timed
from rcn_bench.plan.run import Run
from rcn_bench.records.costs import Causality, Certificate, MemoryCosts, ModelCosts, Profile, Speed, Throughput
from rcn_bench.records.league import Batch, LeagueCosts, LiveCost
from rcn_bench.records.lifetime import Lifetime, lifetime_columns
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import Online, Pretrained, Skipped, online_columns
from results import APART, an_example, own_origin, write_own_run, write_training

CLIPS = 10
GIB = 2**30
SHARES = [tenth / 10 for tenth in range(1, 11)]


def write_results(experiment: Experiment) -> None:
    """Those of every run, with random predictions, and of every model."""
    products, rng = products_of(experiment).values(), np.random.default_rng(0)
    for run in all_runs(products):
        skipped = [Skipped(name, "unreadable") for name in "xyz"]
        correct, clips = rng.random(40) < 0.5, rng.integers(0, CLIPS, 40)
        write_own_run(experiment, run, correct, clips, clips_per_video=CLIPS, videos_skipped=skipped)
    if experiment.pretrained == "stills":
        origin = own_origin(experiment, "pretrain", "resnet18")
        known = {"network": "resnet18", "held_out_accuracy": 0.975, "held_out_stills": 250}
        stills = an_example(Pretrained, origin=origin, **known)
        stills.write(experiment.paths.pretrained("resnet18").with_suffix(".json"))
    for model, lengths in profiled(products).items():
        rows = [model_costs(model, frames, stem_pool) for frames in lengths for stem_pool in stems(model)]
        write_profile(experiment, model, rows)
    speeds = [
        speed(model, frames, stem_pool)
        for model, lengths in timed(products).items()
        for frames in lengths
        for stem_pool in stems(model)
    ]
    origin = own_origin(experiment, "throughput", device="cpu", cpu="a processor", threads=2)
    Throughput(origin=origin, rows=speeds).write(experiment.paths.throughput)
    certificates = [
        Certificate("rcn18", True, 0.0, frames=16, outputs=16, past_frames=15, future_frames=0),
        Certificate("i3d18", False, 0.123456, frames=16, outputs=2, past_frames=13, future_frames=14),
    ]
    origin = own_origin(experiment, "causality")
    Causality(origin=origin, rows=certificates).write(experiment.paths.causality)


def stems(model):
    return (None,) if model == "i3d18_causal" else (True, False)  # one of the models is to lack the option


def write_profile(experiment, model, rows, device="cpu"):
    origin = own_origin(experiment, "profile", model, device=device)
    Profile(origin=origin, model=model, rows=rows).write(experiment.paths.profile(model))


def model_costs(model, frames, stem_pool, measured=None, recompute_activations=False):
    gmacs = 4.268 * frames / 8 * (4 if stem_pool is False else 1)
    return ModelCosts(
        model=model,
        stem_pool=stem_pool,
        frames=frames,
        parameters=1234567,
        gmacs=gmacs,
        gmacs_per_new_frame=gmacs / frames if model.startswith(("rcn", "c2d")) else gmacs,
        input=f"3x{frames}x112x112",
        classes=400,
        memory_batch=128 // frames,
        recompute_activations=recompute_activations,
        estimated=MemoryCosts(GIB, 2 * GIB, GIB // 4, 1200 // frames),
        measured=measured,
    )


def measured(training, largest_batch):
    """As a machine with a GPU writes it; no bytes for a batch that is too large."""
    return MemoryCosts(training and training // 2, training, training and training // 4, largest_batch)


def speed(model, frames, stem_pool):
    by_state = model.startswith(("rcn", "c2d"))
    return Speed(
        model=model,
        stem_pool=stem_pool,
        frames=frames,
        timing_input=f"3x{frames}x32x32",
        timing_batch=64 // frames,
        training_clips_per_second=40.0,
        inference_clips_per_second=120.0,
        live_frames_per_second=200.0 if by_state else 25.0,
        live_by="state" if by_state else "window",
    )


OF_FOUR = {"video": ["01", "02", "03", "04"], "group": ["01", "01", "03", "04"], "label": ["null", "01", "null", "01"]}


def write_online_run(experiment, model, seed, clip=8, columns=OF_FOUR, skipped=(), w_xh="stills", **ways):
    """A run's training and what its videos came to by way, each as ten digits, - for unknown.

    clip: its frames. columns: by default of four videos, two of them twins, whose names, groups and classes look like
    numbers, or like nothing. skipped: names of other videos.
    """
    run = Run(model, clip, w_xh, "identity" if model.startswith("rcn") else None, seed)
    tables = []
    for way, videos in ways.items():
        table = pd.DataFrame({**columns, "way": way})
        for tenth in range(10):
            table[f"{10 * (tenth + 1)}%"] = [np.nan if video[tenth] == "-" else float(video[tenth]) for video in videos]
        tables.append(table)
    path = experiment.paths.online(run)
    checksum = write_rows(path, online_columns(SHARES), pd.concat(tables))
    write_training(experiment, run)
    origin = own_origin(experiment, "online", run.name)
    known = {"ways": list(ways), "shares": SHARES, "weights_sha256": "w", "online_sha256": checksum, "overlap": APART}
    used = len(columns["video"])
    counts = {"videos_listed": used + len(skipped), "videos_usable": used, "videos_used": used, "data_fingerprint": "4"}
    counts["videos_skipped"] = [Skipped(name, "too short") for name in skipped]
    Online(origin=origin, run=run.name, **known, **counts).write(path.with_suffix(".json"))


AGES = [1, 2, 4, 8, 16, 32, 64, 128]


def write_lifetime_run(experiment, model, seed, frames=8, columns=OF_FOUR, **ways):
    """A run's training and what its long videos came to by way, each as a digit an age, - for unknown."""
    run = Run(model, frames, "stills", "identity" if model.startswith("rcn") else None, seed)
    tables = [
        pd.DataFrame({**columns, "way": way}).assign(
            **{str(age): [_right(video[place]) for video in videos] for place, age in enumerate(AGES)}
        )
        for way, videos in ways.items()
    ]
    path = experiment.paths.lifetime(run)
    checksum = write_rows(path, lifetime_columns(AGES), pd.concat(tables))
    write_training(experiment, run)
    known = {"ways": list(ways), "ages": AGES, "clip_frames": frames, "weights_sha256": "w"}
    counts = {"videos": len(columns["video"]), "groups": len(set(columns["group"]))}
    origin = own_origin(experiment, "lifetime", run.name)
    record = Lifetime(origin=origin, run=run.name, lifetime_sha256=checksum, **known, **counts)
    record.write(path.with_suffix(".json"))


def _right(digit):
    return np.nan if digit == "-" else float(digit)


def live_cost(model, by, latency, joules=None):
    answers = 1 if by == "state" else 4
    too_many = Batch(64, None, None, "a step would take about 9 s")
    enough = Batch(64, 4000.0, joules and joules / 8, None)
    return LiveCost(
        model=model,
        by=by,
        frames=8,
        frames_per_answer=answers,
        size=32,
        gmacs_per_frame=0.25,
        state_bytes=2048 if by == "state" else 86016,
        latency_p50_ms=latency,
        latency_p99_ms=1.5 * latency,
        steps=100,
        alone=Batch(1, 1000 * answers / latency, joules, None),
        several=[Batch(8, 2000.0, joules and joules / 4, None), enough if by == "state" else too_many],
    )


def write_league(experiment, joules=None, cores_lacking=0.0):
    """What rcn18, i3d18 and tsm18 cost on live video."""
    rows = [
        live_cost("rcn18", "state", 2.0, joules),
        live_cost("i3d18", "window", 8.0, joules),
        live_cost("tsm18", "state", 1.0, joules),
    ]
    origin = own_origin(experiment, "league", device="a card", threads=2)
    LeagueCosts(origin=origin, rows=rows, cores_lacking=cores_lacking).write(experiment.paths.league)
