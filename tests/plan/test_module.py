"""The workflow as a module of another one, as the Snakemake workflow catalog has it."""

import subprocess
import sys

import pytest
import yaml
from experiments import CONFIGS

REPOSITORY = CONFIGS.parent
SHOWN = (CONFIGS / "README.md").read_text()


OWN_RULE = """

rule own:
    input:
        rules.all.input,
    output:
        "own.txt",
    shell:
        "date > {output}"
"""


@pytest.fixture
def outer(tmp_path):
    """Another repository, whose Snakefile is the one that is shown, but for the place of ours."""
    (text,) = [block.partition("```")[0] for block in SHOWN.split("```python\n")[1:]]
    hosted = 'github("OWNER/REPOSITORY", path="workflow/Snakefile", tag="TAG")'
    assert hosted in text
    (tmp_path / "workflow").mkdir()
    own = repr(str(REPOSITORY / "workflow" / "Snakefile"))
    (tmp_path / "workflow" / "Snakefile").write_text(text.replace(hosted, own) + OWN_RULE)
    return tmp_path


def write_config(folder, content):
    path = folder / "config" / "config.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def counts(told):
    """The lines of two words, such as those of Snakemake's table of jobs."""
    return {tuple(line.split()) for line in told.splitlines() if len(line.split()) == 2}


SMOKE = yaml.safe_load((CONFIGS / "smoke.yaml").read_text()) | {"name": "outer"}


@pytest.mark.slow
def test_another_workflow_plans_all_of_it_and_rules_of_its_own(outer):
    write_config(outer, SMOKE)
    code, told = snakemake(outer, "-n", "own.txt")
    assert code == 0, told
    assert {("train", "5"), ("own", "1")} <= counts(told)
    code, told = snakemake(outer, "-n")  # the default target
    assert code == 0, told
    assert ("train", "5") in counts(told)


@pytest.mark.slow
def test_a_job_of_the_module_runs_with_the_other_workflows_config(outer):
    write_config(outer, {"base": str(CONFIGS / "smoke.yaml"), "name": "outer", "data": {"digits": {"stills": 40}}})
    code, told = snakemake(outer, "--cores", "1", "results/outer/data/stills.npz")
    assert code == 0, told
    results = outer / "results" / "outer"
    assert yaml.safe_load((results / "config.yaml").read_text())["data"]["digits"]["stills"] == 40
    assert (results / "data" / "stills.npz").exists()
    assert not list(results.glob("at_work/*"))


@pytest.mark.slow
def test_a_bad_config_is_one_line(outer):
    write_config(outer, SMOKE | {"sedes": [0]})
    code, told = snakemake(outer, "-n", "all")
    assert code != 0
    assert "config/config.yaml: the config: unknown key 'sedes'; did you mean seeds?" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_our_own_workflow_is_the_same_from_there():
    snakefile, config = ["-s", "workflow/Snakefile"], ["--configfile", "config/smoke.yaml", "--config", "name=planned"]
    code, told = snakemake(REPOSITORY, "-n", "--nolock", *snakefile, *config)
    assert code == 0, told
    assert ("train", "5") in counts(told)
