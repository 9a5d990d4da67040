"""Training of one run."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from rcn_bench.data.batches import TrainingBatches
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EpochOrder, TrainingClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.build import build_model, initial_weights_file, require_model, require_unchanged, weights_hash
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import build_step, epoch_line, epoch_rates, train_one_epoch
from rcn_bench.engine.repeatable import repeatable
from rcn_bench.engine.resume import keep_finished, resume_together, save_checkpoint
from rcn_bench.engine.room import room_for_training
from rcn_bench.engine.stops import Position, Stop, Stopped, noting_term, outlive_term
from rcn_bench.engine.validate import Validation
from rcn_bench.errors import InputError
from rcn_bench.files import locked, write_bytes
from rcn_bench.models.frames import recurrent_layers
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import Dependencies, dependencies
from rcn_bench.process import Process
from rcn_bench.provenance import Origin, named
from rcn_bench.records.origins import begin
from rcn_bench.records.runs import Epoch, InitialWeights, Pretrained, Trained, write_metrics
from rcn_bench.records.weights import Card, sealed


def train(run: Run, experiment: Experiment) -> None:
    """Train a run from its init, or from its last checkpoint, and write its folder.

    Writes metrics.jsonl (a line per epoch), provenance.json and, last, model.safetensors. Of the processes that share
    it, as many as its GPUs, all call this, and the main one alone writes. One that TERM ends while it trains
    alone has first finished its step and written a checkpoint there.
    Errors: InputError for bad input, a checkpoint of another training, or a run that another process is working on;
    TrainingDiverged when the loss, a weight or a statistic of batch norm is not finite.
    """
    require_model(run, experiment)
    process, training = Process.here(), experiment.train
    gpus = experiment.gpus_of(run)
    if process.world != gpus:
        told = f"{gpus} are to share a training, not {process.world}; use `rcn-bench train`"
        raise InputError(f"{experiment.gpus_key(run)}: {told}")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()  # of a training before this one
    with ExitStack() as held:
        held.enter_context(room_for_training(run, experiment))
        held.enter_context(repeatable(training.deterministic, training.compile, process.device))
        stop = held.enter_context(noting_term(process))
        _train(run, experiment, process, held, stop)


def check_training(run: Run, experiment: Experiment) -> dict[str, str]:
    """The files that a training would read, each by its ``named`` path with what it is known by.

    Errors: InputError for what ``train`` would refuse before it builds anything.
    """
    require_model(run, experiment)
    clips = _clips(run, experiment)
    _batch_size(run, experiment, len(EpochOrder(clips)))
    _validation(run, experiment, clips.cache.labels)
    file, sha256 = _initial_file(run, experiment)
    read = {experiment.paths.cache("train"): clips.cache.fingerprint, **({file: sha256} if file and sha256 else {})}
    return {named(path, experiment.results): known for path, known in read.items()}


def _train(run: Run, experiment: Experiment, process: Process, held: ExitStack, stop: Stop) -> None:
    """held: keeps the run's folder, which is made when nothing but its checkpoint can be refused any more."""
    training, paths = experiment.train, experiment.paths
    torch.set_num_threads(training.threads)
    torch.manual_seed(run.seed)

    clips = _clips(run, experiment)
    cache, order = clips.cache, EpochOrder(clips)
    batches = _batches(order, run, experiment, process)
    validation = _validation(run, experiment, cache.labels)

    file, sha256 = _initial_file(run, experiment)
    read = [(paths.cache("train"), cache.fingerprint), *([(file, sha256)] if file and sha256 else [])]
    origin = begin(experiment, "train", run.name, read)
    model = build_model(run, experiment, len(cache.labels))
    if file and sha256:
        require_unchanged(file, sha256)
    if process.is_main:
        held.enter_context(locked(paths.run(run)))
    model = place(model, process.device)
    step = build_step(model, experiment, process, run.frames if experiment.carried_clips(run) else None)
    position = Position()
    parts = {"model": model, "optimizer": step.optimizer, "scaler": step.autocast.scaler, "position": position}
    identity = _identity(run, experiment, cache.fingerprint, sha256)
    starts, epochs = resume_together(process, paths.checkpoint(run), identity, parts)
    own = [replace(start, processes=process.world) for start in origin.starts]
    if starts and starts[-1].processes != process.world:
        process.print(f"{run.name}: on {process.world} processes, before on {starts[-1].processes}")
    origin = replace(origin, starts=[*starts, *own])
    if epochs:
        process.print(f"{run.name}: resuming after epoch {len(epochs)}")
    if position.steps:
        process.print(f"{run.name}: {position.steps} of {len(batches)} steps of epoch {len(epochs) + 1} are made")

    if left_out := clips.counts.left_out():
        process.print(f"{run.name}: {left_out}")

    schedule = training.warmup, training.schedule, training.milestones
    first = len(epochs)
    for epoch in range(first, training.epochs):
        order.epoch = epoch
        # Dropout, too, is the same after a resume; each process draws its own.
        torch.manual_seed(process.own_seed(run.seed * 1_000_003 + epoch))
        name = f"{run.name} epoch {epoch + 1}/{training.epochs}"
        rates = epoch_rates(training.lr, epoch, training.epochs, len(batches), *schedule)
        batches.start_at(position.steps)
        position.go_on(process)
        try:
            epochs.append(train_one_epoch(step, batches, rates, epoch + 1, name, position, stop))
        except Stopped:
            save_checkpoint(paths.checkpoint(run), identity, origin.starts, epochs, parts)
            process.print(
                f"{name}: told to end after {position.steps} of {len(batches)} steps; the same command goes on"
            )
            return
        position.restart()
        process.take_from_main(model.buffers())  # a network is one, with one batch norm's statistics, as it is kept
        if validation and (epoch + 1) % training.validate_every == 0:
            epochs[-1] = replace(epochs[-1], validation_accuracy=validation.accuracy(model, process))
        if process.is_main:
            save_checkpoint(paths.checkpoint(run), identity, origin.starts, epochs, parts)
        process.print(f"{name} {epoch_line(epochs[-1])}")  # what is told of outlives a kill
        if epoch == first + 1:  # the first one compiles and fills caches
            _tell_of_waiting(run, epochs[-1], training.workers, process)
        if stop.asked:
            return

    if not process.is_main:
        return
    _write(
        run, experiment, process, origin, _initial_weights(run, experiment, sha256), clips, epochs, model, validation
    )
    keep_finished(paths.checkpoint(run))  # until it is evaluated: Snakemake may delete what it did not see end


