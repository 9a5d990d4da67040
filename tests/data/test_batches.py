"""Training batches are the same however they are made, and errors in a worker keep their one line."""

from itertools import chain, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rcn_bench.data import batches as making
from rcn_bench.data.batches import AHEAD, TrainingBatches, evaluation_batches
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.clips import EpochOrder, EvaluationClips, TrainingClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.device import uploaded
from rcn_bench.errors import InputError, one_line

VIDEOS, SIZE = 11, 2
AUGMENTATION = Augmentation(16, flip=0.5, rotate=10, translate=0.1, scale=(0.8, 1.2))


@pytest.fixture(scope="module", params=[None, 90])
def source(request, tmp_path_factory):
    """A cache of eleven videos in shards of three, as plain bytes and as JPEG."""
    folder = tmp_path_factory.mktemp("batches")
    rng = np.random.default_rng(0)
    for i in range(VIDEOS):
        write_lossless(folder / f"{i:02d}.mp4", rng.integers(0, 256, (9 + i, 20, 24)).astype(np.uint8), 8)
    rows = "".join(f"{i:02d}.mp4,{i % 3}\n" for i in range(VIDEOS))
    (folder / "list.csv").write_text(f"path,label\n{rows}")
    source = Source(folder / "list.csv", folder, folder / "cache.json", folder / "check.csv", shard_videos=3)
    source = Source(**source.__dict__ | {"storage": Storage(jpeg_quality=request.param)})
    build_cache(source, progress=lambda line: None)
    return source


def order_of(source) -> EpochOrder:
    return EpochOrder(TrainingClips(Cache(source.index), ClipLayout(4, 2), AUGMENTATION, seed=3))


def epochs(source, workers, numbers):
    """The batches of some epochs, copied before the next is asked for."""
    order = order_of(source)
    batches = TrainingBatches(order, SIZE, workers=workers)
    made = []
    for order.epoch in numbers:
        made.append([[part.clone() for part in batch] for batch in batches])
        assert len(made[-1]) == len(batches)
    return made


def same(batches, others):
    pairs = zip(chain(*batches), chain(*others), strict=True)
    return len(batches) == len(others) and all(torch.equal(part, other) for part, other in pairs)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
def test_batches_do_not_depend_on_the_workers_or_on_where_training_begins(source):
    whole = epochs(source, 0, range(3))
    assert not same(whole[0], whole[1])
    for workers in (1, 4):
        assert all(map(same, epochs(source, workers, range(3)), whole))
        (resumed,) = epochs(source, workers, [2])
        assert same(resumed, whole[2])


def test_a_batch_is_the_clips_of_its_keys(source):
    (batches,), order = epochs(source, 0, [1]), order_of(source)
    order.epoch = 1
    keys = list(order)
    for number, (boxes, maps, classes) in enumerate(batches):
        expected = [order.clips[key] for key in keys[number * SIZE : (number + 1) * SIZE]]
        for i, (box, view, label) in enumerate(expected):
            assert torch.equal(boxes[i], box)
            assert torch.equal(maps[i], view)
            assert classes[i] == label
    assert (boxes.dtype, maps.dtype, classes.dtype) == (torch.uint8, torch.float32, torch.int64)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_processes_share_every_batch_and_its_order(source, world):
    order = order_of(source)
    whole = [[part.clone() for part in batch] for batch in TrainingBatches(order, 4)]
    for rank in range(world):
        share = TrainingBatches(order, 4, rank=rank, world=world)
        assert len(share) == len(whole) == VIDEOS // 4
        for batch, own in zip(whole, share, strict=True):
            assert all(torch.equal(part[rank::world], own_part) for part, own_part in zip(batch, own, strict=True))


def test_what_is_left_over_is_dropped(source):
    batches = TrainingBatches(order_of(source), SIZE)
    assert len(batches) == len(list(batches)) == VIDEOS // SIZE


