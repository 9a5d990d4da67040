"""Pretraining of the 2D networks on stills, the stand-in for ImageNet where no ImageNet weights can be had."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from rcn_bench.code import load_plugins
from rcn_bench.data.crops import centre_crop, cut
from rcn_bench.data.frames import Frames
from rcn_bench.data.transforms import Augmentation, to_input, warp
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import epoch_line, epoch_rates, parameter_groups, train_one_epoch
from rcn_bench.engine.repeatable import repeatable
from rcn_bench.engine.room import room_for
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.errors import InputError, refusing
from rcn_bench.files import write_bytes
from rcn_bench.models.network2d import has_stem_pool, network2d, require_trunk
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.sections import Digits, Pretraining
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.runs import Pretrained

TASKS = {"digits": "{} digits on stills", "glyphs": "{} letters, digits and textures on stills"}


class _Stills:
    """Batches of stills in a random order, new in every pass, as clips of one frame that are to be augmented."""

    def __init__(
        self, images: Frames, classes: NDArray[np.int64], batch_size: int, augmentation: Augmentation, seed: int
    ) -> None:
        self.images, self.classes = _as_rgb(images), classes
        self.batch_size, self.augmentation, self.rng = batch_size, augmentation, np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.classes) // self.batch_size

    def __iter__(self) -> Iterator[list[Tensor]]:
        order, side = self.rng.permutation(len(self.classes)), self.augmentation.box
        height, width = self.images.shape[1:3]
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            views = [self.augmentation.draw(height, width, self.rng) for _ in chosen]
            boxes = [
                cut(self.images[i, None], view.left, view.top, side) for i, view in zip(chosen, views, strict=True)
            ]
            maps = [view.map for view in views]
            yield [torch.from_numpy(part) for part in (np.stack(boxes), np.stack(maps), self.classes[chosen])]


def pretrain(network: str, experiment: Experiment) -> None:
    """Train a 2D network on the embedded stills; writes its weights and, before them, a record beside them.

    network: a trunk's name, such as resnet18. The record holds the accuracy on held-out stills.
    Errors: InputError for an unknown trunk, an experiment that trains none, or if the stills are not there.
    """
    paths, pretraining, digits = experiment.paths, experiment.pretrain, experiment.data.digits
    if pretraining is None or digits is None:
        raise InputError("pretrained: stills needs the settings pretrain and data.digits")
    load_plugins(experiment.plugins)
    require_trunk(network)
    if not paths.stills.is_file():
        raise InputError(f"{paths.stills}: no stills here; run `rcn-bench data make-digits` first")
    what = f"pretraining of {network}, {pretraining.batch_size} stills of {experiment.clip.crop}x{experiment.clip.crop}"
    repeated = repeatable(experiment.train.deterministic, False, Process.alone().device)
    with room_for(what, "lower pretrain.batch_size"), repeated:
        _pretrain(network, experiment, pretraining, digits)


def _pretrain(network: str, experiment: Experiment, pretraining: Pretraining, digits: Digits) -> None:
    process, paths = Process.alone(), experiment.paths
    crop, classes = experiment.clip.crop, digits.still_classes
    torch.set_num_threads(pretraining.threads)
    torch.manual_seed(digits.seed)
    origin = begin(experiment, "pretrain", network, [paths.stills])
    stills = read_stills(paths.stills, digits)
    images, labels = stills["train_images"], stills["train_labels"]
    batches = _Stills(images, labels, pretraining.batch_size, Augmentation.of(experiment), digits.seed)
    stem_pool = experiment.stem_pool or not has_stem_pool(network)  # only a ResNet's can be left out
    net = place(network2d(network, classes, stem_pool=stem_pool), process.device)
    groups = parameter_groups(net, pretraining.weight_decay, 0.0)
    step = TrainingStep(
        net,
        torch.optim.SGD(groups, pretraining.lr, pretraining.momentum, fused=True),
        Autocast("none", process.device),
        lambda boxes, maps: warp(boxes, maps, crop).squeeze(2),
    )

    seconds = 0.0
    for number in range(1, pretraining.epochs + 1):
        name = f"{network} on stills, epoch {number}/{pretraining.epochs}"
        schedule = pretraining.epochs, len(batches), pretraining.warmup, "cosine"
        epoch = train_one_epoch(step, batches, epoch_rates(pretraining.lr, number - 1, *schedule), number, name)
        seconds += epoch.seconds
        process.print(f"{name} {epoch_line(epoch)}")

    held_out = torch.from_numpy(centre_crop(_as_rgb(stills["val_images"]), crop)).unsqueeze(1).to(process.device)
    held_out = to_input(held_out).squeeze(2)
    accuracy = _accuracy(net, held_out, torch.from_numpy(stills["val_labels"]), network)
    process.print(f"{network}: {accuracy:.1%} on {len(held_out)} held-out stills")
    path, weights = paths.pretrained(network), save({k: v.cpu().contiguous() for k, v in net.state_dict().items()})
    Pretrained(
        origin=origin,
        network=network,
        task=TASKS[digits.stills_of].format(classes),
        held_out_accuracy=accuracy,
        held_out_stills=len(held_out),
        training_seconds=round(seconds, 3),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    ).write(path.with_suffix(".json"))
    write_bytes(path, weights)


def read_stills(path: Path, digits: Digits) -> dict[str, NDArray[Any]]:
    """The arrays of stills.npz by name. Errors: InputError for a file that is not that of these digits."""
    image = digits.canvas, digits.canvas
    train, val = digits.stills, digits.held_out_stills
    wanted = {
        "train_images": ((train, *image), np.dtype(np.uint8)),
        "train_labels": ((train,), np.dtype(np.int64)),
        "val_images": ((val, *image), np.dtype(np.uint8)),
        "val_labels": ((val,), np.dtype(np.int64)),
    }
    again = "run `rcn-bench data make-digits` again"
    with refusing(lambda why: InputError(f"{path}: not the stills of these digits ({why}); {again}")):
        with ZipFile(path) as archive:  # before numpy takes the memory that a header asks for
            for name, (shape, kind) in wanted.items():
                with archive.open(f"{name}.npy") as file:
                    np.lib.format.read_magic(file)
                    found, _, dtype = np.lib.format.read_array_header_1_0(file)
                if (found, dtype) != (shape, kind):
                    raise ValueError(f"{name} is {dtype} {found}, not {kind} {shape}")
        with np.load(path) as stored:
            stills = {name: stored[name] for name in wanted}
        labels = np.concatenate([stills["train_labels"], stills["val_labels"]])
        if labels.min() < 0 or labels.max() >= digits.still_classes:
            raise ValueError("a label that is none")
    return stills


@torch.no_grad()
def _accuracy(net: nn.Module, images: Tensor, labels: Tensor, network: str) -> float:
    net.eval()
    scores = torch.cat([net(part).cpu() for part in images.split(256)])
    require_finite_scores(scores, [f"{network} on a held-out still"] * len(scores), "none")
    return float((scores.argmax(1) == labels).float().mean())


def _as_rgb(images: Frames) -> Frames:
    """Grey (N, H, W) to (N, H, W, 3)."""
    return np.repeat(images[..., None], 3, axis=3)
