"""Videos that are trained on and validated on, or stand under two labels: counted, told, refused."""

from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.cache.jobs import make_cache, verify
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.overlap import Shown, compare, compare_caches, require_apart, under_two_labels
from rcn_bench.data.review import review_videos
from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged

# Of videos as they are compared


def shown(id, label="jump", group="", file="", span=""):
    return Shown(id, label, group or f"group of {id}", file or f"file of {id}", span)


def test_splits_that_are_apart_have_nothing_in_common():
    overlap = compare([shown("a"), shown("b")], [shown("c"), shown("d")])
    assert list(overlap.lines()) == []
    require_apart(overlap, 0)


def test_a_validation_video_counts_once_however_often_it_is_trained_on():
    overlap = compare([shown("a", file="x"), shown("b", file="x")], [shown("c", file="x"), shown("d")])
    assert (overlap.trained_on.count, overlap.trained_on.of) == (1, 2)
    assert list(overlap.lines()) == ["1 of 2 validation videos are trained on too: c (in training a) first."]


def test_groups_in_both_splits_are_told_and_not_refused():
    overlap = compare(
        [shown("a", group="g1"), shown("b")], [shown("c", group="g1"), shown("d", group="g1"), shown("e")]
    )
    (line,) = overlap.lines()
    assert line.startswith(
        "2 of 3 validation videos are of a group or a file that is trained on: c (in training a, group g1)"
    )
    assert "unseen groups" in line
    require_apart(overlap, 0)


def test_what_is_trained_on_itself_is_not_counted_again_by_its_group():
    overlap = compare([shown("a", group="g", file="x")], [shown("b", group="g", file="x")])
    assert (overlap.trained_on.count, overlap.recordings.count) == (1, 0)


@pytest.mark.parametrize(
    ("train", "val", "same"),
    [
        ("seconds 0 to 5", "seconds 4.5 to 9", True),
        ("seconds 0 to 5", "seconds 5 to 9", False),  # an end is just behind the last frame
        ("frames 30 to the end", "frames 0 to 30", False),
        ("frames 30 to the end", "frames 0 to 31", True),
        ("", "frames 0 to 31", True),
        ("seconds 5 to the end", "", True),
        ("seconds 0 to 5", "frames 900 to 930", True),  # it cannot be told
    ],
)
def test_parts_of_one_file_are_the_same_where_they_overlap_and_else_of_one_recording(train, val, same):
    overlap = compare([shown("a", file="x", span=train)], [shown("b", file="x", span=val)])
    assert (overlap.trained_on.count, overlap.recordings.count) == (same, not same)


def test_a_class_that_no_training_video_shows_is_named_with_its_videos():
    overlap = compare([shown("a", "jump")], [shown("b", "kick"), shown("c", "kick"), shown("d", "walk"), shown("e")])
    assert overlap.untrained == {"kick": 2, "walk": 1}
    (line,) = overlap.lines()
    assert line == ("3 of 4 validation videos cannot be right: no training video shows their classes (2): kick, walk.")


def test_of_a_hundred_classes_ten_are_named():
    overlap = compare([shown("a")], [shown(str(i), f"class {i:02d}") for i in range(100)])
    (line,) = overlap.lines()
    assert "(100)" in line
    assert line.endswith("class 08, class 09 and 90 more.")


def test_one_video_under_two_labels_is_told_of_each_split():
    twice = [shown("a", "jump", file="x"), shown("b", "kick", file="x"), shown("c", "jump", file="x"), shown("d")]
    overlap = compare(twice, [shown("e")])
    assert list(overlap.lines()) == ["3 of 4 training videos stand under two labels: a (jump) and b (kick) first."]
    with pytest.raises(
        InputError, match=r"^data\.max_overlap: 3 of 4 training videos stand under two labels, more than"
    ):
        require_apart(overlap, 0.74)
    require_apart(overlap, 0.75)
    overlap = compare([shown("e")], twice)
    assert next(overlap.lines()).startswith("3 of 4 validation videos stand under two labels")
    with pytest.raises(InputError, match="3 of 4 validation videos stand under two labels"):
        require_apart(overlap, 0)


def test_copies_under_one_label_and_parts_that_do_not_overlap_contradict_nothing():
    copies = [shown("a", "jump", file="x"), shown("b", "jump", file="x")]
    parts = [shown("c", "jump", "", "y", "frames 0 to 30"), shown("d", "kick", "", "y", "frames 30 to 60")]
    assert under_two_labels([*copies, *parts]).count == 0


