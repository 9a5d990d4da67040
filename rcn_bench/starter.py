"""A config to start from, for videos of one's own: a few models, and Table 2 of them."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rcn_bench.errors import InputError, shown
from rcn_bench.files import Progress, write_text
from rcn_bench.lists.convert import write_own_csv
from rcn_bench.lists.formats import VideoList, read_list
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.video import Video
from rcn_bench.models import model_options
from rcn_bench.plan.config import check_config
from rcn_bench.plan.run import base_model

LOOKED_AT = 20  # videos of a list, whether they are there
MOST_CLIPS = 16  # in a batch
HELD_OUT = 5  # one in so many of a class is for validation, where no list says
VALIDATION = ("val", "validation", "valid", "test")  # what a folder of validation videos is called beside train
CROP, SHORT_SIDE, FRAME_RATE = 112, 128, 15


@dataclass(frozen=True)
class Choice:
    """Which models a config is to train, on clips of how many frames. plugins: modules, imported before."""

    models: Sequence[str]
    frames: int
    plugins: Sequence[str] = ()


@dataclass(frozen=True)
class Lists:
    """Of any format, and the folder that their paths start from. format: of both; None: it is guessed."""

    train: Path
    val: Path
    root: Path
    format: str | None = None


def write_for_lists(file: Path, lists: Lists, choice: Choice, progress: Progress = print) -> None:
    """Write a config for the videos of two lists; what is told of them is a line each.

    Errors: InputError for a file that is there, a list that is bad or none of whose videos is found, a model that
    nobody registers, or values that no config can have.
    """
    _require_new(file)
    train, val = (read_list(each, lists.root, lists.format) for each in (lists.train, lists.val))
    for source, listed in ((lists.train, train), (lists.val, val)):
        progress(listed.summary)
        _require_some(source, listed, lists.root, progress)
    write_text(file, _checked(file, lists, train, len(train.labels), choice))


def write_for_folder(file: Path, folder: Path, choice: Choice, progress: Progress = print) -> None:
    """Write a config for the videos of a folder, which has folders train and val, or else a folder for each class.

    In the second case lists are written beside the config: of every class, one in HELD_OUT is for validation.
    Errors: InputError as from ``write_for_lists``, and for a list that is there.
    """
    _require_new(file)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --videos names the folder of the videos")
    parts = [folder / name for name in ("train", *VALIDATION) if (folder / name).is_dir()]
    if len(parts) > 1 and parts[0].name == "train":
        write_for_lists(file, Lists(parts[0], parts[1], folder), choice, progress)
        return
    listed = read_list(folder, folder)
    progress(listed.summary)
    lists = Lists(file.with_name(f"{file.stem}_train.csv"), file.with_name(f"{file.stem}_val.csv"), folder)
    for path in (lists.train, lists.val):
        _require_new(path, "give it as --train or --val, or remove it")
    held_out = _held_out(listed)
    if not held_out:
        raise InputError(f"{folder}: no class has two videos, one to train on and one for validation; add more")
    of_validation = {video.id for video in held_out}
    train = [video for video in listed if video.id not in of_validation]
    text = _checked(file, lists, train, len(listed.labels), choice)
    try:
        write_own_csv(train, folder, lists.train, progress)
        write_own_csv(held_out, folder, lists.val, progress)
        write_text(file, text)
    except BaseException:  # else the next try would find lists that are there
        for path in (lists.train, lists.val):
            path.unlink(missing_ok=True)
        raise
    progress(
        f"{shown(str(lists.val))}: {len(held_out)} of the {len(listed)} videos, one in {HELD_OUT} of a class, for "
        "validation; if several are cut from one recording, which must not be on both sides, write the two lists "
        "yourself"
    )


def _require_new(file: Path, otherwise: str = "give another name, or remove it") -> None:
    if os.path.lexists(file):
        raise InputError(f"{file}: is there already; {otherwise}")


def _held_out(videos: Sequence[Video]) -> list[Video]:
    """Of a class of fewer than HELD_OUT videos the last one, of a single one none."""
    of_class, so_far = Counter(video.label for video in videos), Counter[str]()
    chosen = []
    for video in videos:
        so_far[video.label] += 1
        number, count = so_far[video.label], of_class[video.label]
        last_of_few = 1 < count < HELD_OUT and number == count
        if last_of_few or number % HELD_OUT == 0:
            chosen.append(video)
    return chosen


def _require_some(source: Path, listed: VideoList, root: Path, progress: Progress) -> None:
    lookup, sample = Lookup(root, listed), listed[:: -(-len(listed) // LOOKED_AT)]
    missing = [video for video in sample if not os.path.exists(lookup.path(video))]
    if len(missing) == len(sample):
        raise InputError(
            f"{source}: none of its videos, such as {missing[0].paths[0]}, is in {root}; name the folder that they "
            "lie in as --videos"
        )
    if missing:
        progress(f"{source}: {len(missing)} of {len(sample)} videos are not there, such as {missing[0].paths[0]}")


def _checked(file: Path, lists: Lists, train: Sequence[Video], classes: int, choice: Choice) -> str:
    """The text of a config, which can be one. train: the videos to train on.

    Errors: InputError for videos of one class, of which nothing can be learned, or values that no config can have.
    """
    if len({video.label for video in train}) < 2:
        raise InputError(
            f"{file}: would train on videos of 1 class, which teaches nothing; a class is a folder or label"
        )
    text = _text(file, lists, train, classes, choice)
    check_config(yaml.safe_load(text), str(file))
    return text


def _text(file: Path, lists: Lists, train: Sequence[Video], classes: int, choice: Choice) -> str:
    models, frames = list(choice.models), choice.frames
    clips = min(MOST_CLIPS, max(2, 1 << (max(len(train) // 4, 1).bit_length() - 1)))  # a power of two
    rate = f"frame_rate: {FRAME_RATE}  # frames a second; left out, all are kept"
    if Lookup(lists.root, train).path(train[0]).is_dir():
        rate = f"# {rate}; folders of pictures need pictures_per_second, too"
    known = {"annotations": {"train": str(lists.train), "val": str(lists.val)}, "videos": str(lists.root)}
    known |= {"format": lists.format} if lists.format else {}
    lines = [
        f"# Your own videos, {len(train)} of {classes} classes to train on. What is left out has its default;",
        f"# `rcn-bench check --defaults --config {shown(shlex.quote(str(file)))}` prints every key.",
        f"name: {_yaml(_name(file))}  # of the folder below results/",
        *([f"plugins: {_yaml(list(choice.plugins))}"] if choice.plugins else []),
        "",
        "data:",
        *(f"  {key}: {_yaml(value)}" for key, value in known.items()),
        f"  short_side: {SHORT_SIDE}  # pixels, at which frames are kept",
        f"  {rate}",
        "  jpeg_quality: 90",
        "  max_bad: 0.01  # the share of videos that may be missing or unreadable",
        "",
        f"clip: {{crop: {CROP}, evaluation_clips: 10}}  # pixels; clips of a video whose scores are averaged",
        "",
        "train:",
        "  epochs: 30  # few videos need more",
        f"  frames_per_batch: {clips * frames}  # {clips} clips of {frames} frames",
        "  lr: 0.01",
        "  warmup: 0.1",
        "  # autocast: bfloat16  # on a GPU, with compile and workers, all of them faster",
        "  # compile: true",
        "  # workers: 4  # processes that read videos",
        "",
        "# pretrained: imagenet  # with imagenet in w_xh below: also from ImageNet weights, which are downloaded",
        "# seeds: [0, 1, 2]  # each run once a seed; one seed cannot order models",
        "models:",
        *(f"  {_yaml(model)}: {_yaml(_starts(model))}" for model in models),
        "",
        "tables:",
        f"  table2: {_yaml({'models': models, 'frames': frames})}",
        "",
        f"profile: {{num_classes: {classes}, size: {CROP}}}  # at which cost is counted",
    ]
    return "\n".join(lines) + "\n"


def _starts(model: str) -> dict[str, list[str]]:
    """From random weights; a recurrent model's w_hh from the identity, as in all of the paper but Table 1."""
    recurs = "w_hh" in model_options(base_model(model))
    return {"w_xh": ["random"]} | ({"w_hh": ["identity"]} if recurs else {})


def _name(file: Path) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", file.stem.lower())


def _yaml(value: Any) -> str:
    """On one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return text.removesuffix("...\n").strip()
