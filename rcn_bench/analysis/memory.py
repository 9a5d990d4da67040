"""How much memory a model takes in training and inference, and the largest batch that fits a card.

Measured on a GPU; estimated without one, by running the same step on fake tensors, which have shapes but no values,
and adding up what is alive at each moment.
"""

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rcn_bench.engine.device import fastest_layout

GIB = 2**30
GRANULE = 512  # torch's CUDA allocator hands out multiples of it, in bytes
WORK_SPACE = 64 * 2**20  # what cuBLAS keeps, from rcn18 at 8 frames on an H100; the one number here that is not counted


class Memory(NamedTuple):
    """Bytes of a training step and of inference on a batch; nothing else is counted, such as the CUDA context.

    activations: what the forward pass keeps for the backward pass. training: the peak of a whole step with SGD and
    momentum, weights included. inference: the peak of a forward pass, weights included.
    """

    activations: int
    training: int
    inference: int


class _Meter(TorchDispatchMode):
    """Counts the bytes of all storages made under it that are still alive, and their peak."""

    steps = 1  # of training, as nothing else than its tensors is counted

    def __init__(self) -> None:
        super().__init__()
        self.alive, self.peak = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        size = -(-storage.nbytes() // GRANULE) * GRANULE
        self._known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._free, key, size)

    def restart(self) -> None:
        self.peak = self.alive

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


def estimate_memory(model: nn.Module, clip_shape: tuple[int, ...]) -> Memory:
    """Estimate what a GPU would take; the model lies on the CPU and is left alone. clip_shape: (N, 3, T, H, W).

    The work space of single convolutions is not in it.
    """
    with _on_fake_tensors(model) as (fake, meter):
        memory = _memory_of_steps(fake, clip_shape, meter)
    return Memory(memory.activations, memory.training + WORK_SPACE, memory.inference + WORK_SPACE)


def estimate_training(model: nn.Module, clip_shape: tuple[int, ...]) -> int:
    """The bytes of a training step alone, as ``estimate_memory`` has them."""
    with _on_fake_tensors(model) as (fake, meter):
        return _memory_of_training(fake, clip_shape, meter)[1] + WORK_SPACE


@contextmanager
def _on_fake_tensors(model: nn.Module) -> Iterator[tuple[nn.Module, _Meter]]:
    """A copy of a model without values, in a GPU's layout, and the meter of all that is made meanwhile."""
    mode = FakeTensorMode()
    fake = _with_fake_tensors(copy.deepcopy(model).to(memory_format=fastest_layout(model, "cuda")), mode)
    with mode, _Meter() as meter:
        for tensor in (*fake.parameters(), *fake.buffers()):
            meter.add(tensor)
        yield fake, meter


def measure_memory(model: nn.Module, clip_shape: tuple[int, ...]) -> Memory:
    """Measure on the GPU that the model lies on; it is trained a little. Errors: torch.OutOfMemoryError."""
    return _memory_of_steps(model, clip_shape, _CudaMeter(next(model.parameters()).device))


MemoryOf = Callable[[tuple[int, ...]], Memory]
TrainingOf = Callable[[tuple[int, ...]], int]


def estimated_largest_batch(training_of: TrainingOf, clip_shape: tuple[int, ...], budget: int) -> int:
    """The most clips (3, T, H, W) whose training step stays within ``budget`` bytes, to 1 %; 0 if not even one does.

    A step's memory is the largest of several sums that are linear in the number of clips: a chord between a batch that
    fits and one that does not lies above it, and where it meets the budget is a batch that fits.
    """

    def training(clips: int) -> int:
        return training_of((clips, *clip_shape))

    fits, fails = 2, 4
    at_fits = training(fits)
    if at_fits > budget:  # one clip is asked only then: batch norm refuses it where the last map is a single point
        return int(training(1) <= budget)
    while (at_fails := training(fails)) <= budget:
        # Extrapolated, a little beyond, and at least doubled: the next one soon does not fit.
        beyond = fits + (budget - at_fits) * (fails - fits) // max(at_fails - at_fits, 1) + 1
        fits, at_fits, fails = fails, at_fails, max(beyond, 2 * fails)
    while fails - fits > max(1, fits // 100):
        chord = fits + (budget - at_fits) * (fails - fits) // (at_fails - at_fits)
        middle = min(max(chord, fits + 1), fails - 1)
        at_middle = training(middle)
        if at_middle <= budget:
            fits, at_fits = middle, at_middle
            following = min(fits + max(1, fits // 100), fails)
            if following < fails and (at_following := training(following)) > budget:
                fails, at_fails = following, at_following
        else:
            fails, at_fails = middle, at_middle
    return fits


def measured_largest_batch(memory_of: MemoryOf, clip_shape: tuple[int, ...], budget: int, guess: int) -> int:
    """The most clips whose training step runs on this GPU while torch may take no more than ``budget`` bytes.

    Doubles or halves from a guess, then bisects to within 2 %.
    """
    with _capped(budget):
        fit, fail = 0, 0
        batch = max(guess, 1)
        while batch > fit:
            try:
                memory_of((batch, *clip_shape))
                fit = batch
            except torch.OutOfMemoryError:
                fail = batch
            torch.cuda.empty_cache()
            if fail and fail - fit <= max(1, fit // 50):
                break
            batch = (fit + fail) // 2 if fail else 2 * fit
    return fit


@contextmanager
def _capped(budget: int) -> Iterator[None]:
    """Let torch take no more than ``budget`` bytes of the GPU, as on a smaller card."""
    total = torch.cuda.get_device_properties().total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(budget / total, 1.0))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _with_fake_tensors(model: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """Turn a model's parameters and buffers into fake ones, in place."""
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(mode.from_tensor(parameter.detach()))
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = mode.from_tensor(buffer)
    return model


class _CudaMeter:
    """The same reading of torch's own allocator."""

    steps = 2  # in the first one libraries make their work space

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @property
    def alive(self) -> int:
        torch.cuda.synchronize(self.device)
        return torch.cuda.memory_allocated(self.device)

    @property
    def peak(self) -> int:
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_allocated(self.device)

    def restart(self) -> None:
        torch.cuda.reset_peak_memory_stats(self.device)


def _memory_of_steps(model: nn.Module, clip_shape: tuple[int, ...], meter: "_Meter | _CudaMeter") -> Memory:
    activations, training = _memory_of_training(model, clip_shape, meter)
    meter.restart()
    model.eval()
    with torch.no_grad():
        model(torch.zeros(clip_shape, device=next(model.parameters()).device))
    return Memory(activations, training, meter.peak)


def _memory_of_training(model: nn.Module, clip_shape: tuple[int, ...], meter: "_Meter | _CudaMeter") -> tuple[int, int]:
    """What the forward pass of a training step keeps, and the step's peak."""
    device = next(model.parameters()).device
    model.zero_grad()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9)
    for parameter in model.parameters():
        if parameter.requires_grad:
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    activations = 0
    for _ in range(meter.steps):
        meter.restart()
        model.train()
        before = meter.alive
        logits = model(torch.zeros(clip_shape, device=device))
        activations = meter.alive - before
        logits.logsumexp(1).sum().backward()
        del logits
        optimizer.step()
        optimizer.zero_grad()
    training = meter.peak
    optimizer.state.clear()
    return activations, training
