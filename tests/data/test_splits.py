"""The lists of two splits compared before anything is decoded."""

import pytest

from rcn_bench.data.splits import require_lists_apart
from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged

KINETICS = "label,youtube_id,time_start,time_end,split\n"


@pytest.fixture
def compared(tmp_path):
    """Compares two lists, given as text, and returns the lines; data: more keys of the config's data."""

    def compare(train, val, **data):
        (tmp_path / "videos").mkdir(exist_ok=True)
        (tmp_path / "train.csv").write_text(train)
        (tmp_path / "val.csv").write_text(val)
        config = merged(["config/mini.yaml"]) | {"pretrained": None, "tables": {}, "figures": {}}
        del config["pretrain"]
        config["models"] = {"c2d18": {"w_xh": ["random"]}}
        lists = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
        config["data"] = {"annotations": lists, "videos": str(tmp_path / "videos"), **data}
        lines = []
        require_lists_apart(check_config(config, "own", tmp_path / "results"), lines.append)
        return lines

    return compare


def test_lists_of_other_files_have_nothing_in_common(compared):
    assert compared("path,label\na.mp4,jump\nb.mp4,kick\n", "path,label\nc.mp4,jump\n") == []


def test_a_path_in_both_lists_is_refused_without_decoding(compared):
    train, val = "path,label\na.mp4,jump\nb.mp4,kick\n", "path,label\nc.mp4,jump\n./b.mp4,kick\n"
    with pytest.raises(InputError) as error:
        compared(train, val)
    assert str(error.value) == (
        "data.max_overlap: 1 of 2 validation videos are trained on too, more than 0 allows; the first is b.mp4 (in "
        "training b.mp4); take one of each pair out of its list, or raise data.max_overlap"
    )
    assert compared(train, val, max_overlap=0.5) == [
        "1 of 2 validation videos are trained on too: b.mp4 (in training b.mp4) first."
    ]


def test_groups_in_both_lists_are_told(compared):
    (line,) = compared("path,label,group\na.mp4,jump,g01\n", "path,label,group\nb.mp4,jump,g01\nc.mp4,jump,g02\n")
    assert line.startswith(
        "1 of 2 validation videos are of a group or a file that is trained on: b.mp4 (in training a.mp4"
    )


def test_classes_without_a_training_row_are_told(compared):
    (line,) = compared("path,label\na.mp4,jump\n", "path,label\nb.mp4,jump\nc.mp4,kick\nd.mp4,kick\n")
    assert line == "2 of 3 validation videos cannot be right: no training video shows their classes (1): kick."


def test_a_class_spelled_in_two_ways_is_not_taken_for_one_without_training(compared):
    with pytest.raises(InputError, match=r"val\.csv, line 2: label 'Jump' is 'jump' in .*train\.csv, line 2; spell"):
        compared("path,label\na.mp4,jump\n", "path,label\nb.mp4,Jump\n")


def test_kinetics_clips_in_both_lists_are_one_group(compared):
    """Their files lie in folders of the splits and may differ; whether they do, the caches tell."""
    lines = compared(KINETICS + "jump,abc,0,10,train\n", KINETICS + "jump,abc,0,10,val\njump,def,0,10,val\n")
    assert len(lines) == 1
    assert lines[0].startswith("1 of 2 validation videos are of a group")


def test_the_embedded_digits_need_no_list(tmp_path):
    smoke = check_config(merged(["config/smoke.yaml"]), "smoke", tmp_path)
    require_lists_apart(smoke, pytest.fail)
