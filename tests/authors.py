"""The recurrence as the authors of the paper wrote it, to compare with."""

import torch
from torch import nn

from rcn_bench.models.inflate import ONE_FRAME, inflate
from rcn_bench.models.network2d import network2d


def authors_loop(clip, step):
    """clip (N, C, T, H, W); step: the 1x1 convolution of the state before; frames put side by side with cat."""
    states = h = clip[:, :, :1]
    for t in range(1, clip.shape[2]):
        h = (step(h) + clip[:, :, t : t + 1]) / 2
        states = torch.cat([states, h], dim=2)
    return states


class AuthorsUnit(nn.Module):
    """A 1x3x3 convolution of the clip, then their loop."""

    def __init__(self, w_xh):
        super().__init__()
        self.w_xh = w_xh
        self.w_hh = nn.Conv3d(w_xh.out_channels, w_xh.out_channels, 1, bias=False)

    def forward(self, clip):
        return authors_loop(self.w_xh(clip), self.w_hh)


def authors_rcn(network, num_classes):
    """RCN on ResNet-18 or -34 with 3D layers of one frame, from which ``load_rcn`` can make an RCN of this package."""
    net = inflate(network2d(network, num_classes), lambda name, layer: ONE_FRAME)
    for name, layer in list(net.named_modules()):
        if isinstance(layer, nn.Conv3d) and name.startswith("layer") and layer.kernel_size == (1, 3, 3):
            net.set_submodule(name, AuthorsUnit(layer))
    return net


def load_rcn(net, rcn):
    """Put the weights of an RCN of this package, of the same architecture, into ``net``."""
    own = net.state_dict()
    theirs = {name.removeprefix("trunk."): value for name, value in rcn.state_dict().items()}
    net.load_state_dict({name: theirs[name.replace("w_hh.weight", "w_hh")].reshape(own[name].shape) for name in own})