VIDEOS = st.lists(
    st.builds(
        Shown,
        id=st.sampled_from("abcdef"),
        label=st.sampled_from("jk"),
        group=st.sampled_from("ghi"),
        file=st.sampled_from("xyz"),
        span=st.sampled_from(["", "frames 0 to 9", "frames 9 to 20", "frames 5 to the end"]),
    ),
    max_size=6,
)


@settings(max_examples=100)
@given(train=VIDEOS, val=VIDEOS)
def test_counts_are_those_of_all_pairs(train, val):
    def same(one, other):
        frames = [set(range(30)) if not video.span else _frames(video.span) for video in (one, other)]
        return one.file == other.file and bool(frames[0] & frames[1])

    overlap = compare(train, val)
    trained_on = [video for video in val if any(same(video, other) for other in train)]
    related = [video for video in val if any(video.file == t.file or video.group == t.group for t in train)]
    assert overlap.trained_on.count == len(trained_on)
    assert overlap.recordings.count == len(related) - len(trained_on)
    for videos, some in ((train, overlap.two_labels_train), (val, overlap.two_labels_val)):
        assert some.count == sum(any(same(v, w) and v.label != w.label for w in videos) for v in videos)


def _frames(span):
    start, end = span.removeprefix("frames ").split(" to ")
    return set(range(int(start), 30 if end == "the end" else int(end)))


# Of caches


NAMES = "abcdef"


@pytest.fixture
def folder(tmp_path):
    """Six videos of noise, of 5 to 10 frames; d is of c's recording; copy of a is a under another name."""
    for seed, name in enumerate(NAMES):
        frames = np.random.default_rng(seed).integers(0, 256, (5 + seed, 32, 32)).astype(np.uint8)
        write_lossless(tmp_path / f"{name}.mp4", frames, 8)
    copyfile(tmp_path / "a.mp4", tmp_path / "copy of a.mp4")
    return tmp_path


def experiment(folder, train, val, **data):
    """One of these videos, a label after each: "a jump b kick"; d's group is c."""
    for split, words in (("train", train), ("val", val)):
        rows = [f"{name}.mp4,{label},{'c' if name == 'd' else name}\n" for name, label in words.items()]
        (folder / f"{split}.csv").write_text("path,label,group\n" + "".join(rows))
    config = merged(["config/mini.yaml"]) | {"pretrained": None, "tables": {}, "figures": {}, "name": "own"}
    del config["pretrain"]
    config["models"] = {"c2d18": {"w_xh": ["random"]}}
    lists = {split: str(folder / f"{split}.csv") for split in ("train", "val")}
    config["data"] = {"annotations": lists, "videos": str(folder), "shard_videos": 2, **data}
    return check_config(config, "own", folder / "results")


TRAIN = {"a": "jump", "b": "kick", "c": "kick"}
RENAMED = {"e": "kick", "copy of a": "jump"}


@pytest.mark.parametrize("order", [("train", "val"), ("val", "train")])
def test_the_cache_of_the_second_split_ends_with_a_refusal_of_renamed_copies(folder, order):
    own = experiment(folder, TRAIN, RENAMED)
    first, second = order
    make_cache(own, first, 0)
    with pytest.raises(InputError) as error:
        make_cache(own, second, 0)
    assert str(error.value) == (
        "data.max_overlap: 1 of 2 validation videos are trained on too, more than 0 allows; the first is copy of a.mp4 "
        "(in training a.mp4); take one of each pair out of its list, or raise data.max_overlap"
    )
    assert own.paths.fingerprint(first).is_file()
    assert not own.paths.fingerprint(second).exists()  # which a training or an evaluation waits for
    with pytest.raises(InputError, match=r"^data\.max_overlap: 1 of 2"):
        verify(own, second, 0, skip_damaged=False)


def test_what_is_allowed_is_told_once(folder, capsys):
    own = experiment(folder, TRAIN, RENAMED, max_overlap=0.5)
    for split in ("train", "val"):
        make_cache(own, split, 0)
    line = "1 of 2 validation videos are trained on too: copy of a.mp4 (in training a.mp4) first."
    assert capsys.readouterr().out.count(line) == 1
    assert own.paths.fingerprint("val").is_file()


