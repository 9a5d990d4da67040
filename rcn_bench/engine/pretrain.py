"""Pretraining of the 2D networks on stills, the stand-in for ImageNet where no ImageNet weights can be had."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from rcn_bench.data.transforms import Augmentation, centre_crop, cut, to_input, warp
from rcn_bench.data.video import Frames
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.optimisation import epoch_rates, parameter_groups, train_one_epoch
from rcn_bench.engine.training_step import Autocast, TrainingStep
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config
from rcn_bench.files import write_bytes, write_json
from rcn_bench.layout import Layout
from rcn_bench.models.network2d import network2d
from rcn_bench.provenance import provenance


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


def pretrain(network: str, config: Config, layout: Layout) -> None:
    """Train a 2D network (resnet18, ..., googlenet) on the embedded stills; writes its weights and a .json beside them.

    The .json holds the accuracy on held-out stills. Errors: InputError if the stills are not there.
    """
    if not layout.stills.is_file():
        raise InputError(f"{layout.stills}: no stills here; run `rcn-bench data make-digits` first")
    settings, device = config["pretrain"], pick_device()
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(config["data"]["digits"]["seed"])
    crop, stills, augmentation = config["clip"]["crop"], np.load(layout.stills), Augmentation.of(config)
    batches = _Stills(
        stills["train_images"],
        stills["train_labels"],
        settings["batch_size"],
        augmentation,
        config["data"]["digits"]["seed"],
    )
    classes = len(config["data"]["digits"]["digits"])
    net = place(network2d(network, classes, stem_pool=config["stem_pool"]), device)
    optimizer = torch.optim.SGD(
        parameter_groups(net, settings["weight_decay"], 0.0), settings["lr"], settings["momentum"], fused=True
    )
    step = TrainingStep(
        net, optimizer, Autocast("none", device), lambda boxes, maps: warp(boxes, maps, crop).squeeze(2)
    )

    seconds = 0.0
    for epoch in range(settings["epochs"]):
        name = f"{network} on stills, epoch {epoch + 1}/{settings['epochs']}"
        rates = epoch_rates(settings["lr"], epoch, settings["epochs"], len(batches), settings["warmup"], "cosine")
        metrics = train_one_epoch(step, batches, rates, name)
        seconds += metrics["seconds"]
        print(f"{name} " + " ".join(f"{k} {v:.4g}" for k, v in metrics.items()), flush=True)

    held_out = torch.from_numpy(centre_crop(_as_rgb(stills["val_images"]), crop)).unsqueeze(1).to(device)
    held_out = to_input(held_out).squeeze(2)
    accuracy = _accuracy(net, held_out, torch.from_numpy(stills["val_labels"]))
    print(f"{network}: {accuracy:.1%} on {len(held_out)} held-out stills", flush=True)
    path = layout.pretrained(network)
    write_json(
        path.with_suffix(".json"),
        {
            "network": network,
            "task": f"{classes} digits on stills",
            "held_out_accuracy": accuracy,
            "held_out_stills": len(held_out),
            "training_seconds": round(seconds, 3),
            "config": config,
            **provenance(),
        },
    )
    write_bytes(path, save({key: value.cpu().contiguous() for key, value in net.state_dict().items()}))


@torch.no_grad()
def _accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    net.eval()
    predicted = torch.cat([net(part).argmax(1).cpu() for part in images.split(256)])
    return float((predicted == labels).float().mean())


def _as_rgb(images: Frames) -> Frames:
    """Grey (N, H, W) to (N, H, W, 3)."""
    return np.repeat(images[..., None], 3, axis=3)
