"""Clip accuracy on the validation videos while a run is trained, of which the training takes no notice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from rcn_bench.data.batches import evaluation_batches
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.softmax import shares_of_clips

VIEWS_PER_BATCH = 4  # of each clip of a video


class Validation:
    """The clips that an evaluation takes, scored by a network as it is now.

    labels: of the training cache. fingerprint: of the validation cache.
    Errors: InputError if the cache is missing, not the experiment's own, or has a label that nobody is trained on.
    """

    def __init__(self, run: Run, experiment: Experiment, labels: Sequence[str]) -> None:
        clip, cache = experiment.clip, Cache(experiment.paths.cache("val"))
        cache.require_own(experiment, "val")
        self.fingerprint = cache.fingerprint
        layout = ClipLayout(run.frames, clip.stride)
        self._clips = EvaluationClips(cache, layout, clip.crop, clip.evaluation_clips, clip.evaluation_crops)
        self._labels = list(labels)
        for video in self._clips.videos:
            if video.label not in labels:
                raise InputError(
                    f"{cache.path}: label {video.label!r} is none of the training videos'; rename it in the list, or "
                    "set train.validate_every to 0"
                )
        self._crops, self._workers, self._kind = (
            clip.evaluation_crops,
            experiment.train.workers,
            experiment.train.autocast,
        )

    def accuracy(self, model: nn.Module, process: Process | None = None) -> float:
        """The share of clips that are right, each by the mean softmax of its crops, from scores kept as float16.

        The network is left as it was, and so are torch's random numbers.
        process: of those that share the videos, each with the same network; all of them call this.
        """
        device = next(model.parameters()).device
        process = process or Process(0, 1, device)
        own = self._clips.shared(process.rank, process.world)
        classes = iter([self._labels.index(video.label) for video in own.videos])
        autocast = Autocast(self._kind, device)
        right: list[bool] = []
        with _looked_at(model), torch.random.fork_rng(devices=[]):  # a loader draws a number as it starts
            for clips, counts in evaluation_batches(own, VIEWS_PER_BATCH // self._crops or 1, self._workers):
                with autocast.context():
                    logits = model(to_input(clips.to(device))).float()
                best = shares_of_clips(logits.half().cpu().numpy(), self._crops).argmax(1)
                true = np.repeat([next(classes) for _ in counts], [count // self._crops for count in counts])
                right += (best == true).tolist()
        counted, total = process.reduce(torch.tensor([sum(right), len(right)], device=device)).tolist()
        return counted / total


@contextmanager
def _looked_at(model: nn.Module) -> Iterator[None]:
    """In evaluation mode and without gradients; then each layer is in the mode in which it was."""
    modes = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for layer, mode in modes:
            layer.training = mode
