"""Pretraining of the 2D networks on stills, the stand-in for ImageNet where no ImageNet weights can be had."""

from functools import partial

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from rcn_bench.data.transforms import evaluation_transform, training_transform
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.optimisation import Autocast, learning_rate_factor, parameter_groups, train_one_epoch
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config
from rcn_bench.files import write_bytes, write_json
from rcn_bench.layout import Layout
from rcn_bench.models.network2d import network2d
from rcn_bench.provenance import provenance


class _Stills:
    """Batches of augmented stills in a random order, new in every pass."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch_size: int, transform) -> None:
        self.images, self.labels = _as_rgb(images), torch.from_numpy(labels)
        self.batch_size, self.transform = batch_size, transform

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def __iter__(self):
        order = torch.randperm(len(self.labels))
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            # Augmented in groups of eight: one random map per image would cost more than the training step.
            groups = [self.transform(self.images[group]).transpose(0, 1) for group in chosen.split(8)]
            yield torch.cat(groups), self.labels[chosen]


def pretrain(network: str, config: Config, layout: Layout) -> None:
    """Train a 2D network (resnet18, ..., googlenet) on the embedded stills; writes its weights and a .json beside them.

    The .json holds the accuracy on held-out stills. Errors: InputError if the stills are not there.
    """
    if not layout.stills.is_file():
        raise InputError(f"{layout.stills}: no stills here; run `rcn-bench data make-digits` first")
    settings, device = config["pretrain"], pick_device()
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(config["data"]["digits"]["seed"])
    crop, stills = config["clip"]["crop"], np.load(layout.stills)
    batches = _Stills(
        stills["train_images"],
        stills["train_labels"],
        settings["batch_size"],
        training_transform(crop, config["augment"]),
    )
    classes = len(config["data"]["digits"]["digits"])
    net = place(network2d(network, classes, stem_pool=config["stem_pool"]), device)
    optimizer = torch.optim.SGD(
        parameter_groups(net, settings["weight_decay"], 0.0), settings["lr"], settings["momentum"]
    )
    steps = settings["epochs"] * len(batches)
    factor = partial(learning_rate_factor, steps=steps, warmup=settings["warmup"], schedule="cosine")
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

    seconds = 0.0
    for epoch in range(settings["epochs"]):
        name = f"{network} on stills, epoch {epoch + 1}/{settings['epochs']}"
        metrics = train_one_epoch(net, batches, optimizer, scheduler, Autocast("none", device), name)
        seconds += metrics["seconds"]
        print(f"{name} " + " ".join(f"{k} {v:.4g}" for k, v in metrics.items()), flush=True)

    held_out = evaluation_transform(crop)(_as_rgb(stills["val_images"])).transpose(0, 1).to(device)
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


def _as_rgb(images: np.ndarray) -> Tensor:
    """Grey (N, H, W) to (N, 3, H, W)."""
    return torch.from_numpy(images)[:, None].expand(-1, 3, -1, -1)
