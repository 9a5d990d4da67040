"""Activation recomputing: a training step keeps less of its forward pass, and computes it again for the gradients.

Of blocks: only what goes into each block is kept, and each is run again. Of norms: what batch norm reads is kept, and
what it and ReLU make of that is computed again; no convolution is, but for 1x1 ones beside a block.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint
from torchvision.models import resnet
from torchvision.models.googlenet import Inception
from torchvision.models.video import resnet as video_resnet
from torchvision.models.video.s3d import SepInceptionBlock3D, TemporalSeparableConv

from rcn_bench.errors import InputError
from rcn_bench.models.frames import Fold
from rcn_bench.models.nonlocal_block import NonLocal
from rcn_bench.plan.sections import Recomputing

RESIDUAL = (resnet.BasicBlock, resnet.Bottleneck)
BLOCKS = (
    *(*RESIDUAL, video_resnet.BasicBlock, video_resnet.Bottleneck),
    *(Inception, SepInceptionBlock3D, TemporalSeparableConv, NonLocal),
)


def can_recompute(model: nn.Module, what: Recomputing = True) -> bool:
    """Whether a model has blocks whose activations can be recomputed; one on the meta device tells it too."""
    return next(_outermost(model, RESIDUAL if what == "norms" else BLOCKS), None) is not None


def recompute_activations(model: nn.Module, what: Recomputing = True) -> nn.Module:
    """Make a model compute activations again in training instead of keeping them; results stay the same.

    what: True: each of its blocks; "norms": the outputs of batch norm and ReLU between the convolutions of ResNets'
    residual blocks, the projections beside them, and a ResNet's stem from its batch norm to its pool. False: nothing.
    Errors: InputError if the model has none of torchvision's blocks.
    """
    if what and not can_recompute(model, what):
        raise InputError(
            f"{type(model).__name__} has none of the blocks that activation recomputing knows; train it without"
        )
    if what == "norms":
        for block in _outermost(model, RESIDUAL):
            block.forward = _Residual(block)
        for net in model.modules():
            if isinstance(net, resnet.ResNet) and not isinstance(net.maxpool, nn.Identity):
                net._forward_impl = _Stem(net)
    elif what:
        for block in _outermost(model, BLOCKS):
            block.forward = _Recomputed(block)
    return model


def _outermost(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[nn.Module]:
    for child in model.children():
        if isinstance(child, kinds):
            yield child
        else:
            yield from _outermost(child, kinds)


class _Recomputed:
    """A block's forward whose activations are dropped in training, and computed again in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        self.block = block
        self.run = partial(type(block).forward, block)

    def __call__(self, inputs: Tensor) -> Tensor:
        return _twice(self.run, inputs, [self.block])


class _Residual:
    """The forward of a residual block that keeps what its convolutions and recurrences give, and what goes into it."""

    def __init__(self, block: Any) -> None:
        self.block = block
        pairs = ((f"bn{n}", f"conv{n + 1}") for n in range(1, 3) if hasattr(block, f"conv{n + 1}"))
        self.between = [_Between(getattr(block, norm), block.relu, getattr(block, unit)) for norm, unit in pairs]
        self.last_norm = getattr(block, f"bn{len(self.between) + 1}")

    def __call__(self, inputs: Tensor) -> Tensor:
        block, h = self.block, self.block.conv1(inputs)
        for between in self.between:
            h = between(h)
        beside = inputs if block.downsample is None else _twice(block.downsample, inputs, [block.downsample])
        out = self.last_norm(h)
        out += beside
        return block.relu(out)


class _Between:
    """From what one convolution gives to what the next one does. Only what the next one reads is computed again."""

    def __init__(self, norm: nn.Module, relu: nn.Module, unit: Any) -> None:
        self.norm, self.relu = norm, relu
        # The hidden states of an RCU are kept, so that no more than its convolution may stand in what runs again.
        is_recurrent = hasattr(unit, "recur")
        self.convolution: nn.Module = unit.w_xh if is_recurrent else unit
        self.then: Callable[[Tensor], Tensor] = unit.recur if is_recurrent else nn.Identity()

    def __call__(self, h: Tensor) -> Tensor:
        return self.then(_twice(self._run, h, [self.norm, self.convolution]))

    def _run(self, h: Tensor) -> Tensor:
        return self.convolution(self.relu(self.norm(h)))


class _Stem:
    """The forward of a ResNet that keeps nothing between the first convolution and the pool's output."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def __call__(self, inputs: Tensor) -> Tensor:
        net = self.net
        x = _twice(self._run, net.conv1(inputs), [net.bn1])
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
        return net.fc(net.avgpool(x).flatten(1))

    def _run(self, x: Tensor) -> Tensor:
        return self.net.maxpool(self.net.relu(self.net.bn1(x)))


def _twice(run: Callable[[Tensor], Tensor], inputs: Tensor, modules: list[nn.Module]) -> Tensor:
    """``run(inputs)``, again in the backward pass, until all that is needed there is there: a last convolution is not.

    modules: what it runs.
    """
    if not any(module.training for module in modules):
        return run(inputs)
    inner = [each for module in modules for each in module.modules()]
    folds = {id(fold): fold for fold in (getattr(module, "fold", None) for module in inner) if fold}
    again = [(fold, replace(fold, present={})) for fold in folds.values()]
    norms = [module for module in inner if isinstance(module, _BatchNorm)]
    return checkpoint(
        run,
        inputs,
        use_reentrant=False,
        preserve_rng_state=False,  # nothing here draws random numbers
        context_fn=lambda: (nullcontext(), _as_before(norms, again)),
    )


@contextmanager
def _as_before(norms: list[_BatchNorm], folds: list[tuple[Fold, Fold]]) -> Iterator[None]:
    """For the second run: the frames are those of the first, and batch norms' statistics, moved then, stay."""
    before = [
        (norm, norm.momentum, norm.num_batches_tracked, norm.num_batches_tracked.clone())
        for norm in norms
        if norm.num_batches_tracked is not None
    ]
    now = [replace(fold) for fold, _ in folds]
    for norm, *_ in before:
        norm.momentum = 0.0
    for fold, first_run in folds:
        fold.assign(first_run)
    try:
        yield
    finally:
        for norm, momentum, batches, batches_before in before:
            norm.momentum = momentum
            batches.copy_(batches_before)
        for (fold, _), current in zip(folds, now, strict=True):
            fold.assign(current)
