"""Checkpoints, caches, weights, stills, pictures and videos."""

import hashlib
import io
import json
import zlib
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from broken import write
from caches import write_cache
from PIL import Image
from safetensors.torch import save
from torch import nn

import rcn_bench.data.cache.writing as writing
from fuzz.damage import Reader
from fuzz.mutate import ODD_VALUES, damaged, other_values
from rcn_bench.analysis.hidden_state import hidden_matrices
from rcn_bench.code import Code
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import TAIL, ShardFrames, Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.stock import entries
from rcn_bench.data.examine import CHECKER, examine
from rcn_bench.data.findings import Finding
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.engine.pretrain import read_stills
from rcn_bench.engine.resume import MARK, resume, save_checkpoint
from rcn_bench.models.init import read_state_dict
from rcn_bench.plan.sections import Digits
from rcn_bench.plan.stages import Dependencies, changes
from rcn_bench.provenance import Start
from rcn_bench.records.runs import Epoch
from rcn_bench.records.weights import UNSEALED, Card, sealed
from results import an_example

FRAMES = np.random.default_rng(0).integers(0, 256, (6, 16, 24, 3)).astype(np.uint8)


def checkpoint(folder: Path) -> Reader:
    path, identity = folder / "last.pt", Dependencies({"train": {"lr": 0.1}}, Code({"a": "b"}), {"cache": "c"})

    def parts() -> dict[str, Any]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
        return {"model": model, "optimizer": optimizer, "scaler": torch.amp.GradScaler("cpu", enabled=False)}

    def go_on(made: dict[str, Any]) -> list[float]:
        made["optimizer"].zero_grad()
        made["model"](torch.ones(4, 3)).sum().backward()
        made["optimizer"].step()
        return [float(parameter.detach().sum()) for parameter in made["model"].parameters()]

    def read() -> Any:
        made = parts()
        return *resume(path, identity, made), go_on(made)

    examples = []
    for epochs in (1, 2):
        made = parts()
        go_on(made)
        done = [an_example(Epoch, epoch=number + 1) for number in range(epochs)]
        save_checkpoint(path, identity, [an_example(Start)], done, made)
        examples.append(path.read_bytes())
        path.unlink()

    def remake(example: bytes, rng: Random) -> bytes:
        content = example[len(MARK) + 32 :]
        if rng.random() < 0.5:
            content = damaged(content, (), rng)
        else:
            buffer = io.BytesIO()
            torch.save(_other_state(torch.load(io.BytesIO(content)), rng), buffer)
            content = buffer.getvalue()
        return MARK + hashlib.sha256(content).digest() + content

    return Reader("checkpoint", tuple(examples), path, read, remake, share=60)


def _other_state(state: Any, rng: Random) -> Any:
    """With tensors of other shapes and kinds, too."""
    if isinstance(state, torch.Tensor):
        others = [state.double(), state.flatten()[:-1], state[None], torch.empty(0), state.to(torch.int8), state * 2]
        return rng.choice([*others, rng.choice(ODD_VALUES)])
    if isinstance(state, dict) and state and rng.random() < 0.9:
        key = rng.choice(list(state))
        return dict(state) | {key: _other_state(state[key], rng)}
    if isinstance(state, list) and state and rng.random() < 0.9:
        place = rng.randrange(len(state))
        return [*state[:place], _other_state(state[place], rng), *state[place + 1 :]]
    return other_values(state, rng)


def shard(folder: Path, quality: int | None = None) -> Reader:
    path, storage = folder / "00000-0.shard", Storage(jpeg_quality=quality)
    source = Source(folder / "a.csv", folder, folder / "a.json", folder / "report.csv", storage)

    def read() -> Any:
        found = []
        for one in entries(path, source):
            frames, height, width = one.entry["stored"]
            rows = range(one.entry["first"], one.entry["first"] + frames)
            shown = ShardFrames(path, one.table_at, jpeg=one.jpeg).read(rows, height, width)
            found.append((one.finding(folder), one.key, one.stamp, one.read(), shown.tobytes()))
        return found

    def example(*videos: str) -> bytes:
        finding = Finding("", "walk", "ok", "", "ok", frames=3, seconds=0.5, bytes=9, modified=8, checker=CHECKER)
        encode = (lambda frame: writing._jpeg(frame, quality)) if quality else (lambda frame: frame.tobytes())
        stored = writing.StoredVideo(list(map(encode, FRAMES[:3])), 16, 24)
        each = [(replace(finding, id=name, path=str(folder / name)), stored) for name in videos]
        writing.write_shard(path, storage, each, folder)
        return path.read_bytes()

    name = "shard of JPEG" if quality else "shard"
    return Reader(name, (example("a"), example("a", "b")), path, read, _other_shard, share=250)


