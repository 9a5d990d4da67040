"""The field's lists as they are published: which videos they name, in which order of classes, and what is refused."""

import json

import pytest
from official import DIVING48, HMDB51, JESTER, KINETICS, MMACTION2, SLOWFAST, SOMETHING_V1, SOMETHING_V2, UCF101
from official import write_lists as write

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import list_files, read_list
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.video import Span, Video


def test_ucf101_has_groups_within_a_class_and_both_spellings_of_handstands(tmp_path):
    videos = read_list(write(tmp_path, UCF101) / "trainlist01.txt", tmp_path)
    assert videos.format == "ucf101"
    assert videos.labels == ["ApplyEyeMakeup", "HandstandPushups", "JumpingJack", "JumpRope"]
    assert videos.summary == f"{tmp_path}/trainlist01.txt: ucf101, 4 videos of 3 classes; 1 more have none"
    assert videos[0] == Video(
        "v_ApplyEyeMakeup_g08_c01",
        "ApplyEyeMakeup",
        "ApplyEyeMakeup g08",
        ("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "v_ApplyEyeMakeup_g08_c01.avi"),
    )
    assert [video.group for video in videos] == [
        "ApplyEyeMakeup g08", "ApplyEyeMakeup g08", "HandstandPushups g08", "JumpRope g08",
    ]  # fmt: skip
    assert videos[2].label == "HandstandPushups"
    assert set(videos[2].paths) >= {
        "HandstandPushups/v_HandStandPushups_g08_c01.avi",
        "HandStandPushups/v_HandStandPushups_g08_c01.avi",
        "HandstandPushups/v_HandstandPushups_g08_c01.avi",
    }
    tested = read_list(tmp_path / "testlist01.txt", tmp_path)
    assert [video.label for video in tested] == ["ApplyEyeMakeup", "HandstandPushups"]
    assert tested.labels == videos.labels


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("How_to_run_faster_run_f_cm_np1_ba_med_0.avi", "run How_to_run_faster"),
        ("How_to_run_longer_run_f_cm_np1_ba_med_0.avi", "run How_to_run_longer"),
        ("another.avi", "run another.avi"),
    ],
)
def test_a_recording_of_hmdb51_is_what_stands_before_the_class_last(tmp_path, name, group):
    (tmp_path / "run_test_split1.txt").write_text(f"{name} 1 \n")
    assert [video.group for video in read_list(tmp_path / "train1", tmp_path)] == [group]


def test_hmdb51_is_split_by_the_numbers_in_a_file_a_class(tmp_path):
    write(tmp_path, HMDB51)
    train = read_list(tmp_path / "train1", tmp_path, "hmdb51")
    assert [(video.paths[0], video.label, video.group) for video in train] == [
        ("brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair", "brush_hair April_09"),
        ("brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_1.avi", "brush_hair", "brush_hair April_09"),
        ("clap/#20_Rhythm_clap_u_nm_np1_fr_goo_0.avi", "clap", "clap #20_Rhythm"),
    ]
    tested = read_list(tmp_path / "test1", tmp_path)
    assert (tested.format, tested.labels) == ("hmdb51", ["brush_hair", "clap"])
    assert tested[1].paths[0] == "clap/(HQ)_Rock_&_Roll!_[1];_clap_u_nm_np1_fr_med_1.avi"
    assert list_files(tmp_path / "test1") == [tmp_path / f"{name}_test_split1.txt" for name in ("brush_hair", "clap")]
    assert len(read_list(tmp_path / "test2", tmp_path)) == 1
    with pytest.raises(InputError, match="test3: no such annotation file"):
        read_list(tmp_path / "test3", tmp_path)
    assert list_files(tmp_path / "test3") == []


