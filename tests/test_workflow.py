"""The workflow's plan, by Snakemake itself, and how it stops; `.ci/run` executes it whole."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

# The least that makes every table: four runs of one model, on clips of 4 small frames.
SMALLEST = {
    "name": "smallest",
    "data": {"digits": {"canvas": 20, "video_frames": 16}},
    "clip": {"crop": 16, "evaluation_clips": 2},
    "train": {"epochs": 3, "frames_per_batch": 32},
    "tables": {
        "table1": {"model": "rcn18", "frames": 4},
        "table2": {"models": ["rcn18"], "frames": 4},
        "table3": {"models": ["rcn18"], "frames": [4]},
        "table4": {"models": ["rcn18"], "frames": [4]},
        "table5": {"models": ["rcn18"], "frames": 4},
    },
    "profile": {
        "size": 32,
        "num_classes": 4,
        "memory_frames_per_batch": 8,
        "timing_frames_per_batch": 8,
        "seconds": 0.01,
    },
}


def plan(*arguments):
    command = [sys.executable, "-m", "snakemake", "-n", "--nolock", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def job_counts(text):
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", text, re.DOTALL)[1]
    return {name: int(count) for name, count in (line.split() for line in table.splitlines())}


def plan_from_nothing(*arguments):
    code, text = plan(*arguments, "--config", "name=planned-in-a-test")
    assert code == 0, text
    return job_counts(text)


def test_default_config_is_mini_and_tables_leave_out_the_runs_of_figures():
    tables, everything = plan_from_nothing("all_tables"), plan_from_nothing("all")
    assert tables["table"] == 6
    assert not {"figure", "online"} & set(tables)
    assert (everything["figure"], everything["online"]) == (4, 5)
    assert (tables["train"], everything["train"]) == (10, 13)
    assert tables["evaluate"] == everything["evaluate"] == 10
    assert (tables["pretrain"], everything["pretrain"]) == (1, 2)
    assert (tables["profile"], tables["throughput"], tables["causality"]) == (5, 1, 1)


def test_kinetics_is_planned_without_its_videos_and_without_stills():
    code, text = plan("all", "--configfile", "config/kinetics.yaml", "--config", "name=planned-in-a-test")
    assert code == 0, text
    counts = job_counts(text)
    assert "make_digits" not in counts
    assert "pretrain" not in counts
    assert (counts["shard"], counts["cache"]) == (2, 2)
    assert (counts["profile"], counts["throughput"], counts["causality"]) == (19, 1, 1)
    assert (counts["train"], counts["evaluate"], counts["online"]) == (33, 31, 6)


@pytest.fixture
def own_videos(tmp_path):
    """A second config file for the Kinetics one, with lists of five and two videos in shards of two."""
    data = {"annotations": {}, "videos": str(tmp_path), "shard_videos": 2}
    for split, videos in (("train", "abcde"), ("val", "fg")):
        data["annotations"][split] = str(tmp_path / f"{split}.csv")
        (tmp_path / f"{split}.csv").write_text("path,label\n" + "".join(f"{name}.mp4,up\n" for name in videos))
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "planned-in-a-test", "data": data}))
    return tmp_path


def test_own_videos_are_planned_shard_by_shard(own_videos):
    code, text = plan("all_tables", "--configfile", "config/kinetics.yaml", str(own_videos / "own.yaml"))
    assert code == 0, text
    assert (job_counts(text)["shard"], job_counts(text)["cache"]) == (4, 2)


def test_a_list_that_cannot_be_read_is_named_before_any_job(own_videos):
    with (own_videos / "train.csv").open("a") as file:
        file.write("../h.mp4,up\n")
    code, text = plan("all_tables", "--configfile", "config/kinetics.yaml", str(own_videos / "own.yaml"))
    assert code != 0
    assert f"{own_videos / 'train.csv'}, line 7: ../h.mp4 leaves the folder of videos" in text
    assert "Traceback" not in text


def test_a_second_config_file_changes_values_of_the_first(tmp_path):
    changes = tmp_path / "changes.yaml"
    changes.write_text("name: planned-in-a-test\nseeds: [0, 1]\n")
    code, text = plan("all_tables", "--configfile", "config/mini.yaml", str(changes))
    assert code == 0, text
    assert job_counts(text)["train"] == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [("sedes=[0]", "did you mean seeds?"), ("stem_pool=maybe", "stem_pool: 'maybe' is not of type 'boolean'")],
)
def test_bad_config_stops_before_any_job(change, told):
    code, text = plan("all_tables", "--config", change)
    assert code != 0
    assert told in text
    assert "Traceback" not in text


def small_experiment(tmp_path, **changes):
    """A call of Snakemake that makes all tables of the smallest experiment, in a working directory of its own."""
    path = tmp_path / "smallest.yaml"
    path.write_text(yaml.safe_dump(SMALLEST | {"tables": SMALLEST["tables"] | changes}))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(tmp_path)]
    return [*command, "--configfile", "config/smoke.yaml", str(path), "--", "all_tables"]


def test_model_that_nobody_registered_stops_before_any_job(tmp_path):
    command = small_experiment(tmp_path, table4={"models": ["rcn18", "rcn19"], "frames": [4]})
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0
    assert "rcn-bench: unknown model 'rcn19'; did you mean rcn18?" in result.stderr
    assert "Traceback" not in result.stderr
    results = tmp_path / "results" / "smallest"
    assert [path.name for path in results.rglob("*") if path.is_file()] == ["config.yaml"]


@pytest.mark.slow
def test_same_command_goes_on_after_ctrl_c(tmp_path):
    command, results = small_experiment(tmp_path), tmp_path / "results" / "smallest"
    output = tmp_path / "output.txt"
    with output.open("w") as stream:
        first = subprocess.Popen(
            command,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # a terminal's Ctrl-C, too, goes to the whole group
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # even below `... &`
        )
        try:
            deadline = time.monotonic() + 300
            while not (checkpoints := list(results.glob("checkpoints/rcn18*.pt"))):
                assert first.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.02)
            os.killpg(first.pid, signal.SIGINT)
            assert first.wait(60) != 0
        finally:
            if first.poll() is None:
                os.killpg(first.pid, signal.SIGKILL)
    stopped = checkpoints[0].stem
    assert checkpoints[0].exists()
    log = results / "logs" / "train" / f"{stopped}.log"
    assert log.read_text().splitlines()[-1].startswith("rcn-bench: interrupted; the same command goes on")
    assert not (results / "runs" / stopped / "model.safetensors").exists()

    second = subprocess.run(command, capture_output=True, text=True)  # without --unlock or --rerun-incomplete
    assert second.returncode == 0, second.stderr
    assert log.read_text().startswith(f"{stopped}: resuming after epoch ")
    assert len((results / "runs" / stopped / "metrics.jsonl").read_text().splitlines()) == SMALLEST["train"]["epochs"]
    assert not list(results.glob("checkpoints/*"))
    assert len(list(results.glob("tables/table*"))) == 6 * 3
