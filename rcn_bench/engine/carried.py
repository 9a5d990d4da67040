"""Training with a state that is older than a clip: the cure for a network that its own state's age makes worse.

A network that is trained on clips alone knows no state older than a clip, nor do the statistics of its batch norms:
what reaches them changes until a state is some 32 frames old, most in the deepest layers (docs/claims.md). Here an
equal part of every batch goes on from what 0, 1, ... clips before it left, which are seen without gradients.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet, StreamState


class CarriedClips(nn.Module):
    """A network on clips that begin earlier than they count: (N, C, L + T, H, W) to the logits (N, K) of their last T.

    clip_frames: T; L is a multiple of it. Of the batch, which comes in random order, the first part sees its last T
    frames alone, the last part all of the L before them. Without gradients, batch norm normalises as in evaluation.
    """

    def __init__(self, network: FrameNet, clip_frames: int) -> None:
        super().__init__()
        self.network, self.clip_frames = network, clip_frames

    def forward(self, clips: Tensor) -> Tensor:
        *before, last = clips.split(self.clip_frames, dim=2)
        logits, _ = self.network.frame_logits(last, self._state_after(before, len(clips)))
        return logits.mean(1)

    @torch.no_grad()
    def _state_after(self, before: Sequence[Tensor], videos: int) -> StreamState:
        """Of all videos, after as many of the clips as each is shown; the later in the batch, the more."""
        state = self.network.initial_state(0)
        with _evaluating(self.network):
            for number, clip in enumerate(before):
                shown = videos * (number + 1) // (len(before) + 1)
                if shown:
                    state = with_new_videos(state, shown)
                    _, state = self.network.frame_logits(clip[-shown:], state)
        return with_new_videos(state, videos)


def carried(model: nn.Module, clip_frames: int) -> CarriedClips:
    """Errors: InputError for a network that carries no state."""
    if not isinstance(model, FrameNet):
        raise InputError(f"+carried: {type(model).__name__} carries no state from clip to clip; leave it out")
    return CarriedClips(model, clip_frames)


def with_new_videos(state: StreamState, videos: int) -> StreamState:
    """The state of so many videos, of which the last are those that it is of, and the others have not begun."""
    new = videos - len(state.started)
    units = {name: torch.cat([unit.new_zeros(new, *unit.shape[1:]), unit]) for name, unit in state.units.items()}
    return StreamState(units, torch.cat([state.started.new_zeros(new), state.started]), state.size)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
