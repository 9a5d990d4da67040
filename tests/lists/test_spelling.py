"""Labels that a person takes for one class are one, or are refused by name."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.spelling import require_one_spelling

PAIRS = [
    ("jump", "Jump"),
    ("high jump", "high_jump"),
    ("high jump", "high  jump"),
    ("high jump", "highjump"),
    ("HandstandPushups", "HandStandPushups"),
    ("d\u00e9part", "de\u0301part"),
    ("stra\u00dfe", "STRASSE"),
    ("high jump", "high\u00a0jump"),
    ("jump", "ju\u200bmp"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_labels_that_differ_in_spelling_alone_are_refused_with_both_places(tmp_path, one, other):
    (tmp_path / "a.csv").write_text(f"path,label\na.mp4,{one}\n\nb.mp4,walk\nc.mp4,{other}\n")
    with pytest.raises(InputError) as error:
        read_list(tmp_path / "a.csv", tmp_path)
    place = f"{tmp_path / 'a.csv'}, line"
    assert str(error.value) == f"{place} 5: label {other!r} is {one!r} in {place} 2; spell one class in one way"


@pytest.mark.parametrize(
    "labels", [("jump", "jumps"), ("up", "down"), ("a-b", "ab"), ("1", "01"), ("in game", "not in game")]
)
def test_other_labels_are_not(labels):
    require_one_spelling(dict.fromkeys(labels, "here"))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_between_lists_too(one, other):
    with pytest.raises(InputError, match=r"^val, line 3: label .* in train, line 2; spell"):
        require_one_spelling({one: "train, line 2"}, {other: "val, line 3"})
    require_one_spelling({one: "train, line 2"}, {one: "val, line 3"})


def test_class_folders_are_named_by_a_video_of_each(tmp_path):
    for name in ("train/Jump/a.mp4", "train/jump/b.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"train, train/jump/b\.mp4: label 'jump' is 'Jump' in .*train/Jump/a\.mp4"):
        read_list(tmp_path / "train", tmp_path)


@given(st.text(min_size=1, max_size=8), st.sampled_from(["NFC", "NFD"]))
@settings(max_examples=100)
def test_any_label_goes_with_itself_however_it_is_composed(label, form):
    require_one_spelling({label: "a"}, {label: "b"})
    respelled = unicodedata.normalize(form, label)
    if respelled != label:
        with pytest.raises(InputError):
            require_one_spelling({label: "a"}, {respelled: "b"})