def _other_shard(example: bytes, rng: Random) -> bytes:
    """Another table, index or frames behind checksums that are right."""
    table_size, index_size, _, mark = TAIL.unpack(example[-TAIL.size :])
    frames, rest = example[: -TAIL.size - index_size - table_size], example[: -TAIL.size][-index_size - table_size :]
    table, index = (
        np.frombuffer(rest[:table_size], [("offset", "<u8"), ("bytes", "<u4"), ("crc32", "<u4")]).copy(),
        rest[table_size:],
    )
    part = rng.choice(["table", "index", "index", "bytes", "frames"])
    if part == "table":
        row, column = rng.randrange(len(table)), rng.choice(["offset", "bytes", "crc32"])
        table[row][column] = rng.choice([0, 1, 2**31, 2**32 - 1, int(table[row][column]) + 1])
    elif part == "index":
        index = json.dumps(other_values(json.loads(index), rng)).encode()
    elif part == "bytes":
        index = damaged(index, (), rng)
    else:
        frames = bytearray(frames)
        for _ in range(rng.choice([1, 4])):
            frames[rng.randrange(min(700, len(frames)))] = rng.randrange(256)
        for row in table:
            row["crc32"] = zlib.crc32(frames[int(row["offset"]) : int(row["offset"]) + int(row["bytes"])])
    content = table.tobytes() + index
    return bytes(frames) + content + TAIL.pack(table.nbytes, len(index), zlib.crc32(content), mark)


def cache_index(folder: Path) -> Reader:
    path = folder / "train.json"
    write_cache(path, [("walk", FRAMES[:3]), ("run", FRAMES)], times=2)

    def read() -> Any:
        cache = Cache(path)
        cache.require_stored(None, None)
        changes(cache._made_from, {"split": "train", "data": {}})
        frames = [cache.frames(video, 1).tobytes() for video in cache.videos[:4]]
        return cache.fingerprint, cache.labels, cache.skipped, cache.videos, frames

    return Reader("cache index", (path.read_bytes(),), path, read, _other_index, share=300)


def _other_index(example: bytes, rng: Random) -> bytes:
    content = {key: value for key, value in json.loads(example).items() if key != "crc32"}
    content = other_values(content, rng)
    checksum = {"crc32": zlib.crc32(json.dumps(content).encode())}
    return json.dumps(content | checksum if isinstance(content, dict) else content).encode()


def weights(folder: Path) -> Reader:
    from rcn_bench.engine.build import load_weights
    from rcn_bench.models import create_model
    from rcn_bench.models.frames import recurrent_layers

    path = folder / "model.safetensors"
    import pocket_models  # noqa: F401 - registers the network

    model = create_model("rcn_pocket", 2)
    known = {"run": "rcn_pocket-t4-xh_random-hh_identity-s0", "labels": ["a", "b"], "plugins": ["pocket_models"]}
    card = an_example(Card, **known, recurrent_layers=recurrent_layers(model))
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    path.write_bytes(sealed(save(state, card.to_metadata())))
    example = path.read_bytes()

    def read() -> Any:
        matrices = [matrix.tobytes() for matrix in hidden_matrices(path)]
        loaded = load_weights(path)
        return loaded.card, matrices, [value.numpy().tobytes() for value in loaded.model.state_dict().values()]

    def remake(example: bytes, rng: Random) -> bytes:
        if rng.random() < 0.7:
            content = other_values(json.loads(card.to_metadata()["card"]), rng)
            if isinstance(content, dict):
                content["sha256"] = UNSEALED.decode()
            return sealed(save(state, {"card": json.dumps(content)}))
        other = _other_state(dict(state), rng)
        named = other.items() if isinstance(other, dict) else ()
        tensors = {str(key): value for key, value in named if isinstance(value, torch.Tensor)}
        return sealed(save({key: value.contiguous() for key, value in tensors.items()}, card.to_metadata()))

    return Reader("weights and their card", (example,), path, read, remake, share=60)


