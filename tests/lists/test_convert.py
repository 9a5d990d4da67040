"""Lists of any format as CSVs of the package's own, which are the same videos."""

import csv
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official import DIVING48, HMDB51, JESTER, KINETICS, MMACTION2, SOMETHING_V2, UCF101, write_lists

from rcn_bench import cli
from rcn_bench.lists.convert import write_own_csv
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import Span, Video


def told(videos, place=lambda video: video.paths[-1]):
    """What a list says of its videos, whatever it calls them."""
    return [(place(video), video.label, video.group, video.span) for video in videos]


@pytest.mark.parametrize(
    ("files", "name", "columns"),
    [
        (UCF101, "trainlist01.txt", ["path", "label", "group"]),
        (HMDB51, "train1", ["path", "label", "group"]),
        (SOMETHING_V2, "train.json", ["path", "label", "group"]),
        (JESTER, "jester-v1-train.csv", ["path", "label", "group"]),
        (DIVING48, "Diving48_V2_train.json", ["path", "label", "group", "start_frame", "end_frame"]),
        (KINETICS, "k400.csv", ["path", "label", "group"]),
        (MMACTION2, "ucf101_val_split_1_rawframes.txt", ["path", "label", "group", "start_frame", "end_frame"]),
    ],
)
def test_a_converted_list_names_the_same_videos(tmp_path, capsys, files, name, columns):
    source, root, output = write_lists(tmp_path / "lists", files) / name, tmp_path / "videos", tmp_path / "our.csv"
    videos = read_list(source, root)
    for video in videos:  # each where it is looked for first
        (root / video.paths[0]).parent.mkdir(parents=True, exist_ok=True)
        (root / video.paths[0]).touch()
    assert cli.main(["data", "convert", str(source), "--root", str(root), "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{videos.summary}; written to {output}"
    again = read_list(output, root)
    assert told(again) == told(videos, lambda video: video.paths[0])
    assert (len(lines) > 1) == (again.labels != videos.labels)
    with output.open(newline="") as file:
        assert next(csv.reader(file)) == columns


def test_a_list_is_not_converted_into_itself(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("path,label\na.mp4,up\n")
    arguments = ["data", "convert", str(tmp_path / "a.csv"), "--root", str(tmp_path)]
    assert cli.main([*arguments, "--output", str(tmp_path / "a.csv")]) == 2
    assert "the list itself; give --output another name" in capsys.readouterr().err
    assert cli.main([*arguments, "--output", str(tmp_path / "b.csv"), "--format", "ucf101"]) == 2
    assert "a.csv: not a list of data.format ucf101" in capsys.readouterr().err
    assert not (tmp_path / "b.csv").exists()


@pytest.mark.parametrize("name", [b"up/\xff.mp4", b"up/a\\b.mp4", b"up/a.mp4 ", b" up/a.mp4"])
def test_a_name_that_a_csv_cannot_hold_is_refused(tmp_path, capsys, name):
    file = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(os.path.dirname(file))
    open(file, "wb").close()
    output = tmp_path / "our.csv"
    assert cli.main(["data", "convert", str(tmp_path), "--root", str(tmp_path), "--output", str(output)]) == 2
    complaint = capsys.readouterr().err
    assert "a CSV cannot hold this name" in complaint
    assert complaint.count("\n") == 1
    assert not output.exists()


def test_what_is_not_there_is_told(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("path,label\na.mp4,up\nb.mp4,up\n")
    (tmp_path / "b.mp4").touch()
    arguments = ["data", "convert", str(tmp_path / "a.csv"), "--output", str(tmp_path / "our.csv"), "--root"]
    assert cli.main([*arguments, str(tmp_path)]) == 0
    assert "1 of 2 videos are not there, such as a.mp4\n" in capsys.readouterr().out
    assert cli.main([*arguments, str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such video folder; check --root" in capsys.readouterr().err
    assert cli.main([*arguments[:-3], "--output", str(tmp_path), "--root", str(tmp_path)]) == 2
    assert "a folder; give --output the name of a file" in capsys.readouterr().err


texts = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" ,;\"'[]#&()"), min_size=1, max_size=12)
names = texts.map(str.strip).filter(lambda text: text.strip(".") and "/" not in text and "\\" not in text)
times = st.floats(0, 1e6, allow_subnormal=False)
spans = st.none() | st.one_of(
    st.tuples(times, times).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Span(*ends)),
    times.filter(bool).map(lambda start: Span(start, None)),
    st.tuples(st.integers(0, 1000), st.integers(1, 1000)).map(lambda at: Span(at[0], sum(at), in_frames=True)),
)
videos = st.builds(
    lambda path, label, group, span: Video(f"{path} {span}", label, group, (path,), span), *[names] * 3, spans
)


@settings(max_examples=60)
@given(listed=st.lists(videos, min_size=1, max_size=8, unique_by=lambda video: (video.paths, video.span)))
def test_whatever_a_list_says_it_is_read_again_from_the_csv(tmp_path_factory, listed):
    folder = tmp_path_factory.mktemp("lists")
    write_own_csv(listed, folder / "videos", folder / "our.csv")
    assert told(read_list(folder / "our.csv", folder / "videos", "paths")) == told(listed)
