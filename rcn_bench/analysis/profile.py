"""What can be counted of a model, at every clip length that a table shows, with and without the stem's pool."""

from functools import partial

import torch
from torch import Tensor, nn

from rcn_bench.analysis.cost import count_gmacs, count_parameters, count_step_gmacs
from rcn_bench.analysis.memory import (
    GIB,
    estimate_memory,
    estimate_training,
    estimated_largest_batch,
    measure_memory,
    measured_largest_batch,
)
from rcn_bench.analysis.second_count import hold_against_fvcore
from rcn_bench.analysis.variants import Variant, variants
from rcn_bench.code import is_plugin, load_plugins, plugin_code
from rcn_bench.engine.device import place
from rcn_bench.engine.room import room_for
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.recompute import can_recompute, recompute_activations
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import products_of, profiled
from rcn_bench.process import Process
from rcn_bench.records.costs import MemoryCosts, ModelCosts, Profile
from rcn_bench.records.origins import begin


def profile(model: str, experiment: Experiment) -> None:
    """Write what can be counted of a model: parameters, GMACs and memory, at the profile's size and classes.

    Memory is estimated, and on a machine with a GPU measured too, under a cap of the profile's budget.
    Errors: InputError for an unknown model, or one with an operator that has no count.
    """
    load_plugins(experiment.plugins)
    lengths = profiled(products_of(experiment).values()).get(model)
    if lengths is None:
        raise InputError(f"{model}: no table of this config shows it; add it to tables.table4.models")
    origin = begin(experiment, "profile", model, [])
    rows = []
    for variant in variants(model, lengths):
        with room_for(f"the costs of {variant}", "lower profile.size or profile.memory_frames_per_batch"):
            rows.append(costs_of(variant, experiment, Process.alone().device))
        print(f"{variant}: {describe(rows[-1])}", flush=True)
    Profile(origin=origin, model=model, rows=rows).write(experiment.paths.profile(model))


def costs_of(variant: Variant, experiment: Experiment, device: torch.device) -> ModelCosts:
    settings = experiment.profile
    model = variant.build(settings.num_classes)
    what = experiment.train.recompute_activations
    recomputed = what if can_recompute(model, what) else False
    size = experiment.profile_size
    clip_shape = (3, variant.frames, size, size)
    batch = max(settings.memory_frames_per_batch // variant.frames, 1)
    clip = torch.zeros(1, *clip_shape)
    parameters = count_parameters(model)
    gmacs, gmacs_per_new_frame = _count(model, clip)
    hold_against_fvcore(gmacs, model, clip, str(variant))
    recompute_activations(model, recomputed)
    estimated, measured = _memory(model, (batch, *clip_shape), int(settings.memory_gib * GIB), device)
    return ModelCosts(
        model=variant.model,
        stem_pool=variant.stem_pool,
        frames=variant.frames,
        parameters=parameters,
        gmacs=gmacs,
        gmacs_per_new_frame=gmacs_per_new_frame,
        input="x".join(map(str, clip_shape)),
        classes=settings.num_classes,
        memory_batch=batch,
        recompute_activations=recomputed,
        estimated=estimated,
        measured=measured,
    )


def check_counts(experiment: Experiment, source: str) -> None:
    """Count the models of plugins whose cost a table or figure shows, on the shortest clip there, before any training.

    source: what messages start with. Errors: InputError for one with an operator that has no count, or that fails.
    """
    load_plugins(experiment.plugins)
    for model, lengths in profiled(products_of(experiment).values()).items():
        module = experiment.model_sources[model].module
        if is_plugin(module):
            variant, size = variants(model, [min(lengths)])[0], experiment.profile_size
            room = room_for(f"{source}: the cost of {variant}", "lower profile.size")
            with room, plugin_code(module, f"{source}: {variant} fails on a clip of {size}x{size}"):
                try:
                    _count(variant.build(experiment.profile.num_classes), torch.zeros(1, 3, variant.frames, size, size))
                except InputError as error:
                    raise InputError(f"{source}: {model}: {error}") from error


def _count(model: nn.Module, clip: Tensor) -> tuple[float, float]:
    """GMACs of a clip, and of a new frame of live video: of a whole window, unless the network carries a state."""
    gmacs = count_gmacs(model, clip)
    return gmacs, count_step_gmacs(model, clip) if isinstance(model, FrameNet) else gmacs


def _memory(
    model: nn.Module, clip_shape: tuple[int, ...], budget: int, device: torch.device
) -> tuple[MemoryCosts, MemoryCosts | None]:
    """Of a batch and of the largest that fits the budget: estimated, and on a GPU measured."""
    fits = estimated_largest_batch(partial(estimate_training, model), clip_shape[1:], budget)
    estimated = MemoryCosts(*estimate_memory(model, clip_shape), fits)
    if device.type != "cuda":
        return estimated, None
    place(model, device)
    fits = measured_largest_batch(partial(measure_memory, model), clip_shape[1:], budget, guess=fits)
    if fits < clip_shape[0]:
        return estimated, MemoryCosts(None, None, None, fits)
    return estimated, MemoryCosts(*measure_memory(model, clip_shape), fits)


def describe(costs: ModelCosts) -> str:
    memory, way = (costs.measured, "measured") if costs.measured else (costs.estimated, "estimated")
    taken = "too much" if memory.training_bytes is None else f"{memory.training_bytes / GIB:.3g} GiB"
    return (
        f"{costs.parameters / 1e6:.3f} M parameters; {costs.gmacs:.3f} GMACs a clip {costs.input}, "
        f"{costs.gmacs_per_new_frame:.3f} a new frame; a training step of {costs.memory_batch} clips takes {taken}, "
        f"{memory.largest_batch} clips fit at most ({way})"
    )
