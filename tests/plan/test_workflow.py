"""The workflow's plan, by Snakemake itself: which jobs, of which configs, and what is refused before any."""

import re
import subprocess
import sys

import pytest
import yaml
from experiments import CONFIGS

from rcn_bench.plan.config import load_experiment


def plan(*arguments):
    command = [sys.executable, "-m", "snakemake", "-n", "--nolock", *arguments]
    result = subprocess.run(command, cwd=CONFIGS.parent, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def job_counts(text):
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", text, re.DOTALL)[1]
    return {name: int(count) for name, count in (line.split() for line in table.splitlines())}


def plan_from_nothing(*arguments):
    code, text = plan(*arguments, "--config", "name=planned-in-a-test")
    assert code == 0, text
    return job_counts(text)


@pytest.mark.slow
def test_default_config_is_mini_and_tables_leave_out_the_runs_of_figures():
    tables, everything = plan_from_nothing("all_tables"), plan_from_nothing("all")
    assert tables["table"] == len(load_experiment([CONFIGS / "mini.yaml"]).tables) + 1  # two share a section
    assert not {"figure", "online", "w_hh"} & set(tables)
    assert (everything["figure"], everything["online"], everything["w_hh"]) == (4, 5, 7)
    assert (tables["train"], everything["train"]) == (10, 13)
    assert tables["evaluate"] == everything["evaluate"] == 10
    assert (tables["pretrain"], everything["pretrain"]) == (1, 2)
    assert (tables["profile"], tables["throughput"], tables["causality"]) == (5, 1, 1)


@pytest.mark.slow
def test_kinetics_is_planned_without_its_videos_and_without_stills():
    code, text = plan("all", "--configfile", "config/kinetics.yaml", "--config", "name=planned-in-a-test")
    assert code == 0, text
    counts = job_counts(text)
    assert "make_digits" not in counts
    assert "pretrain" not in counts
    assert (counts["shard"], counts["cache"]) == (2, 2)
    assert (counts["profile"], counts["throughput"], counts["causality"]) == (19, 1, 1)
    assert (counts["train"], counts["evaluate"], counts["online"]) == (33, 31, 6)


def resources(text):
    """Of every training: its GPUs, threads and MB."""
    found = {}
    for block in re.findall(r"^rule train:\n((?:    .*\n)+)", text, re.MULTILINE):
        run = re.search(r"wildcards: run=(\S+)", block)[1]
        threads = re.search(r"threads: (\d+)", block)
        gpus, memory = (int(re.search(rf"\b{name}=(\d+)", block)[1]) for name in ("gpu", "mem_mb"))
        found[run] = gpus, int(threads[1]) if threads else 1, memory
    return found


@pytest.mark.slow
@pytest.mark.parametrize("changes", [[], ["train={gpus_by_frames: {128: 4, 64: 1}, batch_norm: synchronised}"]])
def test_kinetics_on_eight_gpus_gives_long_clips_several_and_all_others_one(changes):
    names = ["--cores", "64", "--configfile", "config/kinetics_8gpus.yaml", "--config", "name=planned-in-a-test"]
    code, text = plan("all", *names, *changes)
    assert code == 0, text
    found = resources(text)
    assert len(found) == 33
    for run, (gpus, threads, memory) in found.items():
        assert gpus == ((4 if changes else 2) if "-t128-" in run else 1), run
        assert threads == 8 * gpus
        assert memory >= 16000 * gpus


@pytest.fixture
def own_videos(tmp_path):
    """A second config file for the Kinetics one, with lists of five and two videos in shards of two."""
    data = {"annotations": {}, "videos": str(tmp_path), "shard_videos": 2}
    for split, videos in (("train", "abcde"), ("val", "fg")):
        data["annotations"][split] = str(tmp_path / f"{split}.csv")
        (tmp_path / f"{split}.csv").write_text("path,label\n" + "".join(f"{name}.mp4,up\n" for name in videos))
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "planned-in-a-test", "data": data}))
    return tmp_path


