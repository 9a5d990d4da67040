"""2D networks on video: every frame of every clip goes through one 2D trunk, folded into its batch.

A trunk may hold temporal units, which look at earlier frames: recurrent (rcn.py) or causal convolutions (causal.py).
They see whole clips in training, and in streaming one frame or a few at a time with a state carried between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import overload

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StreamState:
    """All that a network keeps of the frames so far; its size does not depend on how many they were.

    units: one tensor per temporal unit, by its name in the trunk, videos first; started: (N,), whether a video has
    had a frame yet, on the CPU, where asking costs no waiting. size: height and width of the frames; None before them.
    """

    units: Mapping[str, Tensor]
    started: Tensor
    size: tuple[int, ...] | None = None

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.units.values())

    def started_on(self, device: torch.device) -> Tensor:
        """``started`` on a device; filled in there while a CUDA graph is captured, which takes no copy from the CPU."""
        if device.type != "cuda" or not torch.cuda.is_current_stream_capturing():
            return self.started.to(device)
        there = torch.empty(len(self.started), dtype=torch.bool, device=device)
        runs, lengths = self.started.unique_consecutive(return_counts=True)
        for part, started in zip(there.split(lengths.tolist()), runs.tolist(), strict=True):
            part.fill_(started)
        return there

    def detach(self) -> "StreamState":
        """Without gradients, and without the frames that a tensor may be a part of."""
        return replace(self, units={name: _alone(tensor.detach()) for name, tensor in self.units.items()})


def _alone(tensor: Tensor) -> Tensor:
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


@dataclass
class Fold:
    """What a network tells the temporal units in its trunk about the frames at hand; one object shared by all.

    frames: of each clip in the folded batch. past: the state before them when streaming, else None. present: what
    the units leave for the frames to come.
    """

    frames: int = 1
    past: StreamState | None = None
    present: dict[str, Tensor] = field(default_factory=dict)

    def assign(self, other: "Fold") -> None:
        self.frames, self.past, self.present = other.frames, other.past, other.present


class FrameNet(nn.Module):
    """A 2D trunk applied to all frames of a clip; the clip's logits are the mean of its frames' logits.

    Frames are folded time-major, (T*N, C, H, W) in channels_last: frame t of all clips is one contiguous block, so
    that a recurrence over t is a matrix product per step without a copy.
    """

    def __init__(self, trunk: nn.Module, fold: Fold | None = None) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)
        self.fold = fold or Fold()

    def forward(self, clip: Tensor) -> Tensor:
        """Logits of the clip: (N, C, T, H, W) to (N, num_classes)."""
        return self.frame_logits(clip).mean(dim=1)

    @overload
    def frame_logits(self, clip: Tensor) -> Tensor: ...
    @overload
    def frame_logits(self, clip: Tensor, state: StreamState, *, detach: bool = True) -> tuple[Tensor, StreamState]: ...
    def frame_logits(self, clip: Tensor, state: StreamState | None = None, *, detach: bool = True):
        """Logits of every frame: clip (N, C, T, H, W) to (N, T, num_classes), float32 under autocast too.

        With a state the clip goes on from the frames before it, and the new state is returned as well; ``detach``
        cuts gradients off between the two.
        Errors: ValueError for a clip without frames, or one that does not go with the state.
        """
        if state is not None:
            require_frames(clip, state)
        batch, _, steps = clip.shape[:3]
        if steps == 0:
            raise ValueError(f"a clip of 0 frames, {tuple(clip.shape)}; give it at least one")
        self.fold.frames, self.fold.past, self.fold.present = steps, state, {}
        frames = clip.permute(2, 0, 1, 3, 4).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        logits = self.trunk(frames).float().unflatten(0, (steps, batch)).transpose(0, 1)
        if state is None:
            return logits
        new = StreamState(self.fold.present, torch.ones_like(state.started), tuple(clip.shape[-2:]))
        self.fold.past, self.fold.present = None, {}
        return logits, new.detach() if detach else new

    def initial_state(self, batch_size: int) -> StreamState:
        """The state before the first frame of ``batch_size`` videos."""
        return StreamState({}, torch.zeros(batch_size, dtype=torch.bool))

    def step(self, frame: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """One frame of each video, (N, C, H, W), to its logits (N, num_classes) and the state after it.

        Errors: ValueError for frames of bytes, with channels last, or of another number or size than those before.
        """
        require_frames(frame, state)
        logits, state = self.frame_logits(frame.unsqueeze(2), state)
        return logits[:, 0], state

    @staticmethod
    def reset(state: StreamState, videos: Tensor) -> StreamState:
        """The state with some videos, given by a mask (N,) or by indices, as before their first frame."""
        keep = torch.ones_like(state.started)
        keep[videos.cpu()] = False
        units = {
            name: torch.where(keep.to(tensor.device).view(-1, *[1] * (tensor.dim() - 1)), tensor, 0)
            for name, tensor in state.units.items()
        }
        return StreamState(units, state.started & keep, state.size)


def require_frames(frames: Tensor, state: StreamState) -> None:
    """That a network can take frames (N, C, H, W) or clips (N, C, T, H, W) after those of the state.

    Errors: ValueError.
    """
    shape, size = tuple(frames.shape), tuple(frames.shape[-2:])
    if not frames.is_floating_point():
        raise ValueError(f"frames of {frames.dtype}; give them as floating point, normalised as in training")
    if frames.dim() not in (4, 5) or size[1] <= 4 < shape[1]:
        raise ValueError(f"frames of shape {shape}; videos come first, channels second, height and width last")
    if len(state.started) != len(frames):
        raise ValueError(f"the state is of {len(state.started)} videos, the clip of {len(frames)}")
    if state.size not in (None, size):
        raise ValueError(f"frames of {size} pixels after frames of {state.size}; begin anew with initial_state()")


MakeUnit = Callable[[str, nn.Conv2d, Fold], nn.Module]


def replace_convolutions(trunk: nn.Module, choose: Callable[[str, nn.Conv2d], bool], make_unit: MakeUnit) -> FrameNet:
    """Put temporal units in the place of the chosen convolutions of any 2D network, and apply it to clips.

    choose(name, convolution) goes by the names in ``trunk.named_modules()``.
    """
    fold = Fold()
    layers = [(name, layer) for name, layer in trunk.named_modules() if not any(layer.children())]
    for (name, layer), (_, following) in pairwise([*layers, ("", None)]):
        if isinstance(layer, nn.Conv2d) and choose(name, layer):
            trunk.set_submodule(name, make_unit(name, layer, fold))
            if getattr(following, "inplace", False):
                following.inplace = False  # it would overwrite what a unit's backward pass reads
    return FrameNet(trunk, fold)


def recurrent_layers(model: nn.Module) -> list[str]:
    """The names of the hidden-state matrices w_hh, as in the model's state dict, from its first layer to its last.

    Sorted as text they would be in another order: denselayer10 comes before denselayer2.
    """
    return [name for name, _ in model.named_parameters() if name.rpartition(".")[2] == "w_hh"]