def _tell_of_waiting(run: Run, epoch: Epoch, workers: int, process: Process) -> None:
    """Nothing else would say it: such a training is right, and slow."""
    if epoch.much_waiting:
        waited = f"{epoch.much_waiting:.0%} of epoch {epoch.epoch} was waiting for clips"
        remedy = f"train.workers is {workers}, and more, each with a core of its own, would make it faster"
        process.print(f"{run.name}: {waited}; {remedy}")


def _validation(run: Run, experiment: Experiment, labels: Sequence[str]) -> Validation | None:
    return Validation(run, experiment, labels) if experiment.train.validate_every else None


def _clips(run: Run, experiment: Experiment) -> TrainingClips:
    cache = Cache(experiment.paths.cache("train"))
    cache.require_own(experiment, "train")
    layout = ClipLayout(run.frames, experiment.clip.stride)
    clips = TrainingClips(cache, layout, Augmentation.of(experiment), run.seed, lead=experiment.carried_clips(run))
    if len(classes := {video.label for video in clips.videos}) < 2:
        raise InputError(f"{cache.path}: its videos are all of one class, {min(classes)!r}; add others")
    return clips


def _initial_file(run: Run, experiment: Experiment) -> tuple[Path | None, str | None]:
    """The file of the weights that a run starts from, and its sha256; neither for random ones or a download."""
    file = initial_weights_file(run, experiment)
    if file is None:
        return None, None
    network = experiment.trunk(run.model)
    if run.w_xh == "stills" and not file.is_file():
        raise InputError(f"{file}: not there; run `rcn-bench pretrain {network}` first")
    sha256 = weights_hash(file)
    if run.w_xh == "stills":
        _require_recorded(file, network, sha256)
    return file, sha256


