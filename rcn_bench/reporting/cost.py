"""Tables 4 and 6: what models cost in operations, time and memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.tables import Costs, Table4, Table6
from rcn_bench.plan.run import base_model
from rcn_bench.records.costs import MemoryCosts, ModelCosts, Profile, Speed, Throughput
from rcn_bench.reporting.results import read_profile, read_throughput
from rcn_bench.reporting.table import Table

MIB = 2**20
GIB = 2**30

Row = TypeVar("Row", ModelCosts, Speed)


def table4(product: Table4) -> Table:
    """Table 4: parameters, GMACs and throughput of every model, on clips and on live video."""
    experiment = product.experiment
    throughput, path = read_throughput(experiment), experiment.paths.throughput
    reference = find_row(throughput.rows, *product.reference, experiment.stem_pool, path)
    rows = []
    for costs in _shown(product, _profiles(product)):
        speed = find_row(throughput.rows, costs.model, costs.frames, costs.stem_pool, path)
        rows.append(
            {
                "model": costs.model,
                "stem pool": costs.stem_pool,
                "frames": costs.frames,
                "parameters": costs.parameters,
                "GMACs": costs.gmacs,
                "GMACs counted at": costs.input,
                "training clips/s": speed.training_clips_per_second,
                "inference clips/s": speed.inference_clips_per_second,
                "clips/s timed at": f"{speed.timing_batch}x{speed.timing_input}",
                "live by": speed.live_by,
                "live GMACs/frame": costs.gmacs_per_new_frame,
                "live frames/s": speed.live_frames_per_second,
                "live cost": reference.live_frames_per_second / speed.live_frames_per_second,
            }
        )
    notes = [
        "GMACs: 1e9 multiply-accumulates of convolutions, linear layers and matrix products for one clip; a FLOP "
        "count that counts multiplications and additions apart is twice this.",
        f"Live: one video, one new frame at a time, at {_square(experiment.clip.crop)}. By state: the network takes "
        "the new frame alone and carries a state; by window: it runs again on the last clip of frames. Live cost: "
        f"time per frame, as a multiple of {reference.model} at {reference.frames} frames.",
        _stem_note(experiment),
        timing_note(experiment, throughput),
    ]
    return Table.of("Table 4. Cost", rows, notes)


def table6(product: Table6) -> Table:
    """Table 6: memory of every model and clip length, and the largest batch that fits the card."""
    profile = product.experiment.profile
    budget = f"{profile.memory_gib:g} GiB"
    profiles = _profiles(product)
    rows = []
    for costs in _shown(product, profiles):
        memory, kind = best_memory(costs)
        rows.append(
            {
                "model": costs.model,
                "stem pool": costs.stem_pool,
                "frames": costs.frames,
                "activations recomputed": costs.recompute_activations,
                "clips in the batch": costs.memory_batch,
                "activations GiB": _gib(memory.activations_bytes),
                "training GiB": _gib(memory.training_bytes),
                "inference GiB": _gib(memory.inference_bytes),
                f"largest batch in {budget}": memory.largest_batch,
                "memory measured or estimated": kind,
                "error of estimated training GiB %": _error(costs, "training_bytes"),
                "error of estimated largest batch %": _error(costs, "largest_batch"),
            }
        )
    devices = {each.origin.starts[-1].machine.device for each in profiles if any(costs.measured for costs in each.rows)}
    notes = [
        f"At {_square(profile.size)}, {profile.num_classes} classes, float32. Activations: what a training step's "
        "forward pass keeps for its backward pass. Training, inference: the peak of a whole step of SGD with momentum "
        "and of a forward pass, weights included, the CUDA context left out.",
        "Estimated: from tensor shapes, without a GPU. Measured: on "
        f"{', '.join(sorted(devices)) or 'a GPU'}, where torch may take no more than {budget}"
        f"{'' if devices else '; none here'}. Errors of estimates: in percent of what was measured.",
        _stem_note(product.experiment),
    ]
    return Table.of(f"Table 6. Memory, and what fits a card of {budget}", rows, notes)


def find_row(rows: Sequence[Row], model: str, frames: int, stem_pool: bool | None, path: Path) -> Row:
    """That of a model, which may have no stem pool to choose, among those of a file. Errors: InputError without one."""
    for row in rows:
        if (row.model, row.frames) == (model, frames) and row.stem_pool in (stem_pool, None):
            return row
    raise InputError(f"{path}: has no {model} at {frames} frames; it may need longer clips: show it at those it takes")


def costs_as_trained(
    experiment: Experiment, throughput: Throughput, model: str, frames: int
) -> tuple[ModelCosts, Speed]:
    """Of a model with the stem of the experiment. Errors: InputError if a file lacks it."""
    name, stem_pool, paths = base_model(model), experiment.stem_pool, experiment.paths
    costs = find_row(read_profile(experiment, name).rows, name, frames, stem_pool, paths.profile(name))
    return costs, find_row(throughput.rows, name, frames, stem_pool, paths.throughput)


def memory_cells(costs: ModelCosts) -> dict[str, Any]:
    """Of a clip in training, and whether it was measured."""
    memory, kind = best_memory(costs)
    return {
        "training MiB/clip": memory.training_bytes and memory.training_bytes / costs.memory_batch / MIB,
        "memory measured or estimated": kind,
    }


def best_memory(costs: ModelCosts) -> tuple[MemoryCosts, str]:
    """By measurement where there is one, else by estimate, and which it is."""
    return (costs.estimated, "estimated") if costs.measured is None else (costs.measured, "measured")


def memory_note(experiment: Experiment) -> str:
    return (
        f"Memory: the peak of a training step, weights included, at {_square(experiment.profile.size)}, in float32, "
        "over the clips of its batch; Table 6 has more."
    )


def timing_note(experiment: Experiment, throughput: Throughput) -> str:
    machine = throughput.origin.starts[-1].machine
    return (
        f"Timed without autocast on {machine.name}, {machine.threads} threads, all models in one process, at "
        f"{_square(experiment.clip.crop)} as trained here."
    )


def _stem_note(experiment: Experiment) -> str:
    return (
        "Stem pool: whether a max pool follows the stem, n/a for a model that has no such choice. This experiment "
        f"trains its models with stem pool {experiment.stem_pool}."
    )


def _profiles(product: Costs) -> list[Profile]:
    return [read_profile(product.experiment, model) for model in product.models]


def _shown(product: Costs, profiles: Sequence[Profile]) -> list[ModelCosts]:
    """Those at the clip lengths of this table; other tables may have asked for more."""
    return [costs for profile in profiles for costs in profile.rows if costs.frames in product.frames]


def _square(size: int) -> str:
    return f"{size}x{size}"


def _gib(size: int | None) -> float | None:
    return None if size is None else size / GIB


def _error(costs: ModelCosts, key: str) -> float | None:
    """The estimate's error in percent of the measured value, None without one."""
    measured, estimated = costs.measured and getattr(costs.measured, key), getattr(costs.estimated, key)
    return 100 * (estimated / measured - 1) if measured and estimated is not None else None
