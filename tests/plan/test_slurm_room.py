"""What a SLURM cluster has, as sinfo tells it, against what jobs ask for; sinfo is a script here."""

import math

import pytest

from rcn_bench.errors import InputError
from rcn_bench.plan.slurm import Ask, require_room

# partition (* the default), cores, MB, time limit, generic resources
TOLD = """\
cpu*|64|256000|2-00:00:00|(null)
cpu*|16|64000+|2-00:00:00|(null)
gpu|32|512000|infinite|gpu:a100:4(S:0-1),gpu:h100:2,shard:8
gpu|16|128000|infinite|gpu:2
short|64+|256000|30:00|gpu:8
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Lets sinfo tell so, or fail."""

    def told(text, ending="exit 0"):
        (tmp_path / "told").write_text(text)
        (tmp_path / "sinfo").write_text(f"#!/bin/sh\ncat {tmp_path}/told\n{ending}\n")
        (tmp_path / "sinfo").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    told(TOLD)
    return told


def ask(partition="", cores=1, memory=1000, runtime=60, gpus=0):
    return Ask("train", partition, cores, memory, runtime, gpus)


@pytest.mark.parametrize(
    "fits",
    [
        ask(),
        ask(cores=64, memory=256000, runtime=2880),
        ask("gpu", cores=32, memory=512000, runtime=10**6, gpus=6),
        ask("short", cores=64, runtime=30, gpus=8),
    ],
)
def test_a_job_that_a_node_holds_is_let_through(told, fits):
    require_room([fits])


@pytest.mark.parametrize(
    ("greedy", "largest"),
    [
        (ask(cores=65), "partition cpu has as much, such as 64 cores, 256000 MB, 2880 minutes and 0 GPUs"),
        (ask(memory=256001), "256000 MB"),
        (ask(runtime=2881), "2880 minutes"),
        (ask(gpus=1), "0 GPUs"),
        (ask("gpu", gpus=7), "partition gpu has as much, such as 32 cores, 512000 MB, any time and 6 GPUs"),
        (ask("gpu", cores=17, memory=512001), "512000 MB"),
        (ask("short", runtime=31), "30 minutes"),
    ],
)
def test_one_that_none_holds_is_refused_with_what_there_is(told, greedy, largest):
    with pytest.raises(InputError) as refused:
        require_room([ask(), greedy])
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("train: asks SLURM for ")
    assert largest in str(refused.value)


def test_a_partition_that_is_not_there_is_refused_with_those_that_are(told):
    with pytest.raises(InputError, match=r"slurm_partition: 'cpus' is none of cpu, gpu, short"):
        require_room([ask("cpus")])


def test_without_a_default_partition_slurm_itself_decides(told):
    told(TOLD.replace("*", ""))
    require_room([ask(cores=1000)])


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [("30:00", 30), ("1:00:00", 60), ("2-12:30:30", 3630.5), ("5", 5 / 60), ("infinite", math.inf), ("n/a", math.inf)],
)
def test_time_limits_are_read_as_sinfo_writes_them(told, limit, minutes):
    told(f"main*|1|1000|{limit}|(null)\n")
    if minutes < math.inf:
        with pytest.raises(InputError):
            require_room([ask(runtime=math.ceil(minutes + 0.01))])
        require_room([ask(runtime=math.floor(minutes))])
    else:
        require_room([ask(runtime=10**9)])


def test_a_slurm_that_does_not_answer_is_told_with_its_own_reason(told):
    told("", "echo 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(InputError, match=r"sinfo: SLURM does not answer \(slurm_load_partitions: Unable"):
        require_room([ask()])


def test_a_machine_without_slurms_commands_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sinfo: not there"):
        require_room([ask()])
