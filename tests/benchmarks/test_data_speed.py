"""Clips from the cache, beside decoding them anew from the videos or reading each by itself; batches of two workers."""

from functools import partial
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from footage import write_footage
from PIL import Image

from rcn_bench.data.batches import TrainingBatches
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.writing import examine_and_store
from rcn_bench.data.clips import EpochOrder, EvaluationClips, TrainingClips
from rcn_bench.data.crops import centre_crop, cut
from rcn_bench.data.examine import Examination, examine
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.files import time_of
from rcn_bench.data.media.shown import DecodedPicture, Screen
from rcn_bench.data.transforms import Augmentation

VIDEOS, SECONDS, SHORT_SIDE, FRAME_RATE, FRAMES = 6, 10, 128, 15, 8
CLIPS_EACH = 4  # of every video, a round
WAYS = {"JPEG": 90, "bytes": None}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder of videos as Kinetics has them, and their list."""
    folder = tmp_path_factory.mktemp("videos")
    for i in range(VIDEOS):
        write_footage(folder / f"{i}.mp4", seed=i, seconds=SECONDS)
    (folder / "list.csv").write_text("path,label\n" + "".join(f"{i}.mp4,{i % 2}\n" for i in range(VIDEOS)))
    return folder


@pytest.fixture(scope="module")
def caches(videos):
    made = {}
    for way, quality in WAYS.items():
        source = Source(videos / "list.csv", videos, videos / f"{way}.json", videos / "check.csv")
        source = Source(**source.__dict__ | {"storage": Storage(SHORT_SIDE, FRAME_RATE, quality)})
        build_cache(source, progress=lambda line: None)
        made[way] = Cache(source.index)
    return made


def starts(video: int) -> list[int]:
    return np.random.default_rng(video).integers(0, SECONDS * FRAME_RATE - FRAMES, CLIPS_EACH).tolist()


def from_cache(cache: Cache) -> None:
    for number, video in enumerate(cache.videos):
        for start in starts(number):
            assert len(cache.frames(video, start, start + FRAMES)) == FRAMES


def from_source(folder: Path) -> None:
    """In order from the first frame on, since seeking returns wrong frames in some files; only a clip's are scaled."""
    for number in range(VIDEOS):
        for start in starts(number):
            with av.open(str(folder / f"{number}.mp4")) as container:
                container.streams.video[0].thread_type = "NONE"
                screen = Screen(container.streams.video[0])
                frames = ((time_of(frame), screen.picture(frame)) for frame in container.decode(video=0))
                clip = []
                for tick, (_, picture) in enumerate(at_frame_rate(frames, FRAME_RATE)):
                    if tick >= start:
                        clip.append(picture.rgb(SHORT_SIDE))
                    if len(clip) == FRAMES:
                        break
            assert len(clip) == FRAMES


@pytest.mark.parametrize("way", WAYS)
def test_clips_of_one_core(timed, videos, caches, way):
    torch.set_num_threads(1)
    timed(
        f"{VIDEOS * CLIPS_EACH} clips of {FRAMES} frames, from a cache of {way}",
        f"cache of {way}",
        partial(from_cache, caches[way]),
        subject=True,
        beside={"decoding the source": partial(from_source, videos)},
        rounds=3,
        warmup_rounds=1,
    )


def test_a_video_that_is_stored(timed, videos):
    """What a cache costs a video: beside it the check alone, and storing with PyAV's own scaling of single frames."""
    path = str(videos / "0.mp4")
    timed(
        f"{SECONDS} seconds of video, decoded and judged",
        f"stored as JPEG at {FRAME_RATE} frames a second",
        partial(examine_and_store, path, Storage(SHORT_SIDE, FRAME_RATE, WAYS["JPEG"])),
        subject=True,
        beside={
            "not stored": partial(examine, path),
            "stored, a scaler for each frame": partial(scale_one_by_one, path),
        },
        rounds=5,
        warmup_rounds=1,
    )


def scale_one_by_one(path: str) -> None:
    examination = Examination(path)
    for _, picture in at_frame_rate(examination, FRAME_RATE):
        assert isinstance(picture, DecodedPicture)
        scale = SHORT_SIDE / picture.height
        width, height = round(scale * picture.width), SHORT_SIDE
        image = picture.frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="BILINEAR")
        Image.fromarray(image).save(BytesIO(), "JPEG", quality=WAYS["JPEG"])
    assert examination.finding.decoding == "ok"


@pytest.mark.parametrize("frames", [32, 128])
def test_clips_of_an_evaluation(timed, caches, frames):
    """Ten of a video of 150 frames, which overlap; beside it each is read by itself."""
    torch.set_num_threads(1)
    cache = caches["JPEG"]
    clips = EvaluationClips(cache, ClipLayout(frames, 1), 112, 10)
    timed(
        f"10 clips of {frames} frames of each of {VIDEOS} videos, from a cache of JPEG",
        "read together",
        partial(all_clips, clips),
        subject=True,
        beside={"read one by one": partial(one_by_one, cache, clips)},
        rounds=3,
        warmup_rounds=1,
    )


def all_clips(clips: EvaluationClips) -> None:
    for index in range(len(clips)):
        assert len(clips[index]) == 10


def one_by_one(cache: Cache, clips: EvaluationClips) -> None:
    for video, starts in zip(clips.videos, clips.starts, strict=True):
        whole = [cache.frames(video, start, start + clips.layout.span) for start in starts]
        np.stack([centre_crop(clip, 112) for clip in whole])


def test_boxes_that_leave_the_frame(timed):
    """As those of training do: a view of 112x112 needs a box of 130, and frames are stored with a side of 128."""
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, SHORT_SIDE, SHORT_SIDE, 3), np.uint8)
    side = Augmentation(112, flip=0.5, rotate=5, translate=0.05, scale=(0.95, 1.05)).box
    assert side > SHORT_SIDE
    timed(
        f"boxes of {FRAMES} frames",
        "beyond the frame",
        partial(cut, frames, -3, 2, side),
        subject=True,
        beside={"within it": partial(cut, frames, 0, 0, SHORT_SIDE)},
        rounds=200,
        warmup_rounds=20,
    )


@pytest.mark.parametrize("way", WAYS)
def test_batches_of_two_workers(timed, caches, way):
    """What training asks for: cut, of random videos, in batches of 16."""
    augmentation = Augmentation(112, flip=0.5, rotate=5, translate=0.05, scale=(0.95, 1.05))
    clips = TrainingClips(caches[way], ClipLayout(FRAMES, 1), augmentation, seed=0)
    clips.videos *= 80  # an epoch of 480 clips
    order = EpochOrder(clips)
    batches, alone = (TrainingBatches(order, 16, workers=workers) for workers in (2, 0))
    timed(
        f"batches of 16 clips of {FRAMES} frames, {len(order)} clips from a cache of {way}",
        "two workers",
        partial(exhaust, batches),
        subject=True,
        beside={"this process alone": partial(exhaust, alone)},
        rounds=5,
        warmup_rounds=1,
    )


def exhaust(batches: TrainingBatches) -> None:
    assert sum(1 for _ in batches) == len(batches)
