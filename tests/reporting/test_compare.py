"""The same runs of two machines, which lacked different videos, by the command line."""

from dataclasses import replace

import pytest

from rcn_bench import cli
from rcn_bench.intervals import Scores
from rcn_bench.records.overlap import Some
from rcn_bench.records.runs import Skipped
from results import APART, an_origin, write_evaluation

NAMES = [f"v{i}" for i in range(40)]
RUNS = ("c2d18-t8-xh_random-s0", "i3d18-t8-xh_random-s0")


def write_run(folder, run, right, missing, **changes):
    """Whether each of forty videos is right, but for those missing; of two clips one is right where the video is."""
    kept = [name for name in NAMES if name not in missing]
    correct = [right[NAMES.index(name)] for name in kept]
    known = {"videos": kept, "videos_skipped": [Skipped(name, "missing") for name in missing]}
    known |= {"clips_per_video": 2, "origin": an_origin(settings={"train": {"lr": 0.1}})}
    write_evaluation(folder / "mini" / "runs" / run, correct, [int(one) for one in correct], **{**known, **changes})


@pytest.fixture
def machines(tmp_path):
    """Two folders of results; the second machine lacked four videos, and is right on four more than the first."""
    right = [i % 2 == 0 for i in range(40)]
    better = [one or i < 8 for i, one in enumerate(right)]
    for run in RUNS:
        write_run(tmp_path / "here", run, right, NAMES[:2], data_fingerprint="here")
        write_run(tmp_path / "there", run, better, NAMES[-4:], data_fingerprint="there")
    write_run(tmp_path / "there", "another", right, [])
    return tmp_path / "here", tmp_path / "there"


def compared(capsys, *folders):
    code = cli.main(["compare", *map(str, folders)])
    out, err = capsys.readouterr()
    return code, out.splitlines() + err.splitlines()


def test_runs_of_two_machines_are_compared_on_the_videos_that_both_had(machines, capsys):
    code, lines = compared(capsys, *machines)
    assert code == 0
    assert len(lines) == 2 * 5 + 1
    assert lines[-1] == f"{machines[1]} alone has another"
    first, second, common, clip, video = lines[:5]
    here, there = (folder / "mini" / "runs" / RUNS[0] for folder in machines)
    told = "video 50.0% of 38 videos; 2 of 40 listed videos left out: 2 unusable; 47.5% to 52.5% of all, if those were"
    assert first == f"{here}: {told} all wrong or all right"
    told = "video 61.1% of 36 videos; 4 of 40 listed videos left out: 4 unusable; 55.0% to 65.0% of all, if those were"
    assert second == f"{there}: {told} all wrong or all right"
    assert common == "  of the 34 videos that both scored:"
    right, groups = [i % 2 == 0 for i in range(2, 36)], [f"g{i // 2}" for i in range(2, 36)]
    before = Scores.of_videos(right, groups)
    after = Scores.of_videos([one or i < 6 for i, one in enumerate(right)], groups)
    low, high = after.difference_interval(before)
    assert video.endswith(f"second less first +8.8% ({low:+.1%} to {high:+.1%})")
    assert clip.startswith("  clip 25.0% (")


def test_two_runs_need_not_have_the_same_name(machines, capsys):
    runs = machines[0] / "mini" / "runs"
    code, lines = compared(capsys, runs / RUNS[0], runs / RUNS[1])
    assert (code, len(lines)) == (0, 5)
    assert lines[-1].endswith("second less first +0.0% (-17.6% to +17.6%)")  # of 19 groups none differs


def test_videos_that_were_trained_on_are_told(machines, capsys):
    shared = replace(APART, trained_on=Some(3, 40, "v0"))
    write_run(machines[1], RUNS[0], [True] * 40, [], overlap=shared)
    _, lines = compared(capsys, *machines)
    assert lines[2] == "  3 of 40 validation videos are trained on too: v0 first."


def test_other_settings_are_told(machines, capsys):
    here, there = machines
    write_run(there, RUNS[0], [True] * 40, [], origin=an_origin(settings={"train": {"lr": 0.2}}))
    _, lines = compared(capsys, here / "mini" / "runs" / RUNS[0], there / "mini" / "runs" / RUNS[0])
    assert lines[2] == "  made with other settings: train.lr was 0.1, is 0.2"


def test_configs_that_differ_are_told_key_by_key(machines, capsys):
    folders = [machine / "mini" for machine in machines]
    for folder, lr in zip(folders, (0.1, 0.2), strict=True):
        (folder / "config.yaml").write_text(f"name: mini\ntrain: {{lr: {lr}, epochs: 4}}\n")
    _, lines = compared(capsys, *folders)
    assert lines[0] == "config: train.lr was 0.1, is 0.2"
    assert lines[1].startswith(f"{folders[0]}/runs/")


def test_what_cannot_be_compared_is_one_line(machines, capsys, tmp_path):
    here, _ = machines
    (tmp_path / "empty").mkdir()
    code, lines = compared(capsys, here, tmp_path / "empty")
    assert code == 2
    assert lines == [f"rcn-bench: {here}, {tmp_path / 'empty'}: no run was evaluated in both"]
    write_run(here / "second", RUNS[0], [True] * 40, [])
    code, lines = compared(capsys, here, here / "mini")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith(f"second/mini/runs/{RUNS[0]}/eval.json; name the folder of one experiment")
    write_run(tmp_path / "other", RUNS[0], [True] * 40, ["of another list"], data_fingerprint="other")
    code, lines = compared(capsys, here / "mini", tmp_path / "other")
    assert code == 2
    assert f"{RUNS[0]}/eval.json: evaluated on other videos than {RUNS[0]}; run `rcn-bench evaluate" in lines[-1]
