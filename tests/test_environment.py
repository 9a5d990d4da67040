"""environment.yml installs the package itself, so that it cannot drift from pyproject.toml; the rest must agree."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load(Path("environment.yml").read_text())


def test_conda_environment_installs_this_package_and_nothing_beside_it():
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-e .[dev,live]"]
    assert ENVIRONMENT["name"] == PROJECT["name"]


def test_conda_environment_has_the_python_that_the_package_requires():
    assert f"python{PROJECT['requires-python']}" in ENVIRONMENT["dependencies"]


def test_tested_versions_lie_in_the_declared_ranges():
    lines = Path("constraints.txt").read_text().splitlines()
    tested = dict(re.fullmatch(r"([^=]+)==(.+)", line).groups() for line in lines if not line.startswith("#"))
    tested = {name.lower().replace("_", "-"): version for name, version in tested.items()}
    for text in [
        *PROJECT["dependencies"],
        *(text for extra in PROJECT["optional-dependencies"].values() for text in extra),
    ]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(tested[requirement.name.lower().replace("_", "-")]), text
