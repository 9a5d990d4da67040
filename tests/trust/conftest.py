"""Whole results of a small experiment, as they are at work and as they are kept; a test has its own copy."""

import shutil

import pytest
from whole_results import write_whole

from rcn_bench.trust.keep import keep


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return write_whole(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def written_kept(written, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "of_small"
    keep(written, folder)
    return folder


@pytest.fixture
def whole(written, tmp_path):
    return shutil.copytree(written, tmp_path / "results" / "small")


@pytest.fixture
def kept(written_kept, tmp_path):
    return shutil.copytree(written_kept, tmp_path / "kept")
