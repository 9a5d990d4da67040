"""What an experiment is said to take: steps timed on this machine, and arithmetic on those of another."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rcn_bench import cli
from rcn_bench.analysis.estimate import estimate
from rcn_bench.analysis.memory import GIB, estimate_memory
from rcn_bench.analysis.steps import measure_steps, network_of
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.sections import Annotations, Data
from rcn_bench.records.costs import StepSettings, StepTime, StepTimes
from results import an_origin_on

SMOKE = Path(__file__).parents[2] / "config" / "smoke.yaml"
SETTINGS = StepSettings(
    frames_per_batch=64,
    autocast="none",
    compile=False,
    cuda_graph=False,
    deterministic=False,
    recompute_activations=False,
    crop=32,
    stem_pool=True,
)


@pytest.fixture
def only_rcn(experiment):
    """The experiment without I3D."""
    table2 = {"models": ["rcn18"], "frames": 8}
    return replace(experiment, tables=experiment.tables | {"table2": table2})


@pytest.fixture
def experiment(tmp_path):
    """16 videos to train on in batches of 8 clips of 8 frames, 8 videos to validate on by 4 clips each."""
    return load_experiment([SMOKE], tmp_path)


def training(experiment, **changes):
    return replace(experiment, train=replace(experiment.train, **changes))


def written(path: Path, *steps: StepTime, **settings) -> Path:
    origin = an_origin_on(device="A CARD", cpu="a processor")
    StepTimes(origin=origin, settings=replace(SETTINGS, **settings), rows=list(steps)).write(path)
    return path


RCN, I3D = StepTime("rcn18", 8, 4, 36.0, 0.9, GIB), StepTime("i3d18", 8, 4, 72.0, 1.8, 12 * GIB)
UNMEASURED = [StepTime(model, 8, 4, 1.0, 1.0, None) for model in ("rcn18", "i3d18")]


@pytest.fixture
def steps(tmp_path):
    """RCN-18 takes 36 s for 4 clips and 0.9 s to evaluate them, I3D-18 twice that, and 12 GiB."""
    return written(tmp_path / "steps.json", RCN, I3D)


def rows_of(text: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines[2:]}


def test_hours_are_those_of_all_updates_and_clips(experiment, steps):
    text = estimate(experiment, steps)
    rows = rows_of(text)
    assert len(rows) == 5
    # 16 videos make 2 updates an epoch, each of 8 clips: 72 s; 8 videos of 4 clips: 32 clips, 0.9 s for 4 of them.
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"] == ["2", "8", "7.2e+04", "0.04", "0.002", "1"]
    assert rows["i3d18-t8-xh_stills-s0"] == ["2", "8", "1.44e+05", "0.08", "0.004", "12"]
    assert "- Time: 0.252 hours for 5 runs" in text  # four of RCN-18, one of I3D-18
    assert "timed on A CARD" in text
    assert "- Memory: 12 GiB at most, more than the 11 GiB of profile.memory_gib; of a training step, measured" in text


def test_more_epochs_and_videos_take_longer(experiment, steps):
    rows = rows_of(estimate(training(experiment, epochs=3), steps, 1600, 80))
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"][:1] == ["600"]
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"][3:5] == ["12", "0.02"]


def test_gpus_that_share_a_batch_take_the_time_of_their_share(experiment, steps):
    rows = rows_of(estimate(training(experiment, gpus=4), steps))
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"][:4] == ["2", "8", "1.8e+04", "0.01"]


def test_runs_take_the_time_of_their_own_clip_lengths_share(experiment, steps):
    alone, shared, others = (
        rows_of(estimate(training(experiment, gpus_by_frames=shares), steps)) for shares in ({}, {"8": 4}, {"16": 4})
    )
    assert shared == rows_of(estimate(training(experiment, gpus=4), steps)) != alone
    assert others == alone


def test_runs_of_figures_alone_are_not_evaluated(experiment, tmp_path):
    experiment = replace(experiment, figures=experiment.figures | {"figure2": {"models": ["rcn18"], "frames": 4}})
    steps = written(tmp_path / "steps.json", RCN, I3D, StepTime("rcn18", 4, 4, 18.0, 0.4, GIB))
    rows = rows_of(estimate(experiment, steps))
    assert rows["rcn18-t4-xh_random-hh_identity-s0"][4] == "0"


@pytest.mark.slow
def test_memory_is_estimated_where_it_was_not_measured(experiment, tmp_path):
    text = estimate(experiment, written(tmp_path / "steps.json", *UNMEASURED))
    assert "estimated from tensor shapes" in text
    memory = {name: float(row[-1]) for name, row in rows_of(text).items()}
    assert 0.2 < memory["rcn18-t8-xh_stills-hh_identity-s0"] < memory["i3d18-t8-xh_stills-s0"] < 1


def memory_of_runs(experiment, path):
    train = experiment.train
    settings = {"frames_per_batch": train.frames_per_batch, "recompute_activations": train.recompute_activations}
    rows = rows_of(estimate(experiment, written(path, *UNMEASURED, **settings)))
    return {run: float(row[-1]) for run, row in rows.items()}


@pytest.mark.slow
def test_estimated_memory_is_that_of_recomputed_activations(only_rcn, tmp_path):
    """Of large batches, so that activations and not weights make it."""
    kept, recomputing = (
        training(only_rcn, frames_per_batch=4096, recompute_activations=recompute) for recompute in (False, True)
    )
    run = "rcn18-t8-xh_stills-hh_identity-s0"
    kept_memory = memory_of_runs(kept, tmp_path / "kept.json")[run]
    memory = memory_of_runs(recomputing, tmp_path / "recomputing.json")[run]
    network = recompute_activations(network_of(Run.parse(run), recomputing))
    assert memory == pytest.approx(estimate_memory(network, (512, 3, 8, 32, 32)).training / GIB, rel=0.01)
    assert memory < 0.9 * kept_memory


@pytest.mark.slow
def test_ablations_are_estimated_with_their_options(experiment, tmp_path):
    models = experiment.models | {"rcn18+sum": replace(experiment.models["rcn18"], w_hh=["identity"])}
    tables = experiment.tables | {"table2": {"models": ["rcn18+sum"], "frames": 8}}
    experiment = replace(experiment, models=models, tables=tables)
    with pytest.raises(InputError, match=r"rcn18\+sum at 8 frames was not timed there"):
        estimate(experiment, written(tmp_path / "steps.json", *UNMEASURED))
    network = network_of(Run.parse("rcn18+sum-t8-xh_random-hh_identity-s0"), experiment)
    assert {module.mode for module in network.modules() if hasattr(module, "mode")} == {"sum"}
    timed = [*UNMEASURED, StepTime("rcn18+sum", 8, 4, 1.0, 1.0, None)]
    rows = rows_of(estimate(experiment, written(tmp_path / "steps.json", *timed)))
    assert "rcn18+sum-t8-xh_stills-hh_identity-s0" in rows


@pytest.mark.slow
@pytest.mark.parametrize(("shares", "clips"), [({"16": 4}, 4), ({"8": 4}, 2)])
def test_steps_are_timed_as_training_runs_them(experiment, shares, clips):
    experiment = training(experiment, gpus_by_frames=shares)
    experiment = replace(experiment, profile=replace(experiment.profile, seconds=0.01))
    lines = []
    measure_steps(experiment, progress=lines.append)
    times = StepTimes.read(experiment.paths.step_times)
    assert [(row.model, row.frames, row.clips) for row in times.rows] == [("i3d18", 8, clips), ("rcn18", 8, clips)]
    assert all(row.training_seconds > 0 and row.evaluation_seconds > 0 for row in times.rows)
    assert times.settings == SETTINGS
    assert times.origin.stage == "steps"
    assert len(times.origin.starts) == 1
    assert len(lines) == 2
    assert len(rows_of(estimate(experiment, experiment.paths.step_times))) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "not JSON"),
        ("{}", "has no origin"),
        ('{"2": {}}', "has no key of such a file"),
        ('{"rows": [{"model": "rcn18"}], "machine": {}, "settings": {}}', "has no origin"),
    ],
)
def test_a_foreign_file_is_one_line(experiment, tmp_path, content, told):
    (tmp_path / "steps.json").write_text(content)
    with pytest.raises(InputError, match=told) as error:
        estimate(experiment, tmp_path / "steps.json")
    assert "steps.json" in str(error.value)
    assert "rcn-bench estimate" in str(error.value)
    assert "\n" not in str(error.value)


def test_steps_timed_in_another_way_are_refused(experiment, tmp_path):
    with pytest.raises(InputError, match="timed with autocast float16, the config has none"):
        estimate(experiment, written(tmp_path / "other.json", autocast="float16"))


def test_a_model_that_was_not_timed_is_named(experiment, tmp_path):
    steps = written(tmp_path / "steps.json", StepTime("rcn18", 8, 4, 1.0, 1.0, None))
    with pytest.raises(InputError, match="i3d18 at 8 frames was not timed there"):
        estimate(experiment, steps)


@pytest.fixture
def own(experiment, tmp_path):
    """The experiment on videos of one's own, which are not there yet."""
    (tmp_path / "videos").mkdir()
    lists = Annotations(**{split: str(tmp_path / f"{split}.csv") for split in ("train", "val")})
    return replace(experiment, data=Data(annotations=lists, videos=str(tmp_path / "videos"), shard_videos=3))