def test_a_mended_list_is_not_compared_with_the_other_cache_of_before(folder, capsys):
    own = experiment(folder, TRAIN, RENAMED)
    make_cache(own, "train", 0)
    mended = experiment(folder, {"b": "kick", "c": "kick", "f": "jump"}, RENAMED)
    make_cache(mended, "val", 0)  # before that of training, as a scheduler may have it
    make_cache(mended, "train", 0)
    assert "trained on" not in capsys.readouterr().out
    assert mended.paths.fingerprint("train").is_file()


def test_a_list_with_a_video_under_two_labels_is_refused_before_the_other_is_there(folder):
    contradicting = {"a": "jump", "copy of a": "kick", "b": "jump"}
    with pytest.raises(InputError) as error:
        make_cache(experiment(folder, contradicting, {"e": "kick"}), "train", 0)
    assert str(error.value).startswith(
        f"data.max_overlap: 2 of 3 videos of {folder / 'train.csv'} stand under two labels, more than 0 allows; the "
        "first is a.mp4 (jump) and copy of a.mp4 (kick)"
    )
    make_cache(experiment(folder, contradicting, {"e": "kick"}, max_overlap=0.7), "train", 0)


def test_groups_and_classes_without_a_usable_training_video_are_told(folder, capsys):
    (folder / "b.mp4").write_bytes(b"not a video")
    own = experiment(folder, {"a": "jump", "b": "kick", "c": "jump"}, {"d": "jump", "e": "kick"}, max_bad=0.5)
    for split in ("train", "val"):
        make_cache(own, split, 0)
    output = capsys.readouterr().out
    assert (
        "1 of 2 validation videos are of a group or a file that is trained on: d.mp4 (in training c.mp4, group c)"
        in output
    )
    assert "1 of 2 validation videos cannot be right: no training video shows their classes (1): kick." in output


def test_training_videos_too_short_for_a_clip_are_not_trained_on(folder):
    own = experiment(folder, {"a": "jump", "f": "kick"}, RENAMED, max_overlap=1)
    for split in ("train", "val"):
        make_cache(own, split, 0)
    caches = own.paths.cache("train"), own.paths.cache("val")
    assert compare_caches(*caches, span=5).trained_on.count == 1
    overlap = compare_caches(*caches, span=6)
    assert (overlap.trained_on.count, overlap.untrained) == (0, {"jump": 1})


def test_a_damaged_shard_of_the_other_split_leaves_the_comparison_to_its_own_job(folder, capsys):
    own = experiment(folder, TRAIN, RENAMED)
    make_cache(own, "train", 0)
    shard = own.paths.cache("train").with_suffix("") / CacheIndex.read(own.paths.cache("train")).shards[0].file
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    make_cache(own, "val", 0)
    assert f"not compared with train: {shard}: damaged shard" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"^data\.max_overlap: 1 of 2"):
        verify(own, "train", 0, skip_damaged=False)
    assert len(Cache(own.paths.cache("train")).videos) == len(TRAIN)


# Of a list alone


def reviewed(folder: Path, rows: dict[str, str], **options):
    (folder / "all.csv").write_text("path,label\n" + "".join(f"{name}.mp4,{label}\n" for name, label in rows.items()))
    lines: list[str] = []
    report = folder / "check.csv"
    review_videos(folder / "all.csv", folder, report, progress=lines.append, workers=0, **options)
    return lines


def test_the_check_of_a_list_refuses_one_file_under_two_labels(folder):
    rows = {"a": "jump", "copy of a": "kick", "b": "jump", "c": "jump"}
    with pytest.raises(InputError) as error:
        reviewed(folder, rows)
    assert str(error.value) == (
        f"--max-overlap: 2 of 4 videos of {folder / 'all.csv'} stand under two labels, more than 0 allows; the first "
        "is a.mp4 (jump) and copy of a.mp4 (kick); take one of each pair out of its list, or raise --max-overlap"
    )
    assert "2 of 4 videos" in reviewed(folder, rows, max_overlap=0.5)[-1]


def test_the_check_of_a_list_allows_copies_under_one_label(folder):
    lines = reviewed(folder, {"a": "jump", "copy of a": "jump", "b": "kick"})
    assert not [line for line in lines if "two labels" in line]