def state_dict(folder: Path, suffix: str) -> Reader:
    path, state = folder / f"w{suffix}", {"a": torch.ones(3, 4), "b": torch.arange(5.0)}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    example = buffer.getvalue() if suffix == ".pth" else save(state)
    read = lambda: {key: value.tolist() for key, value in read_state_dict(path).items()}  # noqa: E731
    return Reader(f"{suffix} of others", (example,), path, read, share=200)


def stills(folder: Path) -> Reader:
    path, sizes = folder / "stills.npz", {"digits": [1, 4], "canvas": 16, "stills": 10, "speed": (0.1, 0.2)}
    digits = Digits(
        **sizes, **dict.fromkeys(("video_frames", "frame_rate", "train_videos", "val_videos"), 8), clutter=0, seed=0
    )

    def save_with(changes: dict[str, Any]) -> bytes:
        images, labels = np.zeros((10, 16, 16), np.uint8), np.arange(10) % 2
        arrays = {"train_images": images, "train_labels": labels, "val_images": images, "val_labels": labels}
        np.savez_compressed(path, **(arrays | changes))
        return path.read_bytes()

    def remake(example: bytes, rng: Random) -> bytes:
        odd = [np.zeros((9, 16, 16), np.uint8), np.arange(10), np.zeros((10, 16, 16)), np.array(None), np.ones((2, 2))]
        return save_with({rng.choice(["train_images", "train_labels", "val_images", "val_labels"]): rng.choice(odd)})

    def read() -> Any:
        return {name: array.tobytes() for name, array in read_stills(path, digits).items()}

    return Reader("stills", (save_with({}),), path, read, remake, share=150)


def picture(folder: Path, suffix: str) -> Reader:
    """In a folder of numbered ones, which is a video."""
    path = folder / f"2{suffix}"
    for number in (1, 2, 3):
        Image.fromarray(FRAMES[number]).save(folder / f"{number}{suffix}")
    return Reader(f"{suffix} in a folder", (path.read_bytes(),), path, partial(_examined, folder), share=80)


def video(folder: Path, container: str, codec: str) -> Reader:
    """In few inputs: each is decoded."""
    path = folder / f"a.{container}"
    content = tuple(write(path, frames, container=_format(container), codec=codec).read_bytes() for frames in (3, 5))
    return Reader(f"video, {container}", content, path, partial(_examined, path), share=10)


def _format(suffix: str) -> str:
    return {"mkv": "matroska", "ts": "mpegts"}.get(suffix, suffix)


def _examined(path: Path) -> Any:
    found = examine(path)
    if found.decoding not in ("ok", "warnings"):
        raise UnreadableVideo(found.detail, found.decoding)
    return asdict(found) | {"modified": 0}


READERS = {
    "checkpoint": checkpoint,
    "shard": shard,
    "shard of JPEG": partial(shard, quality=90),
    "cache index": cache_index,
    "weights and their card": weights,
    ".safetensors of others": partial(state_dict, suffix=".safetensors"),
    ".pth of others": partial(state_dict, suffix=".pth"),
    "stills": stills,
    ".jpg in a folder": partial(picture, suffix=".jpg"),
    ".png in a folder": partial(picture, suffix=".png"),
}
VIDEOS = {
    f"video, {container}": partial(video, container=container, codec=codec)
    for container, codec in {
        "mp4": "libx264", "mkv": "libx264", "webm": "libvpx-vp9", "avi": "mpeg4", "ts": "mpeg2video", "flv": "flv"
    }.items()
}  # fmt: skip