def test_memory_is_used_again_only_after_the_next_batch_is_asked_for(source):
    batches = TrainingBatches(order_of(source), SIZE, workers=2)
    places = [batch[0].data_ptr() for batch in batches] + [batch[0].data_ptr() for batch in batches]
    slots = 2 * AHEAD + 1
    assert len(set(places)) == slots
    assert all(first != second for first, second in pairwise(places))


def test_too_little_shared_memory_is_one_line(source, monkeypatch):
    monkeypatch.setattr(making, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match=r"train\.workers: 2 need \d+\.\d kB of shared memory, .* has 1\.0 kB"):
        TrainingBatches(order_of(source), SIZE, workers=2)
    TrainingBatches(order_of(source), SIZE)  # needs none


def test_too_little_shared_memory_for_an_evaluation_is_one_line(source, monkeypatch):
    videos = EvaluationClips(Cache(source.index), ClipLayout(4, 2), 16, 3)
    monkeypatch.setattr(making, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match=r"train\.workers: 2 need \d+\.\d kB of shared memory, .* has 1\.0 kB"):
        evaluation_batches(videos, 2, workers=2)
    evaluation_batches(videos, 2, workers=0)  # needs none


@pytest.mark.parametrize("crop", [16, None])
def test_what_an_evaluation_needs_of_shared_memory_is_its_largest_batch(source, crop):
    videos = EvaluationClips(Cache(source.index), ClipLayout(4, 2), crop, 3)
    assert videos.largest == max(clips.nbytes for clips, _ in evaluation_batches(videos, 1, workers=0))


def test_workers_hand_over_the_same_clips(source):
    videos = EvaluationClips(Cache(source.index), ClipLayout(4, 2), 16, 3)
    alone, made = (list(evaluation_batches(videos, 2, workers)) for workers in (0, 1))
    assert [counts for _, counts in alone] == [counts for _, counts in made]
    assert all(torch.equal(one, other) for (one, _), (other, _) in zip(alone, made, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_shard_is_one_line_that_names_it(source, tmp_path, workers):
    copy = tmp_path / "cache.json"
    copy.write_bytes(source.index.read_bytes())
    (tmp_path / "cache").mkdir()
    for path in source.folder.glob("*.shard"):
        content = bytearray(path.read_bytes())
        content[100] ^= 255
        (tmp_path / "cache" / path.name).write_bytes(content)
    clips = TrainingClips(Cache(copy), ClipLayout(4, 2), AUGMENTATION, seed=3)
    with pytest.raises(InputError) as error:  # noqa: PT012
        order = EpochOrder(clips)
        for order.epoch in range(20):
            list(TrainingBatches(order, SIZE, workers=workers))
    line = one_line(error.value)
    assert "\n" not in line
    assert line.startswith(str(tmp_path / "cache"))
    assert "--verify" in line


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("workers", [0, 3])
def test_batches_reach_a_gpu_unchanged_from_memory_that_it_reads_directly(source, workers):
    order, device = order_of(source), torch.device("cuda")
    batches = TrainingBatches(order, SIZE, workers=workers, pinned=True)
    assert all(part.is_pinned() for part in next(iter(batches)))
    for order.epoch in range(4):
        expected = epochs(source, 0, [order.epoch])[0]
        arrived = []
        for batch in uploaded(batches, device):
            torch.cuda._sleep(2_000_000)  # a step that is not done when the next batch is made
            arrived.append([part.cpu() for part in batch])
        assert same(arrived, expected)


def test_processes_share_the_videos_of_an_evaluation(source):
    videos = EvaluationClips(Cache(source.index), ClipLayout(4, 2), 16, 3)
    shares = [videos.shared(rank, 3) for rank in range(3)]
    assert sum(map(len, shares)) == len(videos) == VIDEOS
    for rank, share in enumerate(shares):
        assert [video.id for video in share.videos] == [video.id for video in videos.videos[rank::3]]
        assert all(torch.equal(share[i], videos[rank + 3 * i]) for i in range(len(share)))
