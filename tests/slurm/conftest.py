"""A cluster that all tests here share, where SLURM is installed."""

import sys
from pathlib import Path

import pytest
from cluster import cluster, missing

sys.path.append(str(Path(__file__).parents[1] / "soak"))  # for what compares two experiments


@pytest.fixture(scope="session")
def slurm():
    """The environment in which SLURM's commands and Snakemake speak to the cluster."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the extra `cluster` is not installed")
    if absent := missing():
        pytest.skip(f"not installed: {', '.join(absent)}; apt-get install slurm-wlm munge")
    repository = str(Path(__file__).parents[2])
    with cluster() as environment:
        yield environment | {"PYTHONPATH": repository, "OMP_NUM_THREADS": "1"}
