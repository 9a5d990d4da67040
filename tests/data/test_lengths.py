"""What a list says of the length of its videos: one that is far shorter is half of one."""

import pytest
from broken import write

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.findings import read_report
from rcn_bench.data.lengths import Lengths
from rcn_bench.data.review import review_videos
from rcn_bench.errors import InputError
from rcn_bench.lists.video import Video


def clip(start, end):
    return Video("a", "up", "a", (f"train/abc_{start:06d}_{end:06d}.mp4",), loose=True)


@pytest.mark.parametrize(
    ("seconds", "claimed", "is_cut"),
    [(10, 10, False), (300, 10, False), (7, 10, False), (6, 10, True), (0.4, 1, False), (1.9, 3, True), (0, 10, False)],
)
def test_a_video_may_be_a_little_shorter_than_its_list_says_or_longer(seconds, claimed, is_cut):
    """Of one without times nothing is known."""
    video = clip(5, 5 + claimed)
    missing = Lengths([(video, seconds)]).missing(video, seconds)
    assert missing == (f"{seconds:.1f} s of the {claimed} that its list says" if is_cut else "")


@pytest.mark.parametrize(("short", "believed"), [(5, True), (6, False)])
def test_a_list_most_of_whose_videos_are_shorter_is_not_believed(short, believed):
    """It is of another cut of the data set: all its videos would be half ones."""
    video = clip(0, 10)
    lengths = Lengths([(video, 3.0)] * short + [(video, 10.0)] * (10 - short))
    assert (lengths.missing(video, 3.0) != "", lengths.remark == "") == (believed, believed)
    if not believed:
        assert lengths.remark == "6 of 10 videos are far shorter than the list says, so it is not believed"


def write_clips(folder, *frames):
    """A list of Kinetics with clips of ten seconds, of which so many frames at 12 a second are there."""
    (folder / "train").mkdir()
    rows = ["label,youtube_id,time_start,time_end,split"]
    for number, count in enumerate(frames):
        write(folder / "train" / f"v{number:02d}_000005_000015.mp4", count, codec="mpeg4")
        rows.append(f"run,v{number:02d},5,15,train")
    (folder / "all.csv").write_text("\n".join(rows) + "\n")
    return folder / "all.csv", folder


def built(annotations, root, **options):
    """The cache, and what was said."""
    said = []
    source = Source(annotations, root, root / "c.json", root / "check.csv", **options)
    build_cache(source, progress=said.append)
    return Cache(source.index), said


def test_a_clip_far_shorter_than_its_name_says_is_truncated(tmp_path):
    annotations, root = write_clips(tmp_path, 60, 119)
    with pytest.raises(InputError, match=r"1 of 2 .*v00_.*\.mp4: truncated \(5\.0 s of the 10 that its list says\)"):
        review_videos(annotations, root, root / "check.csv", workers=0, progress=lambda line: None)
    cache, _ = built(annotations, root, max_bad=0.5)
    assert [video.id for video in cache.videos] == ["v01_000005_000015"]
    (skipped,) = cache.skipped
    assert skipped.reason.endswith("mp4: truncated (5.0 s of the 10 that its list says)")


def test_a_data_set_that_was_cut_otherwise_can_be_used(tmp_path):
    annotations, root = write_clips(tmp_path, *range(12, 24))
    remark = "12 of 12 videos are far shorter than the list says, so it is not believed"
    said = []
    review_videos(annotations, root, root / "check.csv", workers=0, progress=said.append)
    assert remark in said
    assert {one.verdict for one in read_report(root / "check.csv").values()} == {"ok"}
    cache, said = built(annotations, root)
    assert remark in said
    assert len(cache.videos) == 12
