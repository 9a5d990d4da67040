"""The workflow's plan, by Snakemake itself; `.ci/run` executes it."""

import re
import subprocess
import sys

import pytest


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
    assert tables["table"] == 4
    assert "figure" not in tables
    assert everything["figure"] == 3
    assert (tables["train"], everything["train"]) == (10, 13)
    assert tables["evaluate"] == everything["evaluate"] == 10
    assert (tables["pretrain"], everything["pretrain"]) == (1, 2)


def test_kinetics_is_planned_without_its_videos_and_without_stills():
    code, text = plan("all", "--configfile", "config/kinetics.yaml", "--config", "name=planned-in-a-test")
    assert code == 0, text
    counts = job_counts(text)
    assert "make_digits" not in counts
    assert "pretrain" not in counts
    assert counts["cache"] == 2


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
