"""Lists of videos and the files themselves: what is read, and which errors name what."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from rcn_bench import cli
from rcn_bench.data.annotations import Video, read_annotations, video_path
from rcn_bench.data.building import build_cache
from rcn_bench.data.cache import Cache
from rcn_bench.data.check import read_report
from rcn_bench.data.source import Source
from rcn_bench.data.video import UnreadableVideo, decode, write_lossless
from rcn_bench.errors import InputError

HEADER = "label,youtube_id,time_start,time_end,split"


def write_csv(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def grey_video(seed: int, frames: int = 5, height: int = 16, width: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width)).astype(np.uint8)


B = "b_000000_000001"


# Annotations


def test_rows_become_videos_with_kinetics_names(tmp_path):
    path = write_csv(tmp_path / "a.csv", "riding a bike,xyz,7,17,train", '"jump, high",uvw,0,1,val')
    bike, jump = "xyz_000007_000017", "uvw_000000_000001"
    assert read_annotations(path, tmp_path) == [
        Video(bike, "riding a bike", bike, (f"train/{bike}.mp4", f"train/riding a bike/{bike}.mp4")),
        Video(jump, "jump, high", jump, (f"val/{jump}.mp4", f"val/jump, high/{jump}.mp4")),
    ]


def test_plain_lists_name_files_and_labels(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up/a.avi,up,pair", "b.webm,down,pair", header="path,label,group")
    assert read_annotations(path, tmp_path) == [
        Video("up/a.avi", "up", "pair", ("up/a.avi",)),
        Video("b.webm", "down", "pair", ("b.webm",)),
    ]


@pytest.mark.parametrize("place", ["../a.mp4", "/etc/passwd", "up/../../a.mp4"])
def test_paths_cannot_leave_the_folder_of_videos(tmp_path, place):
    path = write_csv(tmp_path / "a.csv", "b.mp4,up", f"{place},up", header="path,label")
    with pytest.raises(InputError, match="leaves the folder of videos") as error:
        read_annotations(path, tmp_path)
    assert f"{path}, line 3: {place}" in str(error.value)


def test_kinetics_labels_cannot_leave_it_either(tmp_path):
    path = write_csv(tmp_path / "a.csv", "../../up,a,0,1,train")
    with pytest.raises(InputError, match="leaves the folder of videos"):
        read_annotations(path, tmp_path)


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
    found = [(video.id, video.label, video.paths) for video in read_annotations(tmp_path / "train", tmp_path)]
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
        read_annotations(tmp_path / "train", tmp_path / "videos")
    with pytest.raises(InputError, match="no videos listed"):
        read_annotations(tmp_path / "train", tmp_path)


def test_group_is_read_where_given(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up,a,0,1,train,pair", "up,b,0,1,train,", header=f"{HEADER},group")
    assert [video.group for video in read_annotations(path, tmp_path)] == ["pair", B]


def test_text_such_as_null_is_a_label_and_not_a_missing_value(tmp_path):
    path = write_csv(tmp_path / "a.csv", "null,NA,0,1,train")
    assert read_annotations(path, tmp_path)[0].label == "null"


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
        read_annotations(path, tmp_path)
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
        read_annotations(path, tmp_path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_annotation_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_annotations(tmp_path / "nowhere.csv", tmp_path)


def test_values_stay_in_their_columns_where_rows_end_in_a_comma(tmp_path):
    path = write_csv(tmp_path / "a.csv", "up,a,0,1,train,", "up,b,0,1,val,")
    assert [video.paths[0].split("/")[0] for video in read_annotations(path, tmp_path)] == ["train", "val"]


@pytest.mark.parametrize("place", ["val/up/a.mp4", "val/a.mp4"])
def test_video_is_found_in_both_layouts(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.touch()
    assert video_path(tmp_path, Video("a", "up", "a", ("val/a.mp4", "val/up/a.mp4"))) == file


# Decoding


def test_decoding_gives_every_frame_in_order(tmp_path):
    levels = np.arange(0, 250, 5, dtype=np.uint8)
    write_lossless(tmp_path / "a.mp4", np.broadcast_to(levels[:, None, None], (50, 16, 16)), 8)
    shown = decode(tmp_path / "a.mp4")
    assert shown.dtype == np.uint8
    assert shown.shape == (50, 16, 16, 3)
    assert np.abs(shown.mean((1, 2, 3)) - levels).max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(32, 48, (16, 24)), (48, 32, (24, 16)), (16, 24, (16, 24)), (8, 20, (16, 40))]
)
def test_short_side_scales_and_keeps_the_aspect_ratio(tmp_path, height, width, expected):
    images = np.full((3, height, width), 60, np.uint8)
    images[:, : height // 2] = 200
    write_lossless(tmp_path / "a.mp4", images, 8)
    shown = decode(tmp_path / "a.mp4", short_side=16)
    assert shown.shape == (3, *expected, 3)
    assert np.abs(shown[:, 1].astype(int) - 200).max() <= 2
    assert np.abs(shown[:, -2].astype(int) - 60).max() <= 2


def test_metadata_in_another_encoding_are_read_over_or_named(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "TITLE"
        stream = container.add_stream("libx264", rate=8)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    assert b"TITLE" in content
    path.write_bytes(content.replace(b"TITLE", b"\xe9\xe8\xe9\xe8\xe9"))
    try:
        outcome = str(decode(path).shape)
    except UnreadableVideo as error:
        outcome = str(error)
    assert outcome in ("(1, 16, 16, 3)", "metadata that are not UTF-8")


# Files that are no readable video


def write_text_file(path: Path) -> None:
    path.write_text("<html>this video is not available</html>\n" * 20)


def write_empty_file(path: Path) -> None:
    path.write_bytes(b"")


def write_audio_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 44100
        for _ in range(5):
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def write_without_its_end(path: Path) -> None:
    write_lossless(path, grey_video(0), 8)
    path.write_bytes(path.read_bytes()[:-300])


def write_with_a_change_of_size(path: Path) -> None:
    parts = []
    for side in (16, 32):
        with av.open(str(path), "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=8)
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            for _ in range(3):
                container.mux(stream.encode(av.VideoFrame(side, side, "yuv420p")))
            container.mux(stream.encode(None))
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))


BAD_FILES = [
    write_text_file,
    write_empty_file,
    write_audio_only,
    write_without_its_end,
    write_with_a_change_of_size,
]


@pytest.mark.parametrize("write", BAD_FILES)
def test_bad_file_is_unreadable_with_a_reason(tmp_path, write):
    write(tmp_path / "a.mp4")
    with pytest.raises(UnreadableVideo, match=r"\w+ \w+") as error:
        decode(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)


def test_odd_names_of_files_pass_through_reports_and_results(tmp_path, capsys):
    """Names are bytes, which need not be text: in a class folder they come as they are."""
    folder = tmp_path / "videos" / "up"
    folder.mkdir(parents=True)
    for name in (b"\xff\xfe.mp4", "ü,\n.mp4".encode()):
        write_lossless(Path(os.fsdecode(os.path.join(os.fsencode(folder), name))), grey_video(0), 8)
    report = tmp_path / "check.csv"
    arguments = ["--annotations", str(tmp_path / "videos"), "--root", str(tmp_path / "videos"), "--workers", "1"]
    assert cli.main(["data", "check", *arguments, "--report", str(report)]) == 0
    assert "2 videos: 1 ok, 1 duplicate" in capsys.readouterr().out
    ids = [video.id for video in read_annotations(tmp_path / "videos", tmp_path / "videos")]
    assert list(read_report(report)) == ids
    source = Source(tmp_path / "videos", tmp_path / "videos", tmp_path / "c.json", tmp_path / "d.csv")
    build_cache(source, progress=lambda line: None)
    assert [video.id for video in Cache(source.index).videos] == ids
