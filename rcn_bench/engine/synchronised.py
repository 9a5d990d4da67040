"""Batch norm over the whole batch that several processes share, so that a training is that of one process.

On a GPU it is torch's own, which knows no CPU; there, sums over all processes, with their gradients.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rcn_bench.process import Process


def synchronise_batch_norm(model: nn.Module, process: Process) -> None:
    """Put synchronised layers, with the same weights and statistics, in the place of a model's batch norms, in place.

    Those that are frozen, which take no statistics, stay.
    """
    for name, layer in list(model.named_modules()):
        if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            of = nn.SyncBatchNorm if process.device.type == "cuda" else SynchronisedBatchNorm
            model.set_submodule(name, _with_the_values_of(layer, of))


def _with_the_values_of(layer: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    with torch.device("meta"):
        other = kind(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    other._parameters, other._buffers = dict(layer._parameters), dict(layer._buffers)  # the same, not copies
    return other.train(layer.training)


class SynchronisedBatchNorm(_BatchNorm):
    """Batch norm of (N, C, ...) by the statistics of all processes' batches, which must be of one size."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"(N, C, ...) is wanted, not {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        if not self.training:
            return super().forward(input)
        others = [0, *range(2, input.dim())]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        mean = _mean_over_processes(input.mean(others))
        centred = input - mean.view(shape)
        variance = _mean_over_processes(centred.square().mean(others))
        self._track(mean.detach(), variance.detach(), input.numel() // self.num_features * distributed.get_world_size())
        normalised = centred * (variance + self.eps).rsqrt().view(shape)
        return normalised * self.weight.view(shape) + self.bias.view(shape) if self.affine else normalised

    def _track(self, mean: Tensor, variance: Tensor, values: int) -> None:
        """Move the running statistics as torch's batch norm does, that of the variance unbiased."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (values / (values - 1)), share)


def _mean_over_processes(tensor: Tensor) -> Tensor:
    return _Sum.apply(tensor) / distributed.get_world_size()


class _Sum(torch.autograd.Function):
    """The sum of every process's tensor. What each process makes of it counts: its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total
