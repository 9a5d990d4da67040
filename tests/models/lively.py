"""What several tests of models need: names, networks without values or with lively batch norms, clips, comparisons."""

from functools import cache

import pytest
import torch
from torch import nn

from rcn_bench.models import create_model, list_models


def slow_unless(fast):
    """All models as parameters of a test, those that take longest only with -m slow."""
    return [pytest.param(name, marks=[] if fast(name) else [pytest.mark.slow]) for name in list_models()]


ALL_BUT_DEEP_ONES = slow_unless(lambda name: "34" not in name and "101" not in name)


def lively(net):
    """Batch norm as after some training, so that no normalisation is the identity; ready for inference."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
    return net.eval()


@cache
def on_meta(name, **options):
    """A model that has shapes and no values, ready for inference; tests share it."""
    with torch.device("meta"):
        return create_model(name, **options).eval()


def random_clip(frames, clips=2, size=32):
    return torch.randn(clips, 3, frames, size, size)


def differs(one, other):
    return not torch.allclose(one, other, rtol=1e-2, atol=1e-4)


def assert_same_with_gradients(actual, expected, variables):
    """Two values of the same variables are close, and so are the gradients of a random sum of them by each variable."""
    torch.testing.assert_close(actual, expected)
    weight = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(actual, variables, weight), torch.autograd.grad(expected, variables, weight), strict=True
    ):
        torch.testing.assert_close(one, other)
