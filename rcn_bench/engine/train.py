"""Training of one run."""

import json
from dataclasses import asdict

import torch
from safetensors.torch import save

from rcn_bench.config import config_hash, training_settings
from rcn_bench.data.batches import TrainingBatches
from rcn_bench.data.cache import Cache
from rcn_bench.data.clips import ClipLayout, EpochOrder, TrainingClips
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.build import build_model, initial_weights_file
from rcn_bench.engine.checkpoint import resume, save_checkpoint
from rcn_bench.engine.device import pick_device, place, room_for
from rcn_bench.engine.optimisation import build_step, epoch_rates, train_one_epoch
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run
from rcn_bench.files import file_hash, locked, write_bytes, write_json, write_text
from rcn_bench.layout import Layout
from rcn_bench.provenance import provenance


def train(run: Run, config: Config, layout: Layout) -> None:
    """Train a run from its init, or from its last checkpoint, and write its folder.

    Writes metrics.jsonl (a line per epoch), provenance.json and, last, model.safetensors.
    Errors: InputError for bad input, a checkpoint of another config, or a run that another process is working on;
    TrainingDiverged when the loss is not finite.
    """
    with locked(layout.run(run)), room_for(f"a training step of {run.name}"):
        _train(run, config, layout)


def _train(run: Run, config: Config, layout: Layout) -> None:
    settings, device = config["train"], pick_device()
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(run.seed)
    torch.backends.cudnn.benchmark = True

    clips = TrainingClips(
        Cache(layout.cache("train")),
        ClipLayout(run.frames, config["clip"]["stride"]),
        Augmentation.of(config),
        run.seed,
    )
    order = EpochOrder(clips)
    batches = _batches(order, run, settings, device)

    model = place(build_model(run, config, layout, len(clips.cache.labels)), device)
    step = build_step(model, config, device)
    schedule = settings["warmup"], settings["schedule"], settings.get("milestones", [])
    parts = {"model": model, "optimizer": step.optimizer, "scaler": step.autocast.scaler}
    fingerprint = config_hash([run.name, training_settings(config, run), clips.cache.fingerprint])
    done, metrics = resume(layout.checkpoint(run), fingerprint, parts)
    if done:
        print(f"{run.name}: resuming after epoch {done}", flush=True)

    for epoch in range(done, settings["epochs"]):
        order.epoch = epoch
        torch.manual_seed(run.seed * 1_000_003 + epoch)  # dropout, too, is the same after a resume
        name = f"{run.name} epoch {epoch + 1}/{settings['epochs']}"
        rates = epoch_rates(settings["lr"], epoch, settings["epochs"], len(batches), *schedule)
        epoch_metrics = train_one_epoch(step, batches, rates, name)
        metrics.append({"epoch": epoch + 1, **epoch_metrics})
        print(f"{name} " + " ".join(f"{k} {v:.4g}" for k, v in epoch_metrics.items()), flush=True)
        save_checkpoint(layout.checkpoint(run), fingerprint, epoch + 1, metrics, parts)

    # Every declared file is written here, after the last epoch: Snakemake deletes those of a failed job.
    write_text(layout.run(run) / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in metrics))
    weights_file = initial_weights_file(run, config, layout)
    seconds = sum(line["seconds"] for line in metrics)
    write_json(
        layout.run(run) / "provenance.json",
        {
            "run": run.name,
            **provenance(),
            "config": config,
            "config_hash": fingerprint,
            "seed": run.seed,
            "data_fingerprint": clips.cache.fingerprint,
            "weights_file": weights_file and {"path": str(weights_file), "sha256": file_hash(weights_file)},
            "training_videos_used": len(clips),
            "training_videos_skipped": [asdict(video) for video in clips.skipped],
            "clips_trained": sum(line["samples"] for line in metrics),
            "training_seconds": round(seconds, 3),
            "training_clips_per_second": round(sum(line["samples"] for line in metrics) / seconds, 2),
            "peak_memory_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
        },
    )
    state = {key: value.cpu().contiguous() for key, value in model.state_dict().items()}
    card = {"run": run.name, "labels": json.dumps(clips.cache.labels), "config": json.dumps(config)}
    write_bytes(layout.weights(run), save(state, metadata=card))
    layout.checkpoint(run).unlink(missing_ok=True)  # the result is whole: a checkpoint would only fill the disk


def _batches(order: EpochOrder, run: Run, settings: Config, device: torch.device) -> TrainingBatches:
    batch_size = settings["frames_per_batch"] // run.frames
    if not 2 <= batch_size <= len(order):
        raise InputError(
            f"train.frames_per_batch: {settings['frames_per_batch']} makes batches of {batch_size} clips of "
            f"{run.frames} frames; give at least 2 and at most the {len(order)} training videos"
        )
    return TrainingBatches(order, batch_size, workers=settings["workers"], pinned=device.type == "cuda")
