"""Experiments like config/mini.yaml with the results that their tables are made of."""

import copy
import json
import shutil

import pytest
from table_results import write_results

from rcn_bench.plan.config import check_config, merged, update


@pytest.fixture(scope="session")
def config():
    """That of mini, with two seeds and without its figures, whose runs would only be more to write."""
    config = merged(["config/mini.yaml"])
    return config | {"seeds": [0, 1], "figures": {}}


@pytest.fixture(scope="session")
def written_results(tmp_path_factory):
    """The folders of results that were written, by config."""
    return {}, tmp_path_factory


@pytest.fixture
def make(config, written_results, tmp_path):
    """A function: the experiment of the config with some changes, and its results in a folder of the test's own."""
    folders, factory = written_results

    def make(changes=None):
        changed = copy.deepcopy(config)
        update(changed, changes or {})
        key = json.dumps(changed)
        if key not in folders:
            folders[key] = factory.mktemp("results")
            write_results(check_config(changed, "config", folders[key]))
        results = tmp_path / f"results{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folders[key], results)
        return check_config(changed, "config", results)

    return make


@pytest.fixture
def experiment(make):
    return make()