@pytest.mark.slow
def test_own_videos_are_planned_shard_by_shard(own_videos):
    code, text = plan("all_tables", "--configfile", "config/kinetics.yaml", str(own_videos / "own.yaml"))
    assert code == 0, text
    assert (job_counts(text)["shard"], job_counts(text)["cache"]) == (4, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ssv2", "ucf101"])
def test_other_data_sets_are_planned_without_their_videos(name):
    counts = plan_from_nothing("all_tables", "--configfile", f"config/{name}.yaml")
    assert (counts["shard"], counts["cache"]) == (2, 2)
    assert counts["train"] == counts["evaluate"] > 0


@pytest.mark.slow
def test_a_list_that_cannot_be_read_is_named_before_any_job(own_videos):
    with (own_videos / "train.csv").open("a") as file:
        file.write("../h.mp4,up\n")
    code, text = plan("all_tables", "--configfile", "config/kinetics.yaml", str(own_videos / "own.yaml"))
    assert code != 0
    assert f"{own_videos / 'train.csv'}, line 7: ../h.mp4 leaves the folder of videos" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_a_second_config_file_changes_values_of_the_first(tmp_path):
    changes = tmp_path / "changes.yaml"
    changes.write_text("name: planned-in-a-test\nseeds: [0, 1]\n")
    code, text = plan("all_tables", "--configfile", "config/mini.yaml", str(changes))
    assert code == 0, text
    assert job_counts(text)["train"] == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [("sedes=[0]", "did you mean seeds?"), ("stem_pool=maybe", 'stem_pool: "maybe" is not a boolean')],
)
def test_bad_config_stops_before_any_job(change, told):
    code, text = plan("all_tables", "--config", change)
    assert code != 0
    assert told in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_a_base_is_followed_and_the_command_lines_values_come_last(tmp_path):
    (tmp_path / "mine.yaml").write_text(f"base: {CONFIGS / 'mini.yaml'}\nname: planned-in-a-test\nseeds: [0, 1]\n")
    values = ["stem_pool=false", "seeds=[0]", "tables={'table2': {'models': ['c2d18']}}"]
    code, text = plan("all_tables", "--configfile", str(tmp_path / "mine.yaml"), "--config", *values)
    assert code == 0, text
    counts = job_counts(text)
    assert counts["train"] == 7  # table1 has four, table2 two, table3 one more
    assert counts["profile"] == 5


def test_without_tables_and_figures_there_is_nothing_to_do(tmp_path):
    (tmp_path / "none.yaml").write_text(f"base: {CONFIGS / 'mini.yaml'}\nname: planned\ntables: null\nfigures: null\n")
    code, text = plan("all", "--configfile", str(tmp_path / "none.yaml"))
    assert code == 0, text
    assert not {"train", "table", "figure"} & set(job_counts(text))


@pytest.mark.slow
@pytest.mark.parametrize("given", [True, False], ids=["with a config", "without"])
def test_planned_from_another_folder(tmp_path, given):
    config = ["--configfile", str(CONFIGS / "smoke.yaml")] if given else []
    command = [sys.executable, "-m", "snakemake", "-n", "-s", str(CONFIGS.parent / "Snakefile"), *config, "--", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = load_experiment([CONFIGS / ("smoke.yaml" if given else "mini.yaml")]).tables
    assert job_counts(done.stdout + done.stderr)["table"] == len(tables) + 1  # two share a section
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--unlock"], ["--rulegraph"], ["--lint"]], ids=" ".join)
def test_snakemakes_other_questions_are_answered(tmp_path, arguments):
    command = [sys.executable, "-m", "snakemake", "-s", str(CONFIGS.parent / "Snakefile"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planned_for_a_cluster():
    pytest.importorskip("snakemake_executor_plugin_slurm")
    code, text = plan("all", "--executor", "slurm", "--jobs", "2", "--config", "name=planned-in-a-test")
    assert code == 0, text


def test_the_rules_themselves_are_short():
    for path in (CONFIGS.parent / "workflows").glob("*.smk"):
        assert len(path.read_text().splitlines()) <= (60 if path.name == "common.smk" else 80), path
