"""The containers, which are not built here, name files, extras and commands that there are."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from rcn_bench import cli

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
DOCKER, APPTAINER = Path("containers/Dockerfile"), Path("containers/rcn_bench.def")
BOTH = pytest.mark.parametrize("file", [DOCKER, APPTAINER], ids=lambda file: file.name)
NEEDED = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "Snakefile", "environment.yml"}
NEEDED |= {"rcn_bench", "workflows", "config"}


def copied(file):
    text = file.read_text()
    if file == DOCKER:
        return {name for line in re.findall(r"^COPY (.*)", text, re.MULTILINE) for name in line.split()[:-1]}
    return set(re.findall(r"^    (\S+) /rcn_bench/\1$", text, re.MULTILINE))


@BOTH
def test_what_is_copied_is_there_and_is_all_that_the_workflow_reads(file):
    assert copied(file) == NEEDED
    assert all(Path(name).exists() for name in NEEDED)
    included = re.findall(r"^include: \"(.*)\"", Path("Snakefile").read_text(), re.MULTILINE)
    assert included
    assert all(Path(name).parts[0] in NEEDED for name in included)


@BOTH
def test_the_package_is_installed_with_the_tested_versions(file):
    (install,) = re.findall(r"pip install (.*)", file.read_text())
    assert "--constraint constraints.txt" in install
    target = shlex.split(install)[-1]
    extras = re.findall(r"\[(.*)\]", target)
    assert target.partition("[")[0] == "."
    assert all(extra in PROJECT["optional-dependencies"] for extra in ",".join(extras).split(",") if extra)


@BOTH
def test_its_python_is_one_that_the_package_takes(file):
    (version,) = re.findall(r"^F(?:ROM|rom:) python:([\d.]+)-slim$", file.read_text(), re.MULTILINE)
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


@BOTH
def test_it_is_said_that_it_was_not_built(file):
    assert "Not built here" in file.read_text()
    page = Path("docs/install.md").read_text()
    assert f"../{file}" in page[page.index("## Not tested here") :]


@BOTH
def test_commands_that_it_shows_are_known(file):
    called = r"(?:--entrypoint rcn-bench rcn_bench|\.sif rcn-bench|^    rcn-bench) (.*)"
    shown = re.findall(called, file.read_text(), re.MULTILINE)
    assert shown
    for arguments in shown:
        if arguments != "--version":
            cli.build_parser().parse_args(shlex.split(arguments))


def test_the_pod_runs_what_the_image_holds_with_as_many_gpus_as_it_has(tmp_path):
    text = Path("containers/kubernetes.yaml").read_text()
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    limits, arguments = container["resources"]["limits"], container["args"]
    assert arguments[arguments.index("--cores") + 1] == str(limits["cpu"])
    assert f"gpu={limits['nvidia.com/gpu']}" in arguments
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    *_, workdir = re.findall(r"^WORKDIR (.*)", DOCKER.read_text(), re.MULTILINE)
    assert container["volumeMounts"][0]["mountPath"] == workdir
    settings = yaml.safe_load(Path("profiles/default/config.yaml").read_text())  # which the image does not hold
    assert {f"--{key}" for key in settings} <= set(arguments)
    config = Path(arguments[arguments.index("--configfile") + 1])
    assert Path(config).relative_to("/rcn_bench").exists()
    assert "Not built here" in text


def test_what_a_context_leaves_out_is_nothing_that_is_copied():
    left_out = {line for line in Path(".dockerignore").read_text().splitlines() if "*" not in line}
    assert not left_out & copied(DOCKER)
