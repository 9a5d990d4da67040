"""Where videos are found, whatever names copies of a data set give them, and what is said of those that are not."""

import os
from pathlib import Path

import pytest

from rcn_bench.lists.formats import read_list
from rcn_bench.lists.lookup import Lookup

HEADER = "label,youtube_id,time_start,time_end,split"
LABELS = ["riding a bike", "hurling (sport)", "massaging person's head", "training dog", "passing American football"]


def put(root: Path, *places: str) -> None:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def lookup_of(root: Path, label: str, id: str = "-abc_1", split: str = "train"):
    """A list of a clip of each of LABELS, and of the one that is sought, which comes first."""
    rows = [f"{label},{id},5,15,{split}", *(f"{other},other{i},5,15,{split}" for i, other in enumerate(LABELS))]
    (root / "list.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    videos = read_list(root / "list.csv", root)
    return Lookup(root, videos), videos[0]


NAME = "-abc_1_000005_000015"
BIKE, SPORT, HEAD, DOG, FOOTBALL = LABELS
FOUND = [
    (BIKE, f"train/riding a bike/{NAME}.mp4"),
    (BIKE, f"train/{NAME}.mp4"),
    (BIKE, f"train/riding_a_bike/{NAME}.mp4"),
    (BIKE, f"train/riding_a_bike/{NAME}.mkv"),
    (BIKE, f"train/{NAME}.webm"),
    (BIKE, f"train/riding a bike/{NAME}.MP4"),
    (BIKE, f"train/riding a bike/{NAME}.mp4.mkv"),
    (BIKE, f"train/{NAME}.mp4.webm"),
    (BIKE, "train/riding a bike/-abc_1_5_15.mp4"),
    (BIKE, "train/riding_a_bike/-abc_1.mp4"),
    (BIKE, "train/-abc_1.webm"),
    (BIKE, f"kinetics400/train/riding_a_bike/{NAME}.mp4"),
    (BIKE, f"k400/train/{NAME}.mp4"),
    (BIKE, f"videos_train/riding_a_bike/{NAME}.mp4"),
    (BIKE, f"train_256/riding_a_bike/{NAME}.mp4"),
    (BIKE, f"compress/train_256/riding_a_bike/{NAME}.mp4"),
    (BIKE, f"videos/train/riding a bike/{NAME}.mp4"),
    (BIKE, f"riding a bike/{NAME}.mp4"),
    (BIKE, f"{NAME}.mkv"),
    (BIKE, f"replacement/{NAME}.mp4"),
    (BIKE, f"replacement/replacement_for_corrupted_k400/{NAME}.mp4"),
    (BIKE, f"train/replacement_for_corrupted_k400/{NAME}.mp4"),
    (SPORT, f"train/hurling_sport/{NAME}.mp4"),
    (SPORT, f"train/hurling_(sport)/{NAME}.mp4"),
    (SPORT, f"videos_train/hurling_-sport-/{NAME}.mp4"),
    (HEAD, f"train/massaging_persons_head/{NAME}.mp4"),
    (HEAD, f"train/massaging_person's_head/{NAME}.mp4"),
    (DOG, f"train/training_dog/{NAME}.mkv"),
    (FOOTBALL, f"train/passing_american_football/{NAME}.mp4"),
]


@pytest.mark.parametrize(("label", "place"), FOUND)
def test_a_clip_is_found_as_downloads_and_other_suites_name_it(tmp_path, label, place):
    put(tmp_path, place)
    lookup, video = lookup_of(tmp_path, label)
    assert lookup.path(video) == tmp_path / place
    own = place in video.paths
    assert (place in lookup.remark()) is not own


@pytest.mark.parametrize("split", ["val", "validate", "validation"])
@pytest.mark.parametrize("folder", ["val", "validate", "videos_val", "val_256", "kinetics600/validation"])
def test_the_validation_split_has_many_names(tmp_path, split, folder):
    put(tmp_path, f"{folder}/training_dog/{NAME}.mp4", f"train/training_dog/{NAME}.mp4")
    lookup, video = lookup_of(tmp_path, DOG, split=split)
    assert lookup.path(video) == tmp_path / f"{folder}/training_dog/{NAME}.mp4"


@pytest.mark.parametrize(
    "place",
    [
        "train/riding a bike/-abc_1_000006_000016.mp4",
        "train/riding a bike/-abc_1_000005_000016.mp4",
        "train/riding a bike/-abc_1-5-15.mp4",
        "train/riding a bike/-abc_1_5.0_15.0.mp4",
        "train/riding a bike/-abc_1_000005.mp4",
        f"val/riding a bike/{NAME}.mp4",
        f"videos_val/{NAME}.mp4",
        f"test/{NAME}.mkv",
        f"train/training_dog/{NAME}.mp4",
        f"train/riding a bike/{NAME}.mp4.part",
        f"train/riding a bike/{NAME}.f137.mp4",
        f"train/riding a bike/{NAME}.jpg",
    ],
)
def test_another_clip_is_not_taken_but_told(tmp_path, place):
    put(tmp_path, place, "train/riding a bike/other.mp4")
    lookup, video = lookup_of(tmp_path, BIKE)
    assert not lookup.path(video).exists()
    assert lookup.instead(video) == f"there is {place}"
    assert lookup.remark() == ""


def test_nothing_is_said_where_nothing_is_there(tmp_path):
    put(tmp_path, "train/riding a bike/-ABC_1_000005_000015.mp4", "train/riding a bike/-abc_12_5_15.mp4")  # other ids
    lookup, video = lookup_of(tmp_path, BIKE)
    assert lookup.instead(video) == ""


def test_of_several_files_the_first_of_the_documented_order_is_taken(tmp_path):
    order = [
        f"replacement/{NAME}.mp4",
        f"train/{NAME}.mp4",
        f"train/riding a bike/{NAME}.mp4",
        f"train_256/riding_a_bike/{NAME}.mp4",
        f"a/train/{NAME}.webm",
        f"a/train/{NAME}.mp4.mkv",
        f"a/{NAME}.mp4",
        "a/train/-abc_1.mp4",
    ]
    put(tmp_path, *order)
    for place in order:
        lookup, video = lookup_of(tmp_path, BIKE)
        assert lookup.path(video) == tmp_path / place
        (tmp_path / place).unlink()


def test_a_broken_link_is_told_and_yields_to_a_file(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / f"train/{NAME}.mp4").symlink_to("/nowhere/a.mp4")
    lookup, video = lookup_of(tmp_path, BIKE)
    assert lookup.instead(video) == f"train/{NAME}.mp4 is a link to /nowhere/a.mp4, which is not there"
    put(tmp_path, f"train/riding_a_bike/{NAME}.mkv")
    lookup, video = lookup_of(tmp_path, BIKE)
    assert lookup.path(video) == tmp_path / f"train/riding_a_bike/{NAME}.mkv"


def test_files_in_their_own_places_are_found_without_a_look_at_folders(tmp_path, monkeypatch):
    put(tmp_path, f"train/riding a bike/{NAME}.mp4")
    lookup, video = lookup_of(tmp_path, BIKE)
    monkeypatch.setattr(os, "listdir", None)
    scan, scanned = os.scandir, []

    def counted(path):
        scanned.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", counted)
    for _ in range(3):
        assert lookup.path(video).is_file()
    assert [path for path in scanned if "replacement" not in str(path)] == []


def test_folders_are_listed_once_for_all_that_is_missing(tmp_path, monkeypatch):
    put(tmp_path, *(f"train/{label.replace(' ', '_')}/x{i}_5_15.mkv" for label in LABELS for i in range(5)))
    rows = [f"{label},{i},5,15,train" for label in LABELS for i in range(20)]
    (tmp_path / "list.csv").write_text("\n".join([HEADER, *dict.fromkeys(rows)][:20]) + "\n")
    videos = read_list(tmp_path / "list.csv", tmp_path)
    lookup, scan, scanned = Lookup(tmp_path, videos), os.scandir, []

    def counted(path):
        scanned.append(str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", counted)
    for video in videos:
        assert not lookup.path(video).exists()
        assert lookup.instead(video) == ""
    assert len(scanned) == len(set(scanned)) < 20


def exact(root: Path, path: str):
    (root / "list.csv").write_text(f"path,label\n{path},up\n")
    (video,) = read_list(root / "list.csv", root)
    return Lookup(root, [video]), video


@pytest.mark.parametrize("place", ["up/a.mkv", "up/A.MP4", "Up/a.mp4", "up/a.mp4.part", "UP/A.avi"])
def test_a_list_of_files_is_taken_at_its_word(tmp_path, place):
    put(tmp_path, place, "up/b.mp4")
    lookup, video = exact(tmp_path, "up/a.mp4")
    assert lookup.path(video) == tmp_path / "up/a.mp4"
    assert lookup.instead(video) == f"there is {place}"
    assert lookup.remark() == ""


def test_letters_with_accents_are_the_same_composed_and_taken_apart(tmp_path):
    apart, composed = "de\u0301part/a\u0308.mp4", "d\u00e9part/\u00e4.mp4"
    put(tmp_path, apart)
    lookup, video = exact(tmp_path, composed)
    assert lookup.path(video) == tmp_path / apart
    assert "1 videos lie under other names" in lookup.remark()


def test_a_folder_above_that_is_missing_has_nothing_instead(tmp_path):
    put(tmp_path, "up/a.mp4")
    lookup, video = exact(tmp_path, "down/a.mp4")
    assert lookup.instead(video) == ""
