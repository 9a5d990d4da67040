"""What the files for citing and cataloguing say of the package is what the package says of itself."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import rcn_bench

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load(Path("CITATION.cff").read_text())
CODEMETA = json.loads(Path("codemeta.json").read_text())


def test_the_version_is_said_alike():
    versions = {PROJECT["version"], CITATION["version"], CODEMETA["version"], rcn_bench.__version__}
    versions.add(re.search(r"^## ([\d.]+)", Path("CHANGELOG.md").read_text(), re.MULTILINE)[1])
    assert len(versions) == 1


def test_name_licence_and_description_are_said_alike():
    assert CODEMETA["name"] == PROJECT["name"] == CITATION["title"].partition(":")[0]
    assert CODEMETA["license"] == f"https://spdx.org/licenses/{PROJECT['license']}"
    assert CITATION["license"] == PROJECT["license"]
    assert Path("LICENSE").read_text().startswith(f"{PROJECT['license']} License")
    assert CODEMETA["description"] == PROJECT["description"]
    assert CODEMETA["softwareRequirements"] == f"Python {PROJECT['requires-python']}"


def test_authors_and_paper_are_said_alike():
    assert [author["name"] for author in CODEMETA["author"]] == [author["name"] for author in CITATION["authors"]]
    (cited,), paper = CITATION["references"], CODEMETA["referencePublication"]
    assert (paper["name"], paper["datePublished"]) == (cited["title"], str(cited["year"]))
    assert paper["isPartOf"]["name"] == cited["collection-title"]
    named = [(each["familyName"], each["givenName"]) for each in paper["author"]]
    assert named == [(each["family-names"], each["given-names"]) for each in cited["authors"]]


def test_files_that_are_named_are_there():
    assert all(Path(CODEMETA[key]).is_file() for key in ("readme", "softwareHelp", "continuousIntegration"))


@pytest.mark.parametrize("page", ["CHANGELOG.md", "CONTRIBUTING.md", "config/README.md"])
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", Path(page).read_text()):
        assert target.startswith("https://") or (Path(page).parent / target).exists(), target