@pytest.mark.parametrize(
    ("files", "name", "format", "videos", "labels"),
    [
        (
            SOMETHING_V1,
            "something-something-v1-train.csv",
            "something_v1",
            [("100218", "Turning something upside down"), ("24413", "Holding something")],
            ["Holding something", "Turning something upside down", "Burying something in something"],
        ),
        (
            JESTER,
            "jester-v1-validation.csv",
            "jester",
            [("9223", "No gesture")],
            ["Swiping Left", "Drumming Fingers", "No gesture"],
        ),
        (
            SOMETHING_V2,
            "train.json",
            "something_v2",
            [("78687.webm", "Holding something next to something"),
             ("42326.webm", "Putting number of something onto something")],
            ["Approaching something with your camera", "Holding something next to something",
             "Putting number of something onto something"],
        ),
    ],
)  # fmt: skip
def test_lists_with_their_classes_in_a_file_beside(tmp_path, files, name, format, videos, labels):
    found = read_list(write(tmp_path, files) / name, tmp_path)
    assert (found.format, found.labels) == (format, labels)
    assert [(video.paths[0], video.label) for video in found] == videos
    assert [video.id for video in found] == [path.removesuffix(".webm") for path, _ in videos]
    (beside,) = set(list_files(tmp_path / name)) - {tmp_path / name}
    beside.unlink()
    with pytest.raises(InputError, match=f"{beside}: not there; it comes with the lists"):
        read_list(tmp_path / name, tmp_path)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("jester-v1-train.csv", "jester-v1-labels.csv"),
        ("latest-jester-Train.csv", "latest-jester-labels.csv"),
        ("something-something-v2-validation.json", "something-something-v2-labels.json"),
        ("jester-v1-train.csv", "labels.csv"),
        ("mine.json", "labels.json"),
    ],
)
def test_the_file_of_classes_is_named_as_the_list_or_plainly(tmp_path, name, beside):
    if name.endswith("json"):
        files = {name: SOMETHING_V2["validation.json"], beside: SOMETHING_V2["labels.json"]}
    else:
        files = {name: JESTER["jester-v1-train.csv"], beside: JESTER["jester-v1-labels.csv"]}
    assert len(read_list(write(tmp_path, files) / name, tmp_path).labels) == 3
    assert set(list_files(tmp_path / name)) == {tmp_path / name, tmp_path / beside}


def test_a_list_that_is_one_long_line_is_known_at_once(tmp_path):
    entry = {"id": "1", "label": "holding a cup", "template": "Holding [something] next to [something]"}
    entries = [entry | {"id": str(number)} for number in range(20_000)]
    write(tmp_path, SOMETHING_V2 | {"train.json": json.dumps(entries).encode()})
    assert (tmp_path / "train.json").stat().st_size > 1_000_000
    videos = read_list(tmp_path / "train.json", tmp_path)
    assert (videos.format, len(videos)) == ("something_v2", 20_000)
    (tmp_path / "train.json").write_text("x" * 2_000_000)
    with pytest.raises(InputError) as error:
        read_list(tmp_path / "train.json", tmp_path)
    assert len(str(error.value)) < 3000


def test_diving48_names_frames_and_numbers_classes_that_it_does_not_show(tmp_path):
    videos = read_list(write(tmp_path, DIVING48) / "Diving48_V2_train.json", tmp_path)
    assert (videos.format, videos.labels) == ("diving48", [str(number) for number in range(48)])
    assert [(video.paths, video.label, video.group, video.span) for video in videos] == [
        (("_8Vy3dlHg2w_00000.mp4",), "26", "_8Vy3dlHg2w", Span(0, 155, in_frames=True)),
        (("_8Vy3dlHg2w_00001.mp4",), "9", "_8Vy3dlHg2w", Span(0, 127, in_frames=True)),
    ]


@pytest.mark.parametrize("name", ["k400.csv", "k600.csv", "k700.csv", "validate.json"])
def test_kinetics_in_every_dialect_names_the_same_video(tmp_path, name):
    videos = read_list(write(tmp_path, KINETICS) / name, tmp_path)
    assert videos.format == ("kinetics_json" if name.endswith("json") else "kinetics")
    assert (videos[0].id, videos[0].label) == ("---QUuC4vJs_000084_000094", "testifying")


