"""The step of a causal network as a function of tensors alone, which can be traced and written for other runtimes."""

import torch
from torch import Tensor, nn

from rcn_bench.models.causal import CausalConv
from rcn_bench.models.frames import FrameNet, StreamState
from rcn_bench.models.gated import GatedUnit
from rcn_bench.models.inference import for_inference
from rcn_bench.models.rcn import RCU
from rcn_bench.models.shift import ShiftedConv
from rcn_bench.ops import input_scale


class Step(nn.Module):
    """One frame of each video and the state before it, to its logits and the state after it.

    A video that has not started needs no state: whatever stands in its place is not looked at.
    Shapes: frame (N, 3, H, W), started (N,) of bool, states as ``states`` gives them for a frame, videos first, to the
    logits (N, classes) and the new states in the same order, as contiguous as they came: a compiled step takes no other
    memory order. names: of the states' units in the trunk.
    """

    def __init__(self, model: FrameNet, frame: Tensor) -> None:
        """frame: of two videos, as large as those to come."""
        super().__init__()
        self.net = for_inference(model)
        _, state = self.net.step(frame, self.net.initial_state(len(frame)))
        self.names = list(state.units)
        self.states: list[Tensor] = []
        for path, unit in list(self.net.named_modules()):
            if type(unit) is RCU:
                self.net.set_submodule(path, RecurrentStep(unit))
                self.states.append(torch.zeros_like(state.units[unit.name].permute(0, 3, 1, 2).contiguous()))
            elif made := _other_step(unit):
                self.net.set_submodule(path, made)
                self.states.append(torch.zeros_like(state.units[unit.name]).contiguous())

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Of the states of one video, without its axis."""
        return {name: list(state.shape[1:]) for name, state in zip(self.names, self.states, strict=True)}

    def forward(self, frame: Tensor, started: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
        fold = self.net.fold
        fold.past, fold.present = StreamState(dict(zip(self.names, states, strict=True)), started), {}
        logits = self.net.trunk(frame)
        new = [fold.present[name].contiguous() for name in self.names]
        fold.past, fold.present = None, {}
        return (logits, *new)


def _other_step(unit: nn.Module) -> nn.Module | None:
    """Of a unit whose state before the first frame is zero; None for a module that is no temporal unit."""
    match unit:
        case CausalConv():
            return CausalStep(unit)
        case ShiftedConv():
            return ShiftedStep(unit)
        case GatedUnit():
            return GatedStep(unit)
    return None


class RecurrentStep(nn.Module):
    """A recurrent unit on one frame of each video. Its state is h, (N, C, H', W'); w_hh is a 1x1 convolution."""

    w_hh: Tensor

    def __init__(self, unit: RCU) -> None:
        super().__init__()
        self.name, self.fold, self.w_xh = unit.name, unit.fold, unit.w_xh
        self.scale = input_scale(unit.mode)
        self.register_buffer("w_hh", (self.scale * unit.w_hh.detach())[:, :, None, None].contiguous())

    def forward(self, frames: Tensor) -> Tensor:
        past = self.fold.past
        assert past is not None
        x = self.w_xh(frames)
        on = self.scale * x + nn.functional.conv2d(past.units[self.name], self.w_hh)
        h = torch.where(past.started.view(-1, 1, 1, 1), on, x)
        self.fold.present[self.name] = h
        return h


class CausalStep(nn.Module):
    """A causal convolution on one frame of each video. Its state is the last input frames, (N, frames - 1, C, H, W)."""

    def __init__(self, layer: CausalConv) -> None:
        super().__init__()
        self.name, self.fold, self.taps = layer.name, layer.fold, layer.taps

    def forward(self, frames: Tensor) -> Tensor:
        past = self.fold.past
        assert past is not None
        before = torch.where(past.started.view(-1, 1, 1, 1, 1), past.units[self.name], 0)
        seen = torch.cat([before, frames.unsqueeze(1)], dim=1)
        self.fold.present[self.name] = seen[:, 1:]
        return sum((tap(seen[:, k]) for k, tap in enumerate(self.taps[1:], start=1)), self.taps[0](seen[:, 0]))


class ShiftedStep(nn.Module):
    """A shifted convolution on one frame of each video. Its state is the shifted channels of the last, (N, C, H, W)."""

    def __init__(self, layer: ShiftedConv) -> None:
        super().__init__()
        self.name, self.fold, self.convolution, self.shifted = layer.name, layer.fold, layer.convolution, layer.shifted

    def forward(self, frames: Tensor) -> Tensor:
        past = self.fold.past
        assert past is not None
        before = torch.where(past.started.view(-1, 1, 1, 1), past.units[self.name], 0)
        self.fold.present[self.name] = frames[:, : self.shifted]
        return self.convolution(torch.cat([before, frames[:, self.shifted :]], dim=1))


class GatedStep(nn.Module):
    """A gated unit on one frame of each video. Its state is all that the unit keeps, joined, (N, kept * C, H', W')."""

    def __init__(self, unit: GatedUnit) -> None:
        super().__init__()
        self.name, self.fold, self.unit = unit.name, unit.fold, unit

    def forward(self, frames: Tensor) -> Tensor:
        past = self.fold.past
        assert past is not None
        before = torch.where(past.started.view(-1, 1, 1, 1), past.units[self.name], 0)
        state = self.unit.advance(self.unit.w_xh(frames), before.chunk(self.unit.kept, dim=1))
        self.fold.present[self.name] = torch.cat(state, dim=1)
        return state[0]
