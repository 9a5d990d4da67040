"""A SLURM cluster of this machine alone: its daemons on loopback, below one folder, and gone at the end.

    python tests/slurm/cluster.py -- squeue

runs a command on such a cluster. Two nodes of this machine, each with two devices that stand for GPUs; no accounting.
It takes root, and Debian's slurm-wlm and munge.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
NODES = ("node1", "node2")
CPUS, MEBIBYTES = 4, 64_000  # that each node claims; nothing holds its jobs to them
GPUS = ("/dev/null", "/dev/zero")  # what stands for them: SLURM asks for devices
SECONDS_TO_START = 30
PR_SET_PDEATHSIG = 1  # of Linux's prctl

# MinJobAge: for how long squeue knows of a job that has ended, which is all that is known without accounting.
CONFIGURATION = """
ClusterName=here
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,defer_batch
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=300
KillWait=30
JobRequeue=1
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Default=YES Nodes=ALL MaxTime=2-0 PriorityTier=1 OverSubscribe=NO GraceTime=30
PartitionName=urgent Nodes=ALL MaxTime=2-0 PriorityTier=2 PreemptMode=OFF
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}"
)


def missing() -> list[str]:
    """The programs that are not installed; empty where a cluster can be started."""
    return [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """The environment in which SLURM's commands speak to a cluster, which ends with the block, whatever happens.

    Errors: RuntimeError, with the daemons' logs, if its nodes are not idle in time.
    """
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        _write(folder)
        environment = os.environ | {"PATH": f"{folder}/bin:{_path()}", "SLURM_CONF": str(folder / "slurm.conf")}
        munged = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key"]
        munged += [f"--{name}-file={folder}/munge.{name}" for name in ("log", "pid", "seed")]
        daemons = [[*munged, f"--socket={folder}/munge.socket"], ["slurmctld", "-D"]]
        daemons += [["slurmd", "-D", "-N", name] for name in NODES]
        for number, daemon in enumerate(daemons):
            running.enter_context(_running(daemon, environment, folder / f"daemon{number}.out"))
            if number == 0:
                _wait_for((folder / "munge.socket").exists, folder)
        _wait_for(lambda: _idle(environment), folder)
        running.callback(_cancel_all, environment)
        yield environment


def _write(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "bin").mkdir()
    # Within a job Snakemake's executor takes SLURM_CONF from srun, which then looks for /etc/slurm/slurm.conf alone.
    srun = folder / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=_path())} "$@"\n')
    srun.chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    ports = _free_ports(1 + len(NODES))
    nodes = [
        NODE.format(name=name, host=socket.gethostname(), port=port, cpus=CPUS, memory=MEBIBYTES, gpus=len(GPUS))
        for name, port in zip(NODES, ports[1:], strict=True)
    ]
    gres = []
    for name in NODES:
        (folder / name).mkdir()
        gres += [f"NodeName={name} Name=gpu File={device}" for device in GPUS]
    (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, ctld=ports[0], nodes="\n".join(nodes)))
    (folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *gres]) + "\n")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin"  # where daemons are


@contextmanager
def _running(command: list[str], environment: dict[str, str], output: Path) -> Iterator[None]:
    with output.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, preexec_fn=_end_with_parent)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_parent() -> None:
    """Though that is killed; in a session of its own, so that Ctrl-C leaves the order of ends to the parent."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_for(is_so: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while not is_so():
        if time.monotonic() > end:
            logs = "\n".join(f"{file}:\n{file.read_text()[-2000:]}" for file in folder.glob("*.out"))
            raise RuntimeError(f"the cluster does not start:\n{logs}")
        time.sleep(0.2)


def _idle(environment: dict[str, str]) -> bool:
    asked = ["sinfo", "--noheader", "--Node", "--partition=main", "--format=%T"]
    told = subprocess.run(asked, env=environment, capture_output=True, text=True)
    return told.stdout.split() == ["idle"] * len(NODES)


def _cancel_all(environment: dict[str, str]) -> None:
    subprocess.run(["scancel", "--user=root", "--signal=KILL", "--full"], env=environment, timeout=30)
    subprocess.run(["scancel", "--user=root"], env=environment, timeout=30)


def main() -> int:
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemons end too
    with cluster() as environment:
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