@pytest.mark.parametrize(
    ("files", "name", "expected"),
    [
        (
            MMACTION2,
            "ucf101_val_split_1_rawframes.txt",
            [("ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01", "0", Span(0, 164, in_frames=True)),
             ("YoYo/v_YoYo_g07_c04", "100", Span(0, 154, in_frames=True))],
        ),
        (
            MMACTION2,
            "kinetics_val_videos.txt",
            [("abseiling/0wR5jVB-WPk_000417_000427.mp4", "0", None), ("zumba/zsBAH_cLTvE 1.mp4", "399", None)],
        ),
        (SLOWFAST, "val.csv", [("val/a b,c.mp4", "10", None), ("val/d.mp4", "2", None)]),
        (SLOWFAST, "commas.csv", [("val/a b.mp4", "10", None), ("val/d.mp4", "2", None)]),
    ],
)  # fmt: skip
def test_list_files_of_mmaction2_and_slowfast_are_split_from_the_right(tmp_path, files, name, expected):
    videos = read_list(write(tmp_path, files) / name, tmp_path)
    assert videos.format == "blank_separated"
    assert [(video.paths[0], video.label, video.span) for video in videos] == expected


@pytest.mark.parametrize(
    ("name", "line", "place"),
    [
        ("kinetics400_train_list_videos.txt", "abseiling/a.mp4 0", "videos_train/abseiling/a.mp4"),
        ("sthv1_val_list_rawframes.txt", "100218 45 0", "rawframes_val/100218"),
    ],
)
def test_the_folder_in_which_mmaction2_keeps_what_a_list_names_is_found(tmp_path, name, line, place):
    (video,) = read_list(write(tmp_path, {name: f"{line}\n".encode()}) / name, tmp_path)
    (tmp_path / place).mkdir(parents=True)
    assert Lookup(tmp_path, [video]).path(video) == tmp_path / place
    (tmp_path / video.id).mkdir(parents=True)
    assert Lookup(tmp_path, [video]).path(video) == tmp_path / video.id


def test_whole_paths_count_from_the_folder_of_videos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val.csv").write_text(f"{tmp_path}/videos/a.mp4 3\n{tmp_path}/videos/b/c.mp4 0\n")
    for root in (tmp_path / "videos", tmp_path.joinpath("videos").relative_to(tmp_path)):
        assert [video.id for video in read_list(tmp_path / "val.csv", root)] == ["a.mp4", "b/c.mp4"]
    with pytest.raises(InputError, match="leaves the folder of videos"):
        read_list(tmp_path / "val.csv", tmp_path / "others")


@pytest.mark.parametrize(
    ("beside", "content"),
    [
        ("label_map.txt", b"run\njump\nswim\n"),
        ("classInd.txt", b"1 run\r\n2 jump\r\n3 swim\r\n"),
        ("class_names.json", b'{"\\"jump\\"": 1, "run": 0, "swim": 2}'),  # SlowFast's has such quotes
    ],
)
def test_numbers_of_classes_are_named_by_a_file_beside(tmp_path, beside, content):
    (tmp_path / "val.txt").write_text("a.mp4 1\nb.mp4 0\n")
    assert read_list(tmp_path / "val.txt", tmp_path).labels == ["0", "1"]
    (tmp_path / beside).write_bytes(content)
    videos = read_list(tmp_path / "val.txt", tmp_path)
    assert [video.label for video in videos] == ["jump", "run"]
    assert videos.labels == ["run", "jump", "swim"]
    assert list_files(tmp_path / "val.txt") == [tmp_path / "val.txt", tmp_path / beside]


