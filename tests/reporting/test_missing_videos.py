"""Tables of runs that did not all score the same videos: short ones, and those that a machine lacked."""

import numpy as np
import pytest
from table_results import CLIPS
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.plan.products import find_product
from rcn_bench.records.runs import Skipped
from results import write_own_run

COUNT = 40
NAMES = [f"v{i}" for i in range(COUNT)]


def write_runs(experiment, table, lacks=(), **changes):
    """Random predictions of the runs of a table. lacks: for each row, the videos that its runs did not score.

    Gives for each row (seeds, videos) whether a video was right, and how many of its clips.
    """
    rng, found = np.random.default_rng(1), []
    for number, runs in enumerate(find_product(experiment, table, "table").rows().values()):
        missing = lacks[number] if number < len(lacks) else []
        names = [name for name in NAMES if name not in missing]
        right, clips = rng.random((len(runs), COUNT)) < 0.5, rng.integers(0, CLIPS, (len(runs), COUNT))
        found.append((right, clips))
        kept = [NAMES.index(name) for name in names]
        for run, run_right, run_clips in zip(runs, right[:, kept], clips[:, kept], strict=True):
            skipped = [Skipped(name, "3 frames, a clip needs 15") for name in missing]
            known = {"videos": names, "clips_per_video": CLIPS, "videos_skipped": skipped, "data_fingerprint": "same"}
            write_own_run(experiment, run, run_right, run_clips.tolist(), **{**known, **changes})
    return found


def numbers(row, name):
    return tuple(float(row[column]) for column in (f"{name} low", f"{name} high"))


def test_clip_lengths_are_compared_on_the_videos_that_all_of_them_scored(experiment):
    short, shorter = NAMES[:3], NAMES[:10]
    found = write_runs(experiment, "table3_clip_length", [short, shorter])
    rows, markdown, _ = written_table(experiment, "table3_clip_length")
    groups = [f"g{i // 2}" for i in range(10, COUNT)]
    scores = [Scores.of_trainings([Scores.of_videos(seed, groups) for seed in right[:, 10:]]) for right, _ in found]
    for row, of_row, (_, clips) in zip(rows, scores, found, strict=True):
        assert (row["videos"], row["clips"]) == ("30", "300")
        assert float(row["video acc %"]) == pytest.approx(100 * of_row.accuracy)
        assert float(row["clip acc %"]) == pytest.approx(100 * clips[:, 10:].mean() / CLIPS)
        assert numbers(row, "video acc 95 % interval") == pytest.approx([100 * end for end in of_row.interval()])
    assert [row["videos skipped"] for row in rows] == ["3", "10"]
    first, second = rows
    assert first["video acc less first row's %"] == ""
    difference = 100 * (scores[1].accuracy - scores[0].accuracy)
    assert float(second["video acc less first row's %"]) == pytest.approx(difference)
    paired = numbers(second, "video acc less first row's, 95 % interval")
    assert paired == pytest.approx([100 * end for end in scores[1].difference_interval(scores[0])])
    assert paired[0] < difference < paired[1]
    assert "of the 30 videos, of 40 listed, that the runs of all rows scored" in markdown
    low, high = numbers(second, "video acc less first row's, 95 % interval")
    assert shown(markdown)[1]["video acc less first row's, 95 % interval"] == f"{low:.1f} to {high:.1f}"


def test_bounds_stand_beside_an_accuracy_where_many_are_missing(experiment):
    found = write_runs(experiment, "table3_clip_length", [NAMES[:3], NAMES[:10]])
    rows, markdown, _ = written_table(experiment, "table3_clip_length")
    for row, missing, (right, _) in zip(rows, (3, 10), found, strict=True):
        known = right[:, missing:].sum(1).mean()  # of the videos that this row's own runs scored
        worst, best = 100 * known / COUNT, 100 * (known + missing) / COUNT
        assert numbers(row, "video acc % of all listed") == pytest.approx([worst, best])
        low, high = numbers(row, "clip acc % of all listed")
        assert high - low == pytest.approx(100 * missing / COUNT)
    assert "Of all 40 listed" in markdown


