"""The causality certificate: does any output of a model depend on frames after it, and how many frames does it see?"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rcn_bench.code import load_plugins
from rcn_bench.engine.room import room_for
from rcn_bench.errors import InputError, reason
from rcn_bench.models import create_model, model_options, shortest_clip
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import certified, products_of
from rcn_bench.records.costs import Causality, Certificate
from rcn_bench.records.origins import begin

NUM_CLASSES = 10


def certify(model_name: str, frames: int = 16, size: int = 32, seed: int = 0) -> Certificate:
    """Certify a registered model, with random weights, random batch-norm statistics and random w_hh.

    size: height and width of the clip. Errors: InputError for an unknown model, a clip too short for it, or a model
    whose outputs in time are not known: it needs ``frame_logits`` or an ``avgpool`` module.
    """
    torch.manual_seed(seed)
    options = {"w_hh": "random"} if "w_hh" in model_options(model_name) else {}
    if frames < shortest_clip(model_name):
        raise InputError(f"{model_name} needs clips of {shortest_clip(model_name)} frames or more, got {frames}")
    model = _with_random_batch_norm(create_model(model_name, NUM_CLASSES, **options)).eval()
    return examine(model, model_name, torch.randn(1, 3, frames, size, size))


@torch.no_grad()
def examine(model: nn.Module, name: str, clip: Tensor) -> Certificate:
    """Certify a model in eval mode, with the weights that it has, on one clip (1, 3, T, H, W).

    Output j of a model that keeps every s-th time step stands for frame j * s. Two kinds of perturbation: other
    random values after t, for the change; and NaN in frame t alone, which spreads to all that any arithmetic reaches,
    however small its effect, for the receptive field.
    """
    with _outputs_in_time(model, name) as outputs_of:
        return _examine(outputs_of, name, clip)


def _examine(outputs_of: Callable[[Tensor], Tensor], name: str, clip: Tensor) -> Certificate:
    try:
        reference = outputs_of(clip)
    except RuntimeError as error:
        raise InputError(
            f"{name}: cannot take a clip of {tuple(clip.shape)} ({reason(error)}); give it more pixels"
        ) from error
    frames, outputs = clip.shape[2], len(reference)
    if not (reference.isfinite().all() and reference.std() > 0):
        raise InputError(f"{name}: its outputs are not finite, or all the same, so that nothing can be seen in them")
    frame_of_output = torch.arange(outputs) * round(frames / outputs)
    largest, past, future = 0.0, 0, 0
    for t in range(frames):
        changed = clip.clone()
        changed[:, :, t + 1 :] = torch.randn_like(changed[:, :, t + 1 :])
        change = float((outputs_of(changed) - reference)[frame_of_output <= t].abs().max() / reference.std())
        if not math.isfinite(change):
            raise InputError(f"{name}: its outputs are not finite on a clip of other random frames")
        largest = max(largest, change)
        poisoned = clip.clone()
        poisoned[:, :, t] = torch.nan
        reached = frame_of_output[outputs_of(poisoned).flatten(1).isnan().any(1)]
        if len(reached):
            past, future = max(past, int(reached.max()) - t), max(future, t - int(reached.min()))
    return Certificate(name, largest == 0 and future == 0, largest, frames, outputs, past, future)


@contextmanager
def _outputs_in_time(model: nn.Module, name: str) -> Iterator[Callable[[Tensor], Tensor]]:
    """A function from a clip to the model's outputs, time first: its frames' logits, or what its last pool is given."""
    if isinstance(model, FrameNet):
        yield lambda clip: model.frame_logits(clip)[0]
        return
    pool = getattr(model, "avgpool", None)
    if not isinstance(pool, nn.Module):
        why = "its outputs in time are not known; leave it out of tables.table5 and tables.league"
        raise InputError(f"{name} has neither frame_logits nor an avgpool module, so that {why}")
    seen: list[Tensor] = []
    hook = pool.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))

    def outputs(clip: Tensor) -> Tensor:
        seen.clear()
        model(clip)
        return seen[0][0].transpose(0, 1)

    try:
        yield outputs
    finally:
        hook.remove()


def _with_random_batch_norm(model: nn.Module) -> nn.Module:
    """As after some training: fresh batch norms are near the identity, and a zero gamma hides a whole branch."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            for name, buffer in module.named_buffers():
                if name == "running_mean":
                    nn.init.normal_(buffer, std=0.1)
                elif name == "running_var":
                    nn.init.uniform_(buffer, 0.5, 1.5)
    return model


def certify_models(experiment: Experiment) -> None:
    """Write the certificates of all models whose causality a product shows. Errors: InputError if there are none."""
    load_plugins(experiment.plugins)
    shown = certified(products_of(experiment).values())
    if not shown:
        raise InputError("tables.table5: not there; it says which models are certified, and at how many frames")
    origin = begin(experiment, "causality")
    rows = []
    for model, lengths in shown.items():
        for frames in lengths:
            with room_for(f"certifying {model} at {frames} frames", "lower the frames or clip.crop"):
                rows.append(certify(model, frames, experiment.clip.crop))
            print(describe(rows[-1]), flush=True)
    Causality(origin=origin, rows=rows).write(experiment.paths.causality)


def describe(certificate: Certificate) -> str:
    """One line a model."""
    c = certificate
    if c.causal:
        verdict = "causal"
    elif c.largest_change > 0:
        verdict = f"NOT causal: outputs move by up to {c.largest_change:.2g} sd with later frames"
    else:
        verdict = "NOT causal: outputs are computed from later frames, though none moved"
    return (
        f"{c.model}: {verdict}; sees {c.past_frames} earlier and {c.future_frames} later frames of {c.frames}; "
        f"{c.outputs} outputs in time"
    )