def test_labels_that_are_numbers_are_in_the_order_of_numbers_and_others_in_that_of_the_alphabet(tmp_path):
    (tmp_path / "a.csv").write_text("path,label\n" + "".join(f"{n}.mp4,{n}\n" for n in (10, 2, 9, 100)))
    assert read_list(tmp_path / "a.csv", tmp_path).labels == ["2", "9", "10", "100"]
    (tmp_path / "a.csv").write_text("path,label\n" + "".join(f"{n}.mp4,{n}\n" for n in ("10.0", "2.0", "-1.0")))
    assert read_list(tmp_path / "a.csv", tmp_path).labels == ["-1.0", "2.0", "10.0"]
    for words in (["10", "2", "b"], ["1" * 5000, "2"]):
        (tmp_path / "a.csv").write_text("path,label\n" + "".join(f"{n[:5]}.mp4,{n}\n" for n in words))
        assert read_list(tmp_path / "a.csv", tmp_path).labels == words


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (UCF101, "trainlist01.txt"),
        (SOMETHING_V1, "something-something-v1-train.csv"),
        (SOMETHING_V2, "train.json"),
        (JESTER, "jester-v1-train.csv"),
        (DIVING48, "Diving48_V2_train.json"),
        (KINETICS, "k400.csv"),
        (KINETICS, "validate.json"),
        (MMACTION2, "kinetics_val_videos.txt"),
        (SLOWFAST, "commas.csv"),
    ],
)
@pytest.mark.parametrize("how", ["CR LF", "LF", "mark", "blanks", "blank lines"])
def test_how_an_editor_saves_a_list_changes_nothing(tmp_path, files, name, how):
    official = read_list(write(tmp_path / "official", files) / name, tmp_path)
    saved = {
        file: {
            "CR LF": content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
            "LF": content.replace(b"\r\n", b"\n"),
            "mark": b"\xef\xbb\xbf" + content,
            "blanks": content if b'"' in content else content.replace(b"\n", b" \t\n"),
            "blank lines": b"\n" + content + b"\n\n",
        }[how]
        for file, content in files.items()
    }
    again = read_list(write(tmp_path / "saved", saved) / name, tmp_path)
    assert (list(again), again.labels, again.format) == (list(official), official.labels, official.format)


