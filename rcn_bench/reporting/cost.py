"""Tables 4 and 6: what models cost in operations, time and memory."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.tables import Costs, Table4, Table6
from rcn_bench.plan.run import base_model
from rcn_bench.records.costs import MemoryCosts, ModelCosts, Profile, Speed, Throughput
from rcn_bench.reporting.results import if_there, read_profile, read_throughput
from rcn_bench.reporting.table import Table

MIB = 2**20
GIB = 2**30

NO_STEM = "a model that has no such choice"
DOES_NOT_FIT = "the batch does not fit"
CALM_SPREAD, CALM_CORES = 0.2, 0.5  # up to which a timing is shown: of its steps; cores that it lacked
BUSY = "the machine was busy as it was timed; run `rcn-bench throughput` again while nothing else does"
TIMED = ("training clips/s", "inference clips/s", "live frames/s", "live cost", "training ms/clip")
WHY_NO_TIME = dict.fromkeys(TIMED, BUSY)
WHY_NO_MEMORY = {"training MiB/clip": DOES_NOT_FIT}

Row = TypeVar("Row", ModelCosts, Speed)


def table4(product: Table4) -> Table:
    """Table 4: parameters, GMACs and throughput of every model, on clips and on live video."""
    experiment = product.experiment
    throughput, path = if_there(partial(read_throughput, experiment)), experiment.paths.throughput
    rows = []
    for costs in _shown(product, _profiles(product)):
        row = {
            "model": costs.model,
            "stem pool": costs.stem_pool,
            "frames": costs.frames,
            "parameters": costs.parameters,
            "GMACs": costs.gmacs,
            "GMACs counted at": _side(costs.input),
            "live GMACs/frame": costs.gmacs_per_new_frame,
        }
        if throughput:
            speed = find_row(throughput.rows, costs.model, costs.frames, costs.stem_pool, path)
            reference = find_row(throughput.rows, *product.reference, experiment.stem_pool, path)
            row |= _speed_cells(speed, reference)
        rows.append(row)
    notes = [
        "GMACs: 1e9 multiply-accumulates of convolutions, linear layers and matrix products for one clip; a FLOP "
        "count that counts multiplications and additions apart is twice this.",
        _stem_note(experiment),
    ]
    if throughput:
        model, frames = product.reference
        notes += [
            "Live: one video, one new frame at a time. By state: the network takes the new frame alone and carries a "
            "state; by window: it runs again on the last clip of frames. Live cost: time per frame, as a multiple of "
            f"{model} at {frames} frames.",
            *timing_notes(throughput),
        ]
    return Table.of("Table 4. Cost", rows, notes, why={"stem pool": NO_STEM} | WHY_NO_TIME)


def _speed_cells(speed: Speed, reference: Speed) -> dict[str, Any]:
    """reference: with whose time on live video the model's is compared."""
    live = timed_cells("live frames/s", speed, "live")
    both = _is_calm(speed, "live") and _is_calm(reference, "live")
    return {
        **timed_cells("training clips/s", speed, "training"),
        **timed_cells("inference clips/s", speed, "inference"),
        "clips/s timed at": _side(speed.timing_input),
        "clips timed at once": speed.timing_batch,
        "live by": speed.live_by,
        **live,
        "live cost": reference.live_frames_per_second / speed.live_frames_per_second if both else None,
    }


def table6(product: Table6) -> Table:
    """Table 6: memory of every model and clip length, and the largest batch that fits the card."""
    profile, size = product.experiment.profile, _square(product.experiment.profile_size)
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
                **_errors(costs),
            }
        )
    devices = {each.origin.starts[-1].machine.device for each in profiles if any(costs.measured for costs in each.rows)}
    notes = [
        f"At {size}, {profile.num_classes} classes, float32. Activations: what a training step's "
        "forward pass keeps for its backward pass. Training, inference: the peak of a whole step of SGD with momentum "
        "and of a forward pass, weights included, the CUDA context left out.",
        "Estimated: from tensor shapes, without a GPU. Measured: on "
        f"{', '.join(sorted(devices)) or 'a GPU'}, where torch may take no more than {budget}"
        f"{'' if devices else '; none here'}. Errors of estimates: in percent of what was measured.",
        _stem_note(product.experiment),
    ]
    errors = dict.fromkeys(_errors(costs), "nothing was measured, or the batch does not fit") if rows else {}
    sizes = dict.fromkeys([f"{kind} GiB" for kind in ("activations", "training", "inference")], DOES_NOT_FIT)
    title = f"Table 6. Memory, and what fits a card of {budget}"
    return Table.of(title, rows, notes, why={"stem pool": NO_STEM} | sizes | errors)


