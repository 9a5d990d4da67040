"""Benchmarks run under `pytest --benchmark-only` alone; fixtures that several test files share."""

import gc
import os
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


def pytest_configure(config):
    """Hypothesis shows a test the same examples at every run, and fails none because the machine is busy."""
    if config.pluginmanager.hasplugin("hypothesispytest"):  # benchmarks do without it
        from hypothesis import settings

        settings.register_profile("tests", derandomize=True, deadline=None)
        settings.load_profile("tests")


def pytest_ignore_collect(collection_path, config):
    """What measures is read with --benchmark-only, and nothing else is then."""
    measures = BENCHMARKS in collection_path.parents
    if collection_path.is_file() and measures != config.getoption("--benchmark-only", default=False):
        return True
    return None  # other hooks decide


def pytest_collection_finish():
    """The garbage collector passes over what thousands of collected tests hold, which stays."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _unsynced(request):
    """Nothing waits for the disk: what tests write need not outlive a power cut. Benchmarks wait as users do."""
    with pytest.MonkeyPatch.context() as patched:
        if not request.config.getoption("--benchmark-only", default=False):
            patched.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def fixed_seed_and_one_thread():
    import torch  # here, so that tests without it start at once

    threads = torch.get_num_threads()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def own_registry(monkeypatch):
    """What a test registers is forgotten after it."""
    from rcn_bench.models import network2d, registry  # here, so that tests without torch start at once

    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    monkeypatch.setattr(network2d, "_REGISTERED", dict(network2d._REGISTERED))