@pytest.mark.parametrize(
    ("files", "name", "format", "parts"),
    [
        (KINETICS, "test.csv", None, ["no column 'label'"]),
        (SOMETHING_V1, "something-something-v1-test.csv", None, ["line 1: no label behind '1420'", "test list"]),
        (SOMETHING_V2, "test.json", "something_v2", ["not a list of data.format something_v2"]),
        (UCF101, "trainlist01.txt", "jester", ["not a list of data.format jester (Jester: lines of number;label"]),
        (UCF101, "trainlist01.txt", "paths", ["not a list of data.format paths (CSV with"]),
        (HMDB51, "clap_test_split1.txt", "hmdb51", ["not a list of data.format hmdb51", "FOLDER/train1"]),
        (UCF101 | {"a.txt": b"Nothing/v_Nothing_g01_c01.avi\n"}, "a.txt", None, ["line 1", "'Nothing' is none of"]),
        (UCF101 | {"a.txt": b"JumpRope/v_JumpRope_g01_c01.avi 3\n"}, "a.txt", None, ["JumpRope has the number 3"]),
        (UCF101 | {"a.txt": UCF101["testlist01.txt"] + b"what\n"}, "a.txt", None, ["line 3: 'what' is not CLASS/v_"]),
        (UCF101 | {"classInd.txt": b"1 A\n3 B\n"}, "testlist01.txt", None, ["line 2: '3 B' is not class 2"]),
        (HMDB51, "clap_test_split1.txt", None, ["no column by which its format is known", "FOLDER/train1"]),
        ({"a_test_split1.txt": b"b_a_0.avi 3\n"}, "train1", None, ["a_test_split1.txt, line 1", "0, 1 or 2"]),
        (SOMETHING_V2 | {"labels.json": b'{"A": "0"}'}, "train.json", None, ["entry 1: label 'Holding something next"]),
        (SOMETHING_V2 | {"labels.json": b'{"A": "1"}'}, "train.json", None, ["labels.json: the numbers"]),
        (SOMETHING_V2 | {"labels.json": b"["}, "train.json", None, ["labels.json: not a JSON file of classes"]),
        (SOMETHING_V2 | {"train.json": SOMETHING_V2["train.json"][:-3]}, "train.json", None, ["not a JSON file ("]),
        (SOMETHING_V2 | {"a.json": b'[{"template": 3, "id": 1}]'}, "a.json", None, ["a.json"]),
        ({"a.json": b'[{"vid_name": "a", "label": 48, "start_frame": 0, "end_frame": 5}]'}, "a.json", None, ["'48'"]),
        ({"a.json": b'[{"vid_name": "a", "label": 4, "start_frame": 5, "end_frame": 5}]'}, "a.json", None, ["behind"]),
        ({"a.json": b'[{"vid_name": "a", "label": 4, "start_frame": 5}]'}, "a.json", None, ["entry 1: no 'end_frame'"]),
        ({"a.json": b'["vid_name"]'}, "a.json", None, ["entry 1: 'vid_name' is not an object with keys"]),
        ({"a.json": b'{"a": {"annotations": 1}, "a": {"annotations": 2}}'}, "a.json", None, ["'a' is there twice"]),
        (SOMETHING_V2 | {"labels.json": b'{"A": "0", "A": "1"}'}, "train.json", None, ["labels.json", "there twice"]),
        (JESTER | {"jester-v1-labels.csv": b"No gesture\n\nSwiping Left\n"}, "jester-v1-validation.csv", None,
         ["jester-v1-labels.csv, line 2: blank; each line is a class"]),
        ({"a.json": b'{"x": {"annotations": {"label": "up", "segment": [0, Infinity]}, "subset": "val"}}'}, "a.json",
         None, ["entry 1: time_start and time_end must be whole seconds"]),
        ({"a.csv": b"label,youtube_id,time_start,time_end,split\nup,a,-5,5,val\n"}, "a.csv", None, ["whole seconds"]),
        ({"a.json": b'{"x": {"annotations": [], "subset": "val"}}'}, "a.json", None, ["entry 1: "]),
        ({"a.txt": b"a.mp4 1 7\n"}, "a.txt", None, ["line 1: a file with two numbers; a video has one label"]),
        ({"a.txt": b"a.mp4 1\nb.mp4\n"}, "a.txt", None, ["line 2: 'b.mp4' does not end in the number of a class"]),
        ({"a.txt": b"a 1\n", "label_map.txt": b"run\n"}, "a.txt", None, ["line 1: class 1 of 1, which count from 0"]),
        ({"a.txt": b"../a.mp4 1\n"}, "a.txt", None, ["leaves the folder of videos"]),
        ({"a.txt": b"C:\\videos\\a.mp4 1\n"}, "a.txt", None, ["leaves the folder of videos"]),
        ({"a.csv": b"path,label,start_frame\na.mp4,up,1" + b"0" * 5000 + b"\n"}, "a.csv", None, ["a whole number"]),
        ({"a.csv": b"path,label,start,end\na.mp4,up,3,2\n"}, "a.csv", None, ["line 2: end 2.0 is not behind start"]),
        ({"a.csv": b"path,label,start,end\na.mp4,up,x,2\n"}, "a.csv", None, ["start: 'x' is not a time in seconds"]),
        ({"a.csv": b"path,label,start,end\na.mp4,up,0,nan\n"}, "a.csv", None, ["end: 'nan' is not a time"]),
        ({"a.csv": b"path,label,start_frame\na.mp4,up,1.5\n"}, "a.csv", None, ["'1.5' is not a whole number"]),
        ({"a.csv": b"path,label,start,end_frame\na.mp4,up,1,5\n"}, "a.csv", None, ["give one of the two"]),
        ({"a.csv": b"path,label,start\na.mp4,up,1\na.mp4,up,1.0\n"}, "a.csv", None, ["line 3", "listed twice"]),
    ],
)  # fmt: skip
def test_what_is_no_such_list_is_refused_in_a_line(tmp_path, files, name, format, parts):
    source = write(tmp_path, files) / name
    with pytest.raises(InputError) as error:
        read_list(source, tmp_path, format)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path))
    for part in parts:
        assert part in message


def test_spans_of_one_file_are_videos_of_one_group(tmp_path):
    (tmp_path / "a.csv").write_text(
        "path,label,start,end,start_frame,end_frame\na.mp4,up,0.5,2,,\na.mp4,down,2,,,\na.mp4,up,,,10,20\nb.mp4,up,,,,\n"
    )
    videos = read_list(tmp_path / "a.csv", tmp_path)
    assert [video.span for video in videos] == [Span(0.5, 2), Span(2, None), Span(10, 20, in_frames=True), None]
    assert len({video.id for video in videos}) == 4
    assert [video.group for video in videos] == ["a.mp4"] * 3 + ["b.mp4"]
