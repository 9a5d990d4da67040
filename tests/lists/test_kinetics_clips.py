"""How long the name of a clip says that it is."""

import pytest

from rcn_bench.lists.clips import claimed_seconds
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import Span, Video


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("up/-abcdefgh_1_000005_000015.mp4", 10),
        ("-abcdefgh_1_000100_000103.webm", 3),
        ("up/abc_000005_000015.mp4", None),
        ("up/-abcdefgh_1_5_15.mp4", None),
        ("up/-abcdefgh_1_000015_000015.mp4", None),
        ("up/v_ApplyEyeMakeup_g01_c01.avi", None),
        ("up/a.mp4", None),
    ],
)
def test_a_file_counts_whose_name_is_spelled_as_kinetics_does(path, seconds):
    assert claimed_seconds(Video(path, "up", path, (path,))) == seconds
    assert claimed_seconds(Video(path, "up", path, (path,), Span(2, 3))) is None


def test_a_row_of_kinetics_says_it(tmp_path):
    rows = "label,youtube_id,time_start,time_end,split\nup,abc,5,15,train\nup,abc,7,9,train\n"
    (tmp_path / "all.csv").write_text(rows)
    assert [claimed_seconds(video) for video in read_list(tmp_path / "all.csv", tmp_path)] == [10, 2]
