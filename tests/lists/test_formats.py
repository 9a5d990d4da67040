"""Lists of videos: what is read of each format, and which errors name what."""

from pathlib import Path

import pytest

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import Video, video_path

HEADER = "label,youtube_id,time_start,time_end,split"


def write_csv(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


B = "b_000000_000001"


def test_rows_become_videos_with_kinetics_names(tmp_path):
    path = write_csv(tmp_path / "a.csv", "riding a bike,xyz,7,17,train", '"jump, high",uvw,0,1,val')
    bike, jump = "xyz_000007_000017", "uvw_000000_000001"
    assert read_list(path, tmp_path) == [
        Video(bike, "riding a bike", bike, (f"train/{bike}.mp4", f"train/riding a bike/{bike}.mp4")),
        Video(jump, "jump, high", jump, (f"val/{jump}.mp4", f"val/jump, high/{jump}.mp4")),
    ]


def test_plain_lists_name_files_and_labels(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up/a.avi,up,pair", "b.webm,down,pair", header="path,label,group")
    assert read_list(path, tmp_path) == [
        Video("up/a.avi", "up", "pair", ("up/a.avi",)),
        Video("b.webm", "down", "pair", ("b.webm",)),
    ]


@pytest.mark.parametrize("place", ["../a.mp4", "/etc/passwd", "up/../../a.mp4"])
def test_paths_cannot_leave_the_folder_of_videos(tmp_path, place):
    path = write_csv(tmp_path / "a.csv", "b.mp4,up", f"{place},up", header="path,label")
    with pytest.raises(InputError, match="leaves the folder of videos") as error:
        read_list(path, tmp_path)
    assert f"{path}, line 3: {place}" in str(error.value)


def test_kinetics_labels_cannot_leave_it_either(tmp_path):
    path = write_csv(tmp_path / "a.csv", "../../up,a,0,1,train")
    with pytest.raises(InputError, match="leaves the folder of videos"):
        read_list(path, tmp_path)


def test_every_file_in_a_folder_of_classes_is_taken_for_a_video(tmp_path):
    for name in (
        "train/up/b.mp4",
        "train/up/deep/a.avi",
        "train/down/notes.txt",
        "train/.hidden/c.mp4",
        "val/up/d.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "train" / "list.csv").touch()
    (tmp_path / "train" / "up" / ".DS_Store").touch()
    (tmp_path / "train" / "up" / "gone.mp4").symlink_to("/nowhere/gone.mp4")
    found = [(video.id, video.label, video.paths) for video in read_list(tmp_path / "train", tmp_path)]
    assert found == [
        ("train/down/notes.txt", "down", ("train/down/notes.txt",)),
        ("train/up/b.mp4", "up", ("train/up/b.mp4",)),
        ("train/up/deep/a.avi", "up", ("train/up/deep/a.avi",)),
        ("train/up/gone.mp4", "up", ("train/up/gone.mp4",)),
    ]


def test_a_folder_of_classes_must_lie_below_the_folder_of_videos(tmp_path):
    (tmp_path / "train" / "up").mkdir(parents=True)
    (tmp_path / "videos").mkdir()
    with pytest.raises(InputError, match=r"data\.videos"):
        read_list(tmp_path / "train", tmp_path / "videos")
    with pytest.raises(InputError, match="no videos listed"):
        read_list(tmp_path / "train", tmp_path)


def test_group_is_read_where_given(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up,a,0,1,train,pair", "up,b,0,1,train,", header=f"{HEADER},group")
    assert [video.group for video in read_list(path, tmp_path)] == ["pair", B]


def test_text_such_as_null_is_a_label_and_not_a_missing_value(tmp_path):
    path = write_csv(tmp_path / "a.csv", "null,NA,0,1,train")
    assert read_list(path, tmp_path)[0].label == "null"


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        (["up,a,0,1,train", "up,b,zero,1,train"], 3, "whole seconds"),
        (["up,a,0,1.5,train"], 2, "whole seconds"),
        (["up,a,0,1,train", "up,b,0,1,train", "down,a,0,1,train"], 4, "twice"),
        (["up,a,0,1,train", ",b,0,1,train"], 3, "no value for label"),
        (["up,a,0,1"], 2, "no value for split"),
        (["up,a,0,1,train", "up,b,0,1,train,more"], 3, "fields"),
        (["up,a,0,1,train", "", "up,b,zero,1,train"], 4, "whole seconds"),
    ],
)
def test_bad_row_is_one_line_with_file_and_line(tmp_path, rows, line, reason):
    path = write_csv(tmp_path / "a.csv", *rows)
    with pytest.raises(InputError, match=reason) as error:
        read_list(path, tmp_path)
    message = str(error.value)
    assert str(path) in message
    assert f"line {line}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "CSV"),
        (f"{HEADER}\n".encode(), "no videos listed"),
        (b"label,youtube_id,time_start,split\nup,a,0,train\n", "time_end"),
        (b"\xff\xfe\x00\x01", "not a CSV"),
    ],
)
def test_bad_file_is_one_line_with_its_name(tmp_path, content, reason):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        read_list(path, tmp_path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_annotation_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_list(tmp_path / "nowhere.csv", tmp_path)


def test_values_stay_in_their_columns_where_rows_end_in_a_comma(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up,a,0,1,train,", "up,b,0,1,val,")
    assert [video.paths[0].split("/")[0] for video in read_list(path, tmp_path)] == ["train", "val"]


@pytest.mark.parametrize("place", ["val/up/a.mp4", "val/a.mp4"])
def test_video_is_found_in_both_layouts(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.touch()
    assert video_path(tmp_path, Video("a", "up", "a", ("val/a.mp4", "val/up/a.mp4"))) == file
