"""Where a result comes from: command, commit, packages, machine."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("rcn_bench", "torch", "torchvision", "numpy", "av", "fvcore", "pandas", "snakemake", "mlxtend")


def provenance() -> dict[str, Any]:
    """The command, time, git commit and dirty flag, package versions and machine of this process."""
    return {
        "command": " ".join(sys.argv),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _git(),
        "packages": _versions(),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """Processor, cores, threads in use, memory, and the GPU if torch sees one."""
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git() -> dict[str, Any]:
    """The commit of the checkout that this package runs from; null for an installed copy."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _run(["git", "rev-parse", "HEAD"], folder)
        return {"commit": commit, "dirty": bool(_run(["git", "status", "--porcelain", "--untracked-files=no"], folder))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def _run(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions
