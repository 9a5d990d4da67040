"""How verdicts are counted, in the check and in the cache alike."""

import pytest
from broken import write
from lookalikes import TEXT, picture

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.findings import Finding, read_report
from rcn_bench.data.judge import Tally
from rcn_bench.data.review import review_videos
from rcn_bench.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """A class folder of two videos, a text, a picture and a broken video; a CSV that names the text, too."""
    (tmp_path / "all" / "up").mkdir(parents=True)
    for frames, name in ((10, "a.mp4"), (11, "b.mp4")):
        write(tmp_path / "all" / "up" / name, frames)
    (tmp_path / "all" / "up" / "README.txt").write_text(TEXT)
    picture(tmp_path / "all" / "up" / "a.jpg")
    (tmp_path / "all" / "up" / "c.mp4").write_bytes(b"404 not found")
    (tmp_path / "all.csv").write_text("path,label\nall/up/a.mp4,up\nall/up/README.txt,up\n")
    return tmp_path


def checked(folder, source, max_bad):
    """What is said, up to the refusal if there is one."""
    said = []
    try:
        review_videos(folder / source, folder, folder / "check.csv", max_bad=max_bad, workers=0, progress=said.append)
    except InputError as error:
        said.append(f"refused: {error}")
    return "\n".join(said)


def test_the_check_counts_what_is_no_video_by_itself(folder):
    said = checked(folder, "all", 0.33)
    assert "refused" in said
    assert "1 of 3 videos cannot be used, more than --max-bad 33.00%; the first is" in said
    assert "5 videos: 2 not a video, 2 ok, 1 unreadable; the first that is not a video is" in said
    assert "refused" not in checked(folder, "all", 0.34)
    verdicts = {one.id.rpartition("/")[2]: one.verdict for one in read_report(folder / "check.csv").values()}
    assert verdicts == {
        "README.txt": "not a video", "a.jpg": "not a video", "a.mp4": "ok", "b.mp4": "ok", "c.mp4": "unreadable",
    }  # fmt: skip


def test_a_list_that_names_one_is_told_so(folder):
    said = checked(folder, "all.csv", 0)
    assert "refused" not in said
    assert "the first that is not a video is" in said
    assert "README.txt (tty, Tele-typewriter)" in said


def test_a_list_of_no_video_is_refused(folder):
    (folder / "all.csv").write_text("path,label\nall/up/README.txt,up\n")
    assert "none of 1 files is a video; the first is" in checked(folder, "all.csv", 1).rpartition("refused")[2]


def test_the_cache_counts_what_is_no_video_by_itself(folder):
    said = []

    def build(max_bad, source="all"):
        source = Source(folder / source, folder, folder / "c.json", folder / "check.csv", max_bad=max_bad)
        build_cache(source, progress=said.append)
        return Cache(source.index)

    with pytest.raises(InputError, match=r"1 of 3 videos cannot be used, more than data\.max_bad = 0\.33 allows"):
        build(0.33)
    cache = build(0.34)
    assert [video.id.rpartition("/")[2] for video in cache.videos] == ["a.mp4", "b.mp4"]
    assert [video.id.rpartition("/")[2] for video in cache.skipped] == ["c.mp4"]
    assert "5 videos: 2 not a video, 2 ok, 1 unreadable; the first that is not a video is" in said[-1]
    (folder / "all.csv").write_text("path,label\nall/up/README.txt,up\n")
    with pytest.raises(InputError, match=r"none of its videos can be used; the first is .*README\.txt: not a video \("):
        build(1, "all.csv")


def test_the_tally_names_the_first_bad_one():
    tally = Tally()
    for path, verdict in (("a.txt", "not a video"), ("b.mp4", "ok"), ("c.mp4", "empty"), ("d.mp4", "missing")):
        tally.add(Finding("", "", verdict, path, ""))
    assert (tally.videos, tally.bad, tally.first_bad) == (3, 2, "the first is c.mp4: empty")
    assert str(tally).startswith("4 videos: 1 not a video, 1 ok, 1 empty, 1 missing; the first that is not a video is ")