def test_where_all_videos_were_scored_a_table_is_as_it_was(experiment):
    write_runs(experiment, "table1_init")
    rows, markdown, _ = written_table(experiment, "table1_init")
    ends = ("%", "95 % interval low", "95 % interval high")
    accuracy = [f"{kind} acc {end}" for kind in ("clip", "video") for end in ends]
    papers = [f"paper, on Kinetics: {kind} acc %" for kind in ("clip", "video")]
    sources = ["videos", "clips", "videos skipped", "seeds", "runs"]
    assert list(rows[0]) == ["w_xh", "w_hh", *accuracy, *papers, *sources]
    for word in ("listed", "first row", "as fit"):
        assert word not in markdown


def test_short_videos_count_by_their_clips(experiment):
    clips, rng = np.array([2] * 10 + [CLIPS] * 30), np.random.default_rng(0)
    rows = find_product(experiment, "table1_init", "table").rows().values()
    correct = [[rng.integers(0, clips + 1) for _ in runs] for runs in rows]
    for runs, of_runs in zip(rows, correct, strict=True):
        for run, right in zip(runs, of_runs, strict=True):
            known = {"clips": clips.tolist(), "clips_per_video": CLIPS}
            write_own_run(experiment, run, [True] * COUNT, right.tolist(), **known)
    rows, markdown, _ = written_table(experiment, "table1_init")
    assert {row["clips"] for row in rows} == {"320"}
    for row, of_runs in zip(rows, correct, strict=True):
        assert float(row["clip acc %"]) == pytest.approx(100 * np.mean([right.sum() / 320 for right in of_runs]))
    assert "as many are taken as fit" in markdown


def test_of_clips_a_video_that_is_missing_could_have_had_the_most(experiment):
    clips, names = [2] * 10 + [CLIPS] * 20, NAMES[10:]
    known = {"videos": names, "clips": clips, "clips_per_video": CLIPS}
    known["videos_skipped"] = [Skipped(name, "missing") for name in NAMES[:10]]
    for run in find_product(experiment, "table1_init", "table").runs():
        write_own_run(experiment, run, [True] * 30, [1] * 30, **known)
    row, *_ = written_table(experiment, "table1_init")[0]
    most = sum(clips) + 10 * CLIPS
    assert numbers(row, "clip acc % of all listed") == pytest.approx((100 * 30 / most, 100 * (30 + 10 * CLIPS) / most))


def write_of_two_machines(experiment, kept, missing):
    """Runs of Table 1 where v0 was missing, and its last row where others were, all right."""
    write_runs(experiment, "table1_init", [NAMES[:1]] * 4)
    *_, runs = find_product(experiment, "table1_init", "table").rows().values()
    known = {"videos": kept, "videos_skipped": [Skipped(name, "missing") for name in missing]}
    for run in runs:
        right, clips = [True] * len(kept), [CLIPS] * len(kept)
        write_own_run(experiment, run, right, clips, clips_per_video=CLIPS, data_fingerprint="another", **known)


def test_machines_that_lacked_different_videos_are_compared_on_those_that_both_had(experiment):
    write_of_two_machines(experiment, NAMES[:-2], NAMES[-2:])
    rows, _, _ = written_table(experiment, "table1_init")
    assert [row["videos"] for row in rows] == ["37"] * 4
    assert [row["videos skipped"] for row in rows] == ["1", "1", "1", "2"]
    last = rows[-1]
    assert float(last["video acc less first row's %"]) == pytest.approx(100 - float(rows[0]["video acc %"]))
    assert numbers(last, "video acc % of all listed") == pytest.approx((95, 100))


@pytest.mark.parametrize(
    ("kept", "missing"),
    [(NAMES[:-2], ["of another list"]), (NAMES[:-2], NAMES[-1:]), (NAMES[1:], NAMES[:1])],
    ids=["another list", "a shorter list", "the same videos, so their frames must be others"],
)
def test_data_that_differ_by_more_than_missing_videos_are_refused(experiment, kept, missing):
    write_of_two_machines(experiment, kept, missing)
    with pytest.raises(InputError, match=r"eval\.json: evaluated on other videos than .*; run `rcn-bench evaluate "):
        written_table(experiment, "table1_init")


def test_runs_without_a_common_video_are_refused(experiment):
    write_runs(experiment, "table3_clip_length", [NAMES[:20], NAMES[20:]])
    with pytest.raises(InputError, match="none of its videos was scored by all"):
        written_table(experiment, "table3_clip_length")
