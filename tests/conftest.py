"""Benchmarks run under `pytest --benchmark-only` alone; the test suite leaves them out."""

from pathlib import Path

BENCHMARKS = Path(__file__).parent / "benchmarks"


def pytest_collection_modifyitems(config, items):
    if config.getoption("--benchmark-only", default=False):
        return
    benchmarks = [item for item in items if BENCHMARKS in item.path.parents]
    config.hook.pytest_deselected(items=benchmarks)
    items[:] = [item for item in items if item not in benchmarks]
