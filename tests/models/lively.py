"""What several tests of models need: networks without values or with lively batch norms, random clips."""

from functools import cache

import torch
from torch import nn

from rcn_bench.models import create_model


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
