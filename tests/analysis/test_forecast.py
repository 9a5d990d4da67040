"""What an experiment takes on some GPUs: times from where they are measured, arithmetic elsewhere, and both told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rcn_bench import cli
from rcn_bench.analysis.durations import ARITHMETIC, UNKNOWN, Durations, Measured, read_measured
from rcn_bench.analysis.forecast import forecast, time_text
from rcn_bench.errors import InputError
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.jobs import Job
from rcn_bench.plan.models import claims_of_models
from rcn_bench.records.costs import StepSettings, StepTime, StepTimes
from rcn_bench.records.runs import Trained
from results import an_origin_on

REPOSITORY = Path(__file__).parents[2]
SMOKE, KINETICS, MINI = (REPOSITORY / "config" / f"{name}.yaml" for name in ("smoke", "kinetics", "mini"))
REFERENCE = REPOSITORY / "results" / "reference"
H100 = REFERENCE / "nvidia_h100_80gb_hbm3" / "step_times.json"
RECORDED = "rcn18-t8-xh_random-hh_identity-s0"
RCN, I3D = "rcn18-t8-xh_stills-hh_identity-s0", "i3d18-t8-xh_stills-s0"


@pytest.fixture
def smoke(tmp_path):
    """16 videos to train on in batches of 8 clips of 8 frames, 8 videos to validate on by 4 clips each."""
    return load_experiment([SMOKE], tmp_path)


@pytest.fixture
def steps(tmp_path):
    """RCN-18 alone: 36 s for 4 clips, 0.9 s to evaluate them."""
    settings = StepSettings(64, "none", False, False, False, False, 32, True)
    rows = [StepTime("rcn18", 8, 4, 36.0, 0.9, None)]
    path = tmp_path / "steps.json"
    StepTimes(origin=an_origin_on(device="A CARD", cpu="a processor"), settings=settings, rows=rows).write(path)
    return path


def durations(experiment, measured=None, rate=1e12, videos=(None, None)):
    return Durations(experiment, measured or Measured(), *videos, rate)


def test_measured_steps_come_before_arithmetic(smoke, steps):
    found = durations(smoke, read_measured([steps], smoke))
    trained = found.of(Job("train", RCN))
    assert (trained.seconds, trained.source) == (144, "measured on A CARD")  # 16 clips
    assert found.of(Job("evaluate", RCN)).seconds == pytest.approx(32 * 0.9 / 4)
    claims = claims_of_models("i3d18")["i3d18"]
    operations = 2e9 * claims.gmacs * (32 / 112) ** 2  # its claim is of 8 frames of 112x112
    assert found.of(Job("train", I3D)).seconds == pytest.approx(16 * 3 * operations / 1e12)
    assert found.of(Job("train", I3D)).source == ARITHMETIC
    assert found.of(Job("profile", "rcn18")).source == UNKNOWN


def test_each_training_is_shared_by_the_gpus_of_its_own_clip_length(smoke, steps):
    for shares, gpus in (({"8": 2}, 2), ({"4": 2}, 1)):
        shared = replace(smoke, train=replace(smoke.train, gpus_by_frames=shares))
        found = durations(shared, read_measured([steps], shared))
        assert found.of(Job("train", RCN)).seconds == 144 / gpus
        assert ("by 2 GPUs" in found.of(Job("train", RCN)).source) == (gpus == 2)
        told = forecast(found, 16, None)
        alone = forecast(durations(smoke, read_measured([steps], smoke)), 16, None)
        assert told.gpu_seconds == pytest.approx(alone.gpu_seconds)
        assert (told.wall_seconds < alone.wall_seconds) == (gpus == 2)


def test_a_training_that_several_shared_is_measured_as_one_gpus(tmp_path):
    record = Trained.read(REFERENCE / "mini" / "runs" / RECORDED / "provenance.json")
    times = []
    for processes in (1, 2):
        starts = [replace(start, processes=processes) for start in record.origin.starts]
        folder = tmp_path / str(processes)
        (folder / "runs" / RECORDED).mkdir(parents=True)
        shared = replace(record, origin=replace(record.origin, starts=starts))
        shared.write(folder / "runs" / RECORDED / "provenance.json")
        times.append(read_measured([folder], load_experiment([MINI])).training["rcn18", 8].seconds)
    assert times[1] == pytest.approx(2 * times[0])


def test_trainings_that_were_recorded_are_measured():
    mini = load_experiment([MINI])
    found = durations(mini, read_measured([REFERENCE / "mini"], mini))
    trained = found.of(Job("train", "rcn18-t8-xh_stills-hh_identity-s7"))
    assert trained.source.startswith("measured on Intel")
    assert trained.seconds == pytest.approx(83, abs=5)  # the median of twenty, from 80 to 170
    for other in (replace(mini, clip=replace(mini.clip, crop=16)), replace(mini, stem_pool=False)):
        with pytest.raises(InputError, match="no run in it was trained as this experiment does"):
            read_measured([REFERENCE / "mini"], other)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nvidia_h200", "no run in it, but step times; give .*step_times.json"),
        ("nvidia_h200/scaling.json", "has no key of such a file; run `rcn-bench estimate` again"),
        ("nvidia_h200/nothing.json", "not there; run `rcn-bench estimate` first"),
    ],
)
def test_what_has_no_times_of_an_experiment_is_told(path, told):
    with pytest.raises(InputError, match=told):
        read_measured([REFERENCE / path], load_experiment([KINETICS]))


@pytest.fixture(scope="module")
def kinetics():
    experiment = load_experiment([KINETICS])
    return durations(experiment, read_measured([H100], experiment), videos=(240_000, 20_000))


def test_kinetics_takes_as_many_gpu_hours_as_its_runs_and_less_time_on_more_gpus(kinetics):
    on = {gpus: forecast(kinetics, gpus, None) for gpus in (1, 8, 32)}
    for gpus, found in on.items():
        assert found.gpu_seconds / 3600 == pytest.approx(88.4, abs=0.1)  # docs/data.md
        assert found.wall_seconds >= max(found.gpu_seconds / gpus, sum(seconds for _, seconds in found.path))
    assert on[1].wall_seconds > on[8].wall_seconds >= on[32].wall_seconds
    assert [job.split()[0] for job, _ in on[8].path] == ["shard", "cache", "train", "evaluate"]
    table = on[8].waits["table table1_init"]
    assert table.jobs == {"cache": 2, "evaluate": 4, "shard": 520, "train": 4}
    assert table.last.startswith("evaluate rcn18-t8")
    assert on[8].disk["cache"][0] == pytest.approx(244e9, rel=0.01)
    assert on[8].unknown["profile"] == 19


def test_the_command_prints_both_or_json_alone(smoke, steps, tmp_path, capsys):
    arguments = ["plan", "--config", str(SMOKE), "--results", str(tmp_path)]
    assert cli.main(arguments) == 0
    before = capsys.readouterr().out
    assert cli.main([*arguments, "--gpus", "2", "--measured", str(steps)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(before)
    assert "smoke on 2 GPUs and" in told
    assert "measured on A CARD: " in told
    assert "critical path, however many GPUs there are: " in told
    assert "table table1_init: after " in told
    assert cli.main([*arguments, "--gpus", "0", "--cores", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["gpus"], content["cores"], content["gpu_seconds"]) == (0, 2, 0)
    assert content["jobs"][f"train {RCN}"]["end"] > 0
    assert cli.main([*arguments, "--json"]) == 2
    assert "plan --json: give --gpus" in capsys.readouterr().err


def test_a_list_that_is_not_there_is_asked_for(capsys):
    assert cli.main(["plan", "--config", str(KINETICS), "--gpus", "8"]) == 2
    assert "say how many with --train-videos NUMBER" in capsys.readouterr().err


def test_times_are_told_in_their_unit():
    assert [time_text(seconds) for seconds in (3, 125, 7200)] == ["3 seconds", "2.08 minutes", "2 hours"]
