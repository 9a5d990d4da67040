"""Caches of five small videos."""

import pytest
from five_videos import Folder

from rcn_bench.data.cache import build as building


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A cache that no test changes."""
    folder = Folder(tmp_path_factory.mktemp("built"))
    return folder, folder.build()


@pytest.fixture
def made(monkeypatch):
    """Numbers of the shards that are written."""
    numbers, write = [], building._write_shard
    monkeypatch.setattr(building, "_write_shard", lambda source, n, *rest: numbers.append(n) or write(source, n, *rest))
    return numbers
