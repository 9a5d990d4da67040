"""Folders of numbered pictures: one video, whose frames come in the order of their numbers."""

import os

import numpy as np
import pytest
from broken import number_of, numbered
from PIL import Image

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.check import check_videos
from rcn_bench.data.examine import decode, examine
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.media.medium import NOT_THERE, UnreadableVideo
from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import Span

FRAMES = numbered(40)


def write_pictures(folder, names, pictures=FRAMES):
    """A picture for each name, which shows its place among them."""
    folder.mkdir(parents=True)
    for name, pixels in zip(names, pictures, strict=False):
        Image.fromarray(pixels).save(folder / name)
    return folder


def shown(frames):
    return [number_of(image) for image in frames]


@pytest.mark.parametrize(
    "name", ["{:05d}.jpg", "frame{}.png", "img_{:05d}.JPEG", "v_X_g01_c2_{}.jpg", "{}_left.png", "in10/{:02d}.png"]
)
@pytest.mark.parametrize("first", [0, 1, 8])
def test_pictures_come_in_the_order_of_their_numbers(tmp_path, name, first):
    folder, name = tmp_path / os.path.dirname(name) / "12", os.path.basename(name)
    write_pictures(folder, [name.format(first + i) for i in range(12)])
    assert shown(decode(folder)) == list(range(12))
    assert shown(decode(str(folder), short_side=24)) == list(range(12))


def test_every_nth_frame_is_a_video_too(tmp_path):
    write_pictures(tmp_path / "a", [f"{5 * i + 1:05d}.jpg" for i in range(8)])
    assert (examine(tmp_path / "a").decoding, examine(tmp_path / "a").frames) == ("ok", 8)


@pytest.mark.parametrize(
    ("rate", "asked", "numbers"), [(12, 6, range(0, 20, 2)), (12, 12, range(20)), (30, 10, range(0, 20, 3))]
)
def test_their_times_are_those_of_the_given_rate(tmp_path, rate, asked, numbers):
    write_pictures(tmp_path / "a", [f"{i}.png" for i in range(20)])
    footage = Footage(str(tmp_path / "a"), rate=rate)
    assert shown(decode(footage, frame_rate=asked)) == list(numbers)


def test_what_lies_beside_the_pictures_is_left_out(tmp_path):
    folder = write_pictures(tmp_path / "a", [f"img_{i:05d}.jpg" for i in range(6)])
    for name in ("flow_x_00001.jpg", "flow_y_00001.jpg", ".00007.jpg", "cover.jpg", "img_00009.txt", "._img_00002.jpg"):
        (folder / name).write_bytes(b"none")
    (folder / "00008.jpg").mkdir()
    assert shown(decode(folder)) == list(range(6))
    assert examine(folder).decoding == "ok"


@pytest.mark.parametrize(
    ("numbers", "decoding", "detail"),
    [
        ([*range(1, 7), 8, *range(9, 30)], "warnings", "1 of 29 pictures are missing, the first behind 00006.jpg"),
        ([*range(1, 7), *range(10, 30)], "truncated", "3 of 29 pictures are missing, the first behind 00006.jpg"),
    ],
)
def test_gaps_in_the_numbers_are_told(tmp_path, numbers, decoding, detail):
    write_pictures(tmp_path / "a", [f"{number:05d}.jpg" for number in numbers])
    found = examine(tmp_path / "a")
    assert (found.decoding, found.detail, found.frames, found.claimed) == (decoding, detail, len(numbers), 29)
    footage = Footage(str(tmp_path / "a"), rate=12)
    if decoding == "warnings":
        assert shown(decode(footage, frame_rate=12)) == [*range(6), 5, *range(6, 28)]  # what is missing takes its time


