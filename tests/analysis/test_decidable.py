"""Which differences can be decided: the formula against simulated trainings, and what is said of an experiment."""

from pathlib import Path

import pytest
import yaml
from changes import with_changes
from coverage_of_intervals import Setting, decided

from rcn_bench import cli
from rcn_bench.analysis.decidable import decidable, smallest_difference
from rcn_bench.plan.config import check_config, load_experiment

MINI = yaml.safe_load(Path("config/mini.yaml").read_text())


def of_mini(changes):
    return check_config(with_changes(MINI, changes), "mini")


@pytest.mark.parametrize(
    "setting",
    [
        Setting("five seeds"),
        Setting("four seeds, a thousand videos", seeds=4, pairs=500),
        Setting("ten seeds", seeds=10),
        Setting("trainings that hardly differ", seeds=4, points=1),
    ],
    ids=lambda setting: setting.name,
)
def test_the_smallest_difference_is_found_in_about_four_cases_of_five(setting):
    points = smallest_difference(setting.seeds, setting.seeds, 2 * setting.pairs, setting.points)
    assert 0.7 < decided(setting, points / 100, 400) < 0.9


def test_more_seeds_videos_or_agreement_decide_smaller_differences():
    least = smallest_difference(4, 4, 240, 4.2)
    assert smallest_difference(5, 5, 240, 4.2) < smallest_difference(5, 4, 240, 4.2) < least
    assert smallest_difference(4, 4, 1000, 4.2) < least
    assert smallest_difference(4, 4, 240, 3) < least
    assert smallest_difference(4, 4, 240, 4.2, pairs=6) > least


def test_a_table_of_five_seeds_says_what_it_can_decide_alone_and_among_its_pairs():
    told = decidable(load_experiment(["config/seeds.yaml"]), 4.2)
    assert "240 validation videos in 120 groups." in told
    alone, first = (smallest_difference(5, 5, 240, 4.2, pairs) for pairs in (1, 6))
    assert f"5 and 5 seeds (6 pairs of rows): {alone:.1f} points; {first:.1f} as the first of all 6 (Holm)" in told


def test_where_there_is_no_verdict_it_says_why():
    assert "no verdict, fewer than 4 seeds: all 4 rows" in decidable(of_mini({}), 4.2)
    more = decidable(of_mini({"seeds": [0, 1, 2, 3], "models.i3d18.seeds": [0]}), 4.2)
    assert "no verdict, fewer than 4 seeds: i3d18-t8-xh_random (1), i3d18-t8-xh_stills (1)" in more
    few = decidable(of_mini({"data.digits.val_videos": 14}), 4.2)
    assert "No verdict about any accuracy: intervals take 8 groups." in few
    assert "points;" not in few


def test_it_says_how_many_clips_and_updates_each_length_gets():
    told = decidable(of_mini({}), 4.2)
    assert "rcn18 at 8 frames: 1,792 clips, 112 updates of 16 clips" in told
    assert "rcn18 at 16 frames: 1,792 clips, 224 updates of 8 clips" in told
    assert "rcn18: at 16 frames it gets 2.0 times the updates of 8" in told


def test_batches_as_large_as_those_of_8_frames_get_as_many_updates():
    same = {"models.rcn18+t8_batch": {"w_xh": ["stills"], "w_hh": ["identity"]}}
    told = decidable(of_mini(same | {"tables.table3": {"models": ["rcn18+t8_batch"], "frames": [8, 16]}}), 4.2)
    assert "rcn18+t8_batch at 16 frames: 1,792 clips, 112 updates of 16 clips" in told
    assert "rcn18+t8_batch: at" not in told


def test_videos_of_ones_own_that_are_not_there_yet_are_said_so():
    told = decidable(load_experiment(["config/kinetics.yaml"]), 4.2)
    assert "How many validation videos there are is not known yet" in told
    assert "How many clips a run is trained on is not known yet" in told
    told = decidable(load_experiment(["config/kinetics.yaml"]), 4.2, train_videos=240_000, val_videos=20_000)
    assert "20000 validation videos in 20000 groups" in told
    assert "of 240000 videos, a clip each" in told


def test_the_command_takes_another_spread(capsys):
    assert cli.main(["plan", "--config", "config/seeds.yaml", "--sd", "0"]) == 0
    assert "trainings differ by 0 points" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["plan", "--config", "config/seeds.yaml", "--sd", "-1"])
    assert "-1 is not from 0 to 100 points" in capsys.readouterr().err
