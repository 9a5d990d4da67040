"""What makes a network answer as fast as the machine can."""

from typing import TypeVar

import torch
from torch import nn

from rcn_bench.engine.device import place
from rcn_bench.engine.live.cpu import stepping_on_cpu
from rcn_bench.engine.live.gpu import stepping_on_gpu
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.inference import for_inference

Network = TypeVar("Network", bound=nn.Module)


def as_streamed(model: Network, device: torch.device) -> Network:
    """A copy of any network, made for inference on that device, of a causal one for its steps.

    Its states go with no other network.
    """
    copy = for_inference(model)
    place(copy, device)
    if isinstance(copy, FrameNet) and device.type == "cpu":
        stepping_on_cpu(copy)
    elif isinstance(copy, FrameNet):
        stepping_on_gpu(copy, device)
    return copy


def fastest_step(model: FrameNet, device: torch.device) -> LiveStep:
    """A LiveStep of a copy of the model, made for inference on that device; its states go with no other network."""
    return LiveStep(as_streamed(model, device))
