"""Activation recomputing: a training step keeps only the inputs of blocks, and runs each again for its gradient."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from torchvision.models import resnet
from torchvision.models.googlenet import Inception
from torchvision.models.video import resnet as video_resnet
from torchvision.models.video.s3d import SepInceptionBlock3D, TemporalSeparableConv

from rcn_bench.errors import InputError
from rcn_bench.models.frames import Fold
from rcn_bench.models.nonlocal_block import NonLocal

BLOCKS = (
    *(resnet.BasicBlock, resnet.Bottleneck, video_resnet.BasicBlock, video_resnet.Bottleneck),
    *(Inception, SepInceptionBlock3D, TemporalSeparableConv, NonLocal),
)


def can_recompute(model: nn.Module) -> bool:
    """Whether a model has blocks whose activations can be recomputed; one on the meta device tells it too."""
    return next(_outermost_blocks(model), None) is not None


def recompute_activations(model: nn.Module) -> nn.Module:
    """Make a model run its blocks twice in training instead of keeping their activations; results stay the same.

    Errors: InputError if the model has none of torchvision's blocks.
    """
    if not can_recompute(model):
        raise InputError(
            f"{type(model).__name__} has none of the blocks that activation recomputing knows; train it without"
        )
    for block in _outermost_blocks(model):
        block.forward = _Recomputed(block)
    return model


def _outermost_blocks(model: nn.Module) -> Iterator[nn.Module]:
    for child in model.children():
        if isinstance(child, BLOCKS):
            yield child
        else:
            yield from _outermost_blocks(child)


class _Recomputed:
    """A block's forward whose activations are dropped in training, and computed again in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        self.block = block
        self.run = type(block).forward

    def __call__(self, inputs):
        if not self.block.training:
            return self.run(self.block, inputs)
        folds = {id(fold): fold for fold in (getattr(m, "fold", None) for m in self.block.modules()) if fold}
        again = [(fold, replace(fold, present={})) for fold in folds.values()]
        return checkpoint(
            self.run,
            self.block,
            inputs,
            use_reentrant=False,
            preserve_rng_state=False,  # no block draws random numbers
            context_fn=lambda: (nullcontext(), _as_before(self.block, again)),
        )


@contextmanager
def _as_before(block: nn.Module, folds: list[tuple[Fold, Fold]]) -> Iterator[None]:
    """For the second run: the frames are those of the first, and batch norms' statistics, moved then, stay."""
    norms = [
        (module, module.momentum, module.num_batches_tracked, module.num_batches_tracked.clone())
        for module in block.modules()
        if isinstance(module, _BatchNorm) and module.num_batches_tracked is not None
    ]
    now = [replace(fold) for fold, _ in folds]
    for norm, *_ in norms:
        norm.momentum = 0.0
    for fold, first_run in folds:
        fold.assign(first_run)
    try:
        yield
    finally:
        for norm, momentum, batches, batches_before in norms:
            norm.momentum = momentum
            batches.copy_(batches_before)
        for (fold, _), current in zip(folds, now, strict=True):
            fold.assign(current)