def test_the_number_of_videos_must_be_known(own, steps, tmp_path):
    with pytest.raises(InputError, match=r"train\.csv: not there yet; say how many with --train-videos NUMBER"):
        estimate(own, steps)
    text = estimate(own, steps, 16, 8)
    assert "- Videos: 16 to train on, 8 to validate on." in text
    assert f"- Cache of train: not known before a few of its videos are in {tmp_path / 'videos'}." in text


@pytest.mark.slow
def test_disk_is_guessed_from_the_videos_that_are_there(own, steps, tmp_path):
    for i in range(4):
        write_lossless(tmp_path / "videos" / f"{i}.mp4", np.zeros((10, 16, 20), np.uint8), 8)
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("path,label\n" + "".join(f"{i}.mp4,a\n" for i in range(4)))
    text = estimate(own, steps)
    assert "- Videos: 4 to train on, 4 to validate on." in text
    assert f"- Cache of train: {4 * 10 * 16 * 20 * 3 / 1000:.1f} kB in 2 shards, which take" in text


def test_the_command_takes_the_times_of_another_machine(steps, tmp_path, capsys):
    arguments = ["estimate", "--config", str(SMOKE), "--results", str(tmp_path), "--step-times", str(steps)]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.startswith("# What smoke takes\n")
    assert cli.main([*arguments[:-1], str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json: not there; run `rcn-bench estimate` first" in capsys.readouterr().err