def _require_recorded(file: Path, network: str, sha256: str) -> None:
    record = Pretrained.read_of(file.with_suffix(".json"), network)
    if record.weights_sha256 != sha256:
        again = f"put its own back, or run `{record.command(file)}` again"
        raise InputError(f"{file}: not the weights that {file.with_suffix('.json')} tells of; {again}")


def _batches(order: EpochOrder, run: Run, experiment: Experiment, process: Process) -> TrainingBatches:
    pinned, size = process.device.type == "cuda", _batch_size(run, experiment, len(order))
    workers, (rank, world) = experiment.train.workers, (process.rank, process.world)
    return TrainingBatches(
        order, size, workers=workers, pinned=pinned, rank=rank, world=world, worker_init=outlive_term
    )


def _batch_size(run: Run, experiment: Experiment, clips: int) -> int:
    """Clips in a batch; clips: of an epoch."""
    experiment.clips_per_gpu(run)  # that there is such a share
    batch_size = experiment.clips_per_batch(run)
    if not 2 <= batch_size <= clips:
        raise InputError(
            f"train.frames_per_batch: {experiment.train.frames_per_batch} makes batches of {batch_size} clips of "
            f"{run.frames} frames; give at least 2 and at most the {clips} training videos"
        )
    return batch_size


def _identity(run: Run, experiment: Experiment, fingerprint: str, sha256: str | None) -> Dependencies:
    """All that the run's weights depend on; sha256: of the file that they start from."""
    files = {"of the training cache": fingerprint, "of the initial weights": sha256 or "none"}
    return replace(dependencies(experiment, "train", run.name), files=files)


def _initial_weights(run: Run, experiment: Experiment, sha256: str | None) -> InitialWeights | None:
    if run.w_xh == "random":
        return None
    file = initial_weights_file(run, experiment)
    source = named(file, experiment.results) if file else f"ImageNet weights of {experiment.trunk(run.model)}"
    return InitialWeights(source, sha256)


def _write(
    run: Run,
    experiment: Experiment,
    process: Process,
    origin: Origin,
    initial_weights: InitialWeights | None,
    clips: TrainingClips,
    epochs: Sequence[Epoch],
    model: nn.Module,
    validation: Validation | None,
) -> None:
    """Every declared file, after the last epoch: Snakemake deletes those of a failed job."""
    paths, seconds = experiment.paths, sum(epoch.seconds for epoch in epochs)
    state = {key: value.cpu().contiguous() for key, value in model.state_dict().items()}
    weights = sealed(save(state, _card(run, experiment, origin, clips.cache.labels, model).to_metadata()))
    clips_trained = sum(epoch.samples for epoch in epochs)
    Trained(
        origin=origin,
        run=run.name,
        seed=run.seed,
        data_fingerprint=clips.cache.fingerprint,
        initial_weights=initial_weights,
        **vars(clips.counts),
        clips_trained=clips_trained,
        deterministic=experiment.train.deterministic or process.device.type == "cpu",
        training_seconds=round(seconds, 3),
        training_clips_per_second=round(clips_trained / seconds, 2),
        peak_memory_bytes=torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
        metrics_sha256=write_metrics(paths.metrics(run), epochs),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        validation_fingerprint=validation.fingerprint if validation else None,
        batch_norm=experiment.train.batch_norm if process.world > 1 else None,
    ).write(paths.training(run))
    write_bytes(paths.weights(run), weights)


def _card(run: Run, experiment: Experiment, origin: Origin, labels: list[str], model: nn.Module) -> Card:
    clip, dataset = experiment.clip, experiment.dataset
    return Card(
        run=run.name,
        labels=labels,
        stem_pool=experiment.stem_pool,
        frames=run.frames,
        stride=clip.stride,
        crop=clip.crop,
        evaluation_clips=clip.evaluation_clips,
        evaluation_crops=clip.evaluation_crops,
        short_side=dataset.short_side,
        frame_rate=dataset.frame_rate,
        autocast=experiment.train.autocast,
        plugins=experiment.plugins,
        recurrent_layers=recurrent_layers(model),
        origin=origin,
    )