def test_pictures_of_two_sequences_or_of_one_number_are_refused(tmp_path):
    two = write_pictures(tmp_path / "a", ["left_1.png", "left_2.png", "right_1.png"])
    with pytest.raises(UnreadableVideo, match="pictures of 2 sequences, left_#, right_#; keep one of them"):
        decode(two)
    twice = write_pictures(tmp_path / "b", ["1.png", "2.png", "02.png"])
    with pytest.raises(UnreadableVideo, match=r"02\.png and 2\.png have the same number"):
        decode(twice)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (lambda whole: whole[: len(whole) // 2], r"3\.jpg: .*truncated"),
        (lambda whole: b"", r"3\.jpg: not a picture"),
        (lambda whole: b"<html>gone</html>", r"3\.jpg: not a picture"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(tmp_path, content, what):
    folder = write_pictures(tmp_path / "a", [f"{i}.jpg" for i in range(6)])
    (folder / "3.jpg").write_bytes(content((folder / "3.jpg").read_bytes()))
    assert examine(folder).decoding == "unreadable"
    with pytest.raises(UnreadableVideo, match=what):
        decode(folder)


def test_pictures_of_different_sizes_and_of_more_than_8_bits_are_refused(tmp_path):
    sizes = write_pictures(tmp_path / "a", ["1.png", "2.png"], [FRAMES[0], FRAMES[1][:-2]])
    assert (examine(sizes).decoding, examine(sizes).detail) == ("unreadable", "frames of different sizes")
    deep = write_pictures(tmp_path / "b", ["1.png"], [np.zeros((8, 8), np.uint16)])
    assert examine(deep).detail == "1.png: pixels of more than 8 bits"


def test_pictures_are_shown_as_they_are_to_be_held(tmp_path):
    """A camera's EXIF says so, as a video file's display matrix does."""
    (tmp_path / "a").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    for number in range(3):
        lying = Image.fromarray(np.ascontiguousarray(np.rot90(FRAMES[number])))
        lying.save(tmp_path / "a" / f"{number}.png", exif=exif)
    frames = decode(tmp_path / "a")
    np.testing.assert_array_equal(frames, FRAMES[:3])
    found = examine(tmp_path / "a")
    assert (found.height, found.width) == FRAMES.shape[1:3]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_pictures_of_other_modes_come_as_rgb(tmp_path, mode):
    (tmp_path / "a").mkdir()
    for number in range(3):
        Image.fromarray(FRAMES[number]).convert(mode).save(tmp_path / "a" / f"{number}.png")
    frames = decode(tmp_path / "a")
    assert frames.shape == (3, *FRAMES.shape[1:])
    assert shown(frames) == [0, 1, 2]


def test_a_folder_without_numbered_pictures_is_missing(tmp_path):
    write_pictures(tmp_path / "a", ["cover.png"])
    found = examine(tmp_path / "a")
    assert (found.decoding, found.detail) == ("missing", "a folder without numbered JPEG or PNG pictures")
    assert stamp(tmp_path / "a") == NOT_THERE


def test_without_their_rate_they_are_not_asked_for_times(tmp_path):
    folder = write_pictures(tmp_path / "a", [f"{i}.png" for i in range(4)])
    for call in (
        lambda: decode(folder, frame_rate=12),
        lambda: examine(Footage(str(folder), Span(0, 0.2))),
    ):
        with pytest.raises(InputError, match=r"a: a folder of pictures .* set data\.pictures_per_second"):
            call()
    assert shown(decode(Footage(str(folder), Span(1, 3, in_frames=True)))) == [1, 2]


def rewritten(path, content):
    """Of the same size and time."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_folder_is_known_again_and_copies_are_found(tmp_path):
    one = write_pictures(tmp_path / "a", [f"{i}.png" for i in range(4)])
    copy = write_pictures(tmp_path / "b", [f"frame_{i:03d}.png" for i in range(4)])
    before = stamp(one)
    assert stamp(one) == before
    assert examine(one).content == examine(copy).content
    os.utime(one / "1.png", (1, 1))  # not the newest
    assert stamp(one) != before
    before = stamp(one)
    (one / "3.png").rename(one / "4.png")
    assert stamp(one) != before
    rewritten(copy / "frame_000.png", (copy / "frame_001.png").read_bytes())
    assert examine(one).content != examine(copy).content


@pytest.fixture
def data_set(tmp_path):
    """Three folders of pictures, one of them broken, and their list."""
    write_pictures(tmp_path / "videos" / "1", [f"{i:05d}.jpg" for i in range(1, 13)])
    write_pictures(tmp_path / "videos" / "2", [f"{i:05d}.jpg" for i in range(1, 9)], FRAMES[20:])
    write_pictures(tmp_path / "videos" / "3", ["00001.jpg", "00009.jpg", "00010.jpg"])
    (tmp_path / "all.csv").write_text("path,label\n1,up\n2,down\n3,up\n")
    return tmp_path


def source_of(folder, **storage):
    names = "all.csv", "videos", "cache.json", "report.csv"
    return Source(*(folder / name for name in names), storage=Storage(**storage), max_bad=0.5)


def test_they_are_checked_and_cached(data_set, monkeypatch):
    root = data_set / "videos"
    found = check_videos(read_list(data_set / "all.csv", root), root, data_set / "check.csv", workers=1)
    assert [(one.verdict, one.frames) for one in found] == [("ok", 12), ("ok", 8), ("truncated", 3)]
    source = source_of(data_set, frame_rate=6, pictures_per_second=12)
    build_cache(source, progress=lambda line: None)
    cache = Cache(source.index)
    assert [shown(cache.frames(video)) for video in cache.videos] == [list(range(0, 12, 2)), list(range(20, 28, 2))]
    build_cache(source_of(data_set, frame_rate=6, pictures_per_second=24), progress=lambda line: None)
    cache = Cache(source.index)
    assert [shown(cache.frames(video)) for video in cache.videos] == [[0, 4, 8], [20, 24]]


def test_frames_of_a_folder_that_was_emptied_are_kept(data_set):
    source = source_of(data_set)
    build_cache(source, progress=lambda line: None)
    before = Cache(source.index)
    frames = before.frames(before.videos[0])
    for picture in (data_set / "videos" / "1").iterdir():
        picture.unlink()
    (data_set / "all.csv").write_text("path,label\n1,up\n2,down\n")
    build_cache(source_of(data_set), progress=lambda line: None)
    after = Cache(source.index)
    np.testing.assert_array_equal(after.frames(after.videos[0]), frames)


def test_a_cache_at_a_rate_needs_that_of_the_pictures(data_set):
    with pytest.raises(InputError, match=r"videos/1: .* set data\.pictures_per_second"):
        build_cache(source_of(data_set, frame_rate=6), progress=lambda line: None)
