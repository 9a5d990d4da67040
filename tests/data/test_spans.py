"""A listed video that is a span of a file: its frames, its verdict, its place in a cache."""

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from broken import cut_off, number_of, write
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.data.cache import build as building
from rcn_bench.data.cache.build import build_cache, verify_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import need_of
from rcn_bench.data.check import check_videos
from rcn_bench.data.examine import decode, examine
from rcn_bench.data.findings import read_report
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import Span, Video

RATE, FRAMES = 12, 60  # of broken.write
WRITERS = {
    "mp4": write,
    "b_frames.avi": lambda path: write(path, container="avi", codec="mpeg4", codec_options={"bf": "2"}),
    "mkv": lambda path: write(path, container="matroska"),
    "webm": lambda path: write(path, container="webm", codec="libvpx"),
    "ts": lambda path: write(path, container="mpegts"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, make in WRITERS.items():
        make(folder / name)
    return folder


def shown(path, span, **options):
    return [number_of(image) for image in decode(Footage(str(path), span), **options)]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("span", "numbers"),
    [
        (Span(1, 2), range(12, 24)),
        (Span(0.333, 0.667), range(4, 8)),  # a third and two thirds of a second, as lists round them
        (Span(4), range(48, 60)),
        (Span(0, 5), range(60)),
        (Span(4.95, 5), range(0)),
        (Span(7, 19, in_frames=True), range(7, 19)),
        (Span(50, None, in_frames=True), range(50, 60)),
        (Span(59, 60, in_frames=True), range(59, 60)),
    ],
)
def test_the_frames_are_those_of_the_span_in_every_container(files, name, span, numbers):
    if numbers:
        assert shown(files / name, span) == list(numbers)
        assert examine(Footage(str(files / name), span)).frames == len(numbers)
    else:
        with pytest.raises(UnreadableVideo, match=r"too short \(no frame lies in seconds 4.95 to 5\)"):
            shown(files / name, span)


@settings(max_examples=12)
@given(st.lists(st.integers(1, 4999), max_size=4), st.booleans())
def test_spans_that_meet_share_no_frame_and_miss_none(files, thousandths, in_frames):
    cuts = sorted(
        {0, FRAMES if in_frames else 5, *(n * FRAMES // 5000 if in_frames else n / 1000 for n in thousandths)}
    )
    numbers = []
    for start, end in pairwise(cuts):
        footage = Footage(str(files / "mkv"), Span(start, end, in_frames))
        if examine(footage).decoding != "too short":  # between two frames
            numbers += [number_of(image) for image in decode(footage)]
    assert numbers == list(range(FRAMES))


@pytest.mark.parametrize(("rate", "numbers"), [(6, [13, 15, 17, 19]), (4, [13, 16, 19]), (12, range(13, 20))])
def test_a_frame_rate_starts_at_the_first_frame_of_the_span(files, rate, numbers):
    assert shown(files / "mp4", Span(13, 20, in_frames=True), frame_rate=rate) == list(numbers)
    assert shown(files / "mkv", Span(13 / 12, 20 / 12), frame_rate=rate) == list(numbers)


def test_seconds_count_from_the_first_frame(tmp_path):
    write(tmp_path / "late.mkv", 24, container="matroska", times=np.arange(24) + 36)  # begins at 3 s
    assert shown(tmp_path / "late.mkv", Span(0.5, 1)) == list(range(6, 12))


@pytest.mark.parametrize(
    ("span", "decoding", "detail"),
    [
        (Span(3, 2), "too short", "nothing lies in seconds 3 to 2"),
        (Span(3, 3), "too short", "nothing lies in seconds 3 to 3"),
        (Span(-1, 3), "too short", "nothing lies in seconds -1 to 3"),
        (Span(float("nan"), 3), "too short", "nothing lies in seconds nan to 3"),
        (Span(20, 10, in_frames=True), "too short", "nothing lies in frames 20 to 10"),
        (Span(2, 8), "truncated", "ends after 5 seconds, its span is seconds 2 to 8"),
        (Span(30, 40), "truncated", "ends after 5 seconds, its span is seconds 30 to 40"),
        (Span(30), "truncated", "ends after 5 seconds, its span is seconds 30 to the end"),
        (Span(50, 70, in_frames=True), "truncated", "ends after 60 frames, its span is frames 50 to 70"),
        (Span(70, None, in_frames=True), "truncated", "ends after 60 frames, its span is frames 70 to the end"),
        (Span(61, 62, in_frames=True), "too short", "no frame lies in frames 61 to 62"),
        (Span(50, 61, in_frames=True), "warnings", "ends after 60 frames, its span is frames 50 to 61"),
        (Span(3, 5.1), "warnings", "ends after 5 seconds, its span is seconds 3 to 5.1"),
    ],
)
@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_a_span_that_the_file_does_not_hold_has_a_verdict(files, name, span, decoding, detail):
    found = examine(Footage(str(files / name), span))
    assert found.decoding == decoding
    assert found.detail == detail
    assert found.span == str(span)
    if decoding != "warnings":
        with pytest.raises(UnreadableVideo):
            decode(Footage(str(files / name), span))


def test_a_file_is_read_as_far_as_the_span_reaches(tmp_path):
    """What is cut off behind it does not matter, and is not looked at."""
    cut_off(tmp_path / "cut.mp4", 0.5)
    assert examine(str(tmp_path / "cut.mp4")).decoding == "truncated"
    assert shown(tmp_path / "cut.mp4", Span(0, 1)) == list(range(12))
    assert examine(Footage(str(tmp_path / "cut.mp4"), Span(0, 5))).decoding == "truncated"


# A list of spans


def videos_of(*spans, file="mp4"):
    return [Video(f"{file} {span}", "up", file, (file,), span) for span in spans]


def test_spans_of_one_file_are_checked_each_for_itself(files, tmp_path):
    videos = [*videos_of(Span(0, 1), Span(1, 3), Span(2, 9)), Video("all", "up", "all", ("mp4",))]
    (again,) = videos_of(Span(1, 3))
    videos.append(replace(again, id="again"))
    report = tmp_path / "check.csv"
    for _ in range(2):
        found = check_videos(videos, files, report, workers=0)
        assert [(one.verdict, one.frames) for one in found] == [
            ("ok", 12),
            ("ok", 24),
            ("truncated", 36),
            ("ok", 60),
            ("duplicate", 24),
        ]
    assert len({one.sha256 for one in found}) == 1
    assert [one.span for one in read_report(report).values()] == [
        "seconds 0 to 1",
        "seconds 1 to 3",
        "seconds 2 to 9",
        "",
        "seconds 1 to 3",
    ]


def test_a_changed_span_is_examined_again(files, tmp_path):
    (video,) = videos_of(Span(0, 1))
    report = tmp_path / "check.csv"
    assert [one.frames for one in check_videos([video], files, report, workers=0)] == [12]
    longer = replace(video, span=Span(0, 2))
    assert [one.frames for one in check_videos([longer], files, report, workers=0)] == [24]


LIST = """path,label,start,end,start_frame,end_frame
mp4,up,0,1,,
mp4,up,1,2,,
mp4,up,2,3,,
mkv,up,,,5,9
mkv,up,,,9,12
"""


@pytest.fixture
def source(files, tmp_path):
    """Five spans of two files in shards of two, whose files may be removed."""
    root = tmp_path / "videos"
    root.mkdir()
    for name in ("mp4", "mkv"):
        (root / name).write_bytes((files / name).read_bytes())
    (tmp_path / "all.csv").write_text(LIST)
    names = "all.csv", "videos", "cache.json", "report.csv"
    return Source(*(tmp_path / name for name in names), shard_videos=2, max_bad=0.5)


def with_span(source, number, span):
    """A video of the list with another span, under the same name."""
    listed = read_list(source.annotations, source.root)
    listed[number] = replace(listed[number], span=span)
    return replace(source, listed=listed)


def cached(source):
    cache = Cache(source.index)
    return [[number_of(image) for image in cache.frames(video)] for video in cache.videos]


ALL = [list(range(12)), list(range(12, 24)), list(range(24, 36)), list(range(5, 9)), list(range(9, 12))]


def silent(line):
    pass


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_each_span_is_cached_and_its_shard_made_anew_when_it_changes(source, monkeypatch, workers):
    made, write_shard = [], building._write_shard
    monkeypatch.setattr(building, "_write_shard", lambda s, n, *rest: made.append(n) or write_shard(s, n, *rest))
    build_cache(source, workers, progress=silent)
    assert (made, cached(source)) == ([0, 1, 2], ALL)
    build_cache(replace(source), workers, progress=silent)
    assert made == [0, 1, 2]
    build_cache(with_span(source, 3, Span(5, 10, True)), workers, progress=silent)
    assert (made[3:], cached(source)) == ([1], [*ALL[:3], list(range(5, 10)), ALL[4]])
    verify_cache(with_span(source, 3, Span(5, 10, True)), progress=silent)


def test_a_frame_rate_is_kept_within_each_span(source):
    build_cache(replace(source, storage=Storage(frame_rate=4)), progress=silent)
    assert cached(source) == [numbers[::3] for numbers in ALL]


def test_spans_of_a_file_that_is_gone_are_carried_over(source):
    build_cache(source, progress=silent)
    (source.root / "mp4").unlink()
    os.utime(source.root / "mkv", (1, 1))  # beside the third of them, whose shard is made anew
    build_cache(replace(source), progress=silent)
    assert cached(source) == ALL


def test_another_span_of_a_file_that_is_gone_is_not_taken_for_the_one_that_was(source):
    build_cache(source, progress=silent)
    (source.root / "mp4").unlink()
    with pytest.raises(InputError, match="would lose frames of 1 videos"):
        build_cache(with_span(source, 1, Span(1, 3)), progress=silent)
    assert cached(source) == ALL


def test_a_span_that_leaves_the_list_is_not_kept_by_another_of_its_file(source):
    build_cache(source, progress=silent)
    (source.root / "mp4").unlink()
    source.annotations.write_text(LIST.replace("mp4,up,1,2,,\n", ""))
    with pytest.raises(InputError, match="would lose frames of 1 videos"):
        build_cache(replace(source), progress=silent)


def test_the_room_that_spans_take_goes_by_their_length(source):
    need = need_of(source)
    build_cache(source, progress=silent)
    stored = sum(path.stat().st_size for path in source.folder.glob("*.shard"))
    assert 0.9 * stored < need.bytes < 1.1 * stored
