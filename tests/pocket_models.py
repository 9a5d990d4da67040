"""A plugin with the smallest networks that there are, so that tests train, evaluate and stream in no time."""

from torch import nn

from rcn_bench.models import register
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.network2d import network2d, register_trunk
from rcn_bench.models.rcn import make_recurrent


@register_trunk
def pocket(num_classes):
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))


@register(trunk="pocket")
def rcn_pocket(num_classes, *, w_hh="identity", **weights):
    return make_recurrent(network2d("pocket", num_classes, **weights), lambda name, conv: name == "3", w_hh=w_hh)


@register(trunk="pocket")
def c2d_pocket(num_classes, **weights):
    return FrameNet(network2d("pocket", num_classes, **weights))


@register
def pocket3d(num_classes):
    """A network of whole clips."""
    layers = [nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(4, num_classes))


@register
def pocket3d_dropout(num_classes):
    """One that draws random numbers in training."""
    layers = [nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(8, num_classes))
