"""The one walk over folders: what is hidden, links, what cannot be read; and the folders of classes that it serves."""

import os
from pathlib import Path

import pytest

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.walk import Walk


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def link(place: Path, target: Path | str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def ids(root: Path, source: str) -> list[str]:
    return [video.id for video in read_list(root / source, root)]


HIDDEN = [
    *(".Trash-1000/files/a.mp4", ".snapshot/yesterday/a.mp4", ".ipynb_checkpoints/a-checkpoint.mp4", "._a.mp4"),
    *("__MACOSX/a.mp4", ".AppleDouble/a.mp4", ".DS_Store", "Thumbs.db", "thumbs.DB", "desktop.ini", "Icon\r"),
    *("lost+found/a.mp4", "$RECYCLE.BIN/S-1-5/a.mp4", "$Recycle.Bin/a.mp4", "System Volume Information/a.mp4"),
    *("$recycle.bin/a.mp4", "FOUND.000/a.mp4", "a.mp4:Zone.Identifier", "a.mp4@SynoEAStream", "@__thumb/a.mp4"),
    *("@eaDir/a.mp4/SYNOVIDEO.mp4", "#recycle/a.mp4", "@Recycle/a.mp4", "#snapshot/a.mp4", "~snapshot/a.mp4"),
]


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("above", ["", "deep/"])
def test_what_systems_put_beside_files_is_neither_a_class_nor_a_video(tmp_path, name, above):
    touch(tmp_path, "train/up/a.mp4", f"train/up/{above}{name}", f"train/{name}")
    assert ids(tmp_path, "train") == ["train/up/a.mp4"]


def test_names_that_only_look_like_those_are_kept(tmp_path):
    names = ["@home/a.mp4", "lost and found/a.mp4", "recycling/thumbs.db.mp4", "~/a.mp4"]
    touch(tmp_path, *names)
    assert Walk(tmp_path).files == sorted(names)


def test_files_come_in_the_order_of_the_parts_of_their_paths(tmp_path):
    touch(tmp_path, "b/x.mp4", "b.mp4", "b c/x.mp4", "a/z/y.mp4", "a/b.mp4", "a-/c.mp4")
    assert [Path(file) for file in Walk(tmp_path).files] == sorted(Path(file) for file in Walk(tmp_path).files)
    assert len(Walk(tmp_path).files) == 6


def test_links_to_folders_are_followed_once(tmp_path):
    touch(tmp_path, "videos/up/a.mp4", "disk2/more/b.mp4")
    videos = tmp_path / "videos"
    link(videos / "up" / "part2", tmp_path / "disk2")
    link(videos / "up" / "part2 again", tmp_path / "disk2")
    link(videos / "up" / "inside part2", tmp_path / "disk2" / "more")
    link(videos / "up" / "all", "..")
    link(tmp_path / "disk2" / "back", videos)
    link(videos / "up" / "itself", "itself")
    walk = Walk(videos)
    assert walk.files == ["up/a.mp4", "up/inside part2/b.mp4", "up/itself"]
    assert walk.again == {
        "up/all": "",
        "up/part2/back": "",
        "up/part2/more": "up/inside part2",
        "up/part2 again": "up/part2",
    }


def test_a_folder_keeps_its_own_name_though_a_link_to_it_comes_first(tmp_path):
    touch(tmp_path, "up/z/a.mp4")
    link(tmp_path / "up" / "a link", "z")
    assert Walk(tmp_path).files == ["up/z/a.mp4"]


def test_broken_links_are_videos_that_are_missing(tmp_path):
    touch(tmp_path, "train/up/a.mp4")
    link(tmp_path / "train/up/gone.mp4", "/nowhere/gone.mp4")
    link(tmp_path / "train/up/folder", "/nowhere")
    assert ids(tmp_path, "train") == ["train/up/a.mp4", "train/up/folder", "train/up/gone.mp4"]


def test_what_is_neither_file_nor_folder_is_left_out(tmp_path):
    touch(tmp_path, "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it would wait for ever
    assert Walk(tmp_path).files == ["a.mp4"]


def test_one_folder_by_two_class_names_is_refused(tmp_path):
    touch(tmp_path, "train/jump/a.mp4")
    link(tmp_path / "train/leap", "jump")
    with pytest.raises(InputError, match="train: leap and jump are one folder, which would be of two classes, leap"):
        read_list(tmp_path / "train", tmp_path)


@pytest.mark.parametrize("place", ["linked", "data/train"])
def test_a_list_folder_may_be_a_link_below_the_folder_of_videos(tmp_path, place):
    touch(tmp_path, "big/up/a.mp4")
    link(tmp_path / "root" / place, tmp_path / "big")
    root = tmp_path / "root"
    assert [video.paths for video in read_list(root / place, root)] == [(f"{place}/up/a.mp4",)]
    link(tmp_path / "other", root)
    assert ids(tmp_path / "other", place) == [f"{place}/up/a.mp4"]
    assert [video.id for video in read_list(root / place, tmp_path / "other")] == [f"{place}/up/a.mp4"]
    with pytest.raises(InputError, match="not below the folder of videos"):
        read_list(tmp_path / "big", root)


def test_relative_paths_and_the_folder_itself_will_do(tmp_path, monkeypatch):
    touch(tmp_path, "videos/up/a.mp4")
    monkeypatch.chdir(tmp_path / "videos" / "up")
    assert [video.id for video in read_list(Path(".."), Path(".."))] == ["up/a.mp4"]


def test_a_class_folder_may_be_a_link_with_a_name_of_its_own(tmp_path):
    touch(tmp_path, "disk2/0001/a.mp4")
    link(tmp_path / "train/up", tmp_path / "disk2/0001")
    (video,) = read_list(tmp_path / "train", tmp_path)
    assert (video.label, video.id) == ("up", "train/up/a.mp4")


@pytest.mark.parametrize("in_class", [True, False])
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, monkeypatch, in_class):
    touch(tmp_path, "train/up/a.mp4")
    shut = tmp_path / "train" / ("up" if in_class else "")
    scan = os.scandir

    def refuse(path):
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # the tests may run as one who may read everything
    with pytest.raises(InputError) as error:
        read_list(tmp_path / "train", tmp_path)
    assert str(error.value) == f"{shut}: this folder cannot be read (Permission denied)"
    assert Walk(tmp_path / "train", unreadable_too=True).files == []


def test_files_in_no_class_folder_and_empty_class_folders_are_told(tmp_path):
    touch(tmp_path, "train/up/a.mp4", "train/b.mp4", "train/c.mp4", "train/.DS_Store")
    (tmp_path / "train" / "down").mkdir()
    summary = read_list(tmp_path / "train", tmp_path).summary
    assert "1 videos of 1 classes" in summary
    assert "2 files in no class folder are left out, such as b.mp4" in summary
    assert "1 class folders are empty, such as down" in summary


def test_a_folder_without_a_name_that_can_be_a_label_is_named(tmp_path):
    touch(tmp_path, "train/ /a.mp4")
    with pytest.raises(InputError, match=r"train, train/ /a\.mp4: label must be text, not ''"):
        read_list(tmp_path / "train", tmp_path)


def test_the_line_about_a_list_is_one_line_whatever_the_names(tmp_path):
    touch(tmp_path, "train/up/a.mp4", "train/b\nc.mp4", "train/do\nwn/.hidden")
    summary = read_list(tmp_path / "train", tmp_path).summary
    assert summary.isprintable()
    assert r"such as b\nc.mp4; 1 class folders are empty, such as do\nwn" in summary


def test_a_folder_of_files_alone_is_told_from_an_empty_one(tmp_path):
    touch(tmp_path, "train/a.mp4", "train/b.mp4")
    with pytest.raises(InputError, match=r"train: its 2 files, such as a\.mp4, lie in no folder; each label needs one"):
        read_list(tmp_path / "train", tmp_path)


def test_class_folders_may_have_odd_names(tmp_path):
    touch(tmp_path, "train/riding a bike /-a.mp4", "train/#[]!;&()/b.mp4")
    os.mkdir(os.fsencode(tmp_path) + b"/train/\xff")
    (tmp_path / os.fsdecode(b"train/\xff/c.mp4")).touch()
    found = [(video.label, video.id) for video in read_list(tmp_path / "train", tmp_path)]
    assert found == [
        ("#[]!;&()", "train/#[]!;&()/b.mp4"),
        ("riding a bike", "train/riding a bike /-a.mp4"),
        ("\udcff", "train/\udcff/c.mp4"),
    ]