def _errors(costs: ModelCosts) -> dict[str, float | None]:
    return {
        "error of estimated training GiB %": _error(costs, "training_bytes"),
        "error of estimated largest batch %": _error(costs, "largest_batch"),
    }


def find_row(rows: Sequence[Row], model: str, frames: int, stem_pool: bool | None, path: Path) -> Row:
    """That of a model, which may have no stem pool to choose, among those of a file. Errors: InputError without one."""
    for row in rows:
        if (row.model, row.frames) == (model, frames) and row.stem_pool in (stem_pool, None):
            return row
    raise InputError(f"{path}: has no {model} at {frames} frames; it may need longer clips: show it at those it takes")


def costs_as_trained(experiment: Experiment, model: str, frames: int) -> ModelCosts:
    """Of a model with the stem of the experiment. Errors: InputError if it has not been profiled."""
    name, stem_pool = base_model(model), experiment.stem_pool
    return find_row(read_profile(experiment, name).rows, name, frames, stem_pool, experiment.paths.profile(name))


def speed_as_trained(experiment: Experiment, throughput: Throughput, model: str, frames: int) -> Speed:
    """Likewise. Errors: InputError if it has not been timed."""
    return find_row(throughput.rows, base_model(model), frames, experiment.stem_pool, experiment.paths.throughput)


def training_time_cells(speed: Speed) -> dict[str, float | None]:
    """Of a clip in training."""
    cells = timed_cells("training ms/clip", speed, "training")
    if cells["training ms/clip"] is not None:
        cells["training ms/clip"] = 1000 / speed.training_clips_per_second
    return cells


def timed_cells(name: str, speed: Speed, kind: str) -> dict[str, float | None]:
    """What was timed, with its spread if that is known; None where the machine was busy. kind: of a Spread."""
    if not _is_calm(speed, kind):
        return {name: None}
    unit = "frames" if kind == "live" else "clips"
    cells = {name: getattr(speed, f"{kind}_{unit}_per_second")}
    return cells | ({f"{name} spread %": 100 * getattr(speed.spread, kind)} if speed.spread else {})


def _is_calm(speed: Speed, kind: str) -> bool:
    """Whether the machine was not busy with other things while it was timed, as far as is known."""
    spread = getattr(speed.spread, kind) if speed.spread else 0
    return spread <= CALM_SPREAD and (speed.cores_lacking or 0) <= CALM_CORES


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
        f"Memory: the peak of a training step, weights included, at {_square(experiment.profile_size)}, in float32, "
        "over the clips of its batch; Table 6 has more."
    )


def timing_notes(throughput: Throughput) -> list[str]:
    machine = throughput.origin.starts[-1].machine
    sizes = ", ".join(dict.fromkeys(_side(row.timing_input) for row in throughput.rows))
    notes = [f"Timed without autocast on {machine.what_computes}, all models in one process, at {sizes}."]
    if any(row.spread for row in throughput.rows):
        notes.append("\N{PLUS-MINUS SIGN}: half the range of the middle half of the steps that were timed.")
    return notes


def _stem_note(experiment: Experiment) -> str:
    return (
        "Stem pool: whether a max pool follows the stem. This experiment trains its models "
        f"{'with' if experiment.stem_pool else 'without'} it."
    )


def _profiles(product: Costs) -> list[Profile]:
    found = [if_there(partial(read_profile, product.experiment, model)) for model in product.models]
    return [profile for profile in found if profile is not None]


def _shown(product: Costs, profiles: Sequence[Profile]) -> list[ModelCosts]:
    """Those at the clip lengths of this table; other tables may have asked for more."""
    return [costs for profile in profiles for costs in profile.rows if costs.frames in product.frames]


def _side(shape: str) -> str:
    """Height and width of a clip, such as 112x112 of 3x8x112x112."""
    return "x".join(shape.split("x")[-2:])


def _square(size: int) -> str:
    return f"{size}x{size}"


def _gib(size: int | None) -> float | None:
    return None if size is None else size / GIB


def _error(costs: ModelCosts, key: str) -> float | None:
    """The estimate's error in percent of the measured value, None without one."""
    measured, estimated = costs.measured and getattr(costs.measured, key), getattr(costs.estimated, key)
    return 100 * (estimated / measured - 1) if measured and estimated is not None else None
