"""What others take of the processor while something is timed."""

import os
import subprocess
import sys

import pytest

from rcn_bench.analysis import others
from rcn_bench.analysis.others import watched_cores

BEFORE = "cpu  100 0 50 900 0 0 0 0 0 0\n"


@pytest.fixture
def after(monkeypatch, tmp_path):
    """A function: the cores that this process lacked, by the machine's counts after ten seconds."""
    monkeypatch.setattr(others, "STATISTICS", tmp_path / "stat")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(others.time, "perf_counter", lambda: next(clock))
    own = iter([0.0, 20.0])  # two cores' worth
    monkeypatch.setattr(others.time, "process_time", lambda: next(own))

    def lacking(user, needed=2):
        (tmp_path / "stat").write_text(BEFORE)
        with watched_cores(needed) as cores:
            ticks = 100 + user * os.sysconf("SC_CLK_TCK")
            (tmp_path / "stat").write_text(BEFORE.replace("100", str(ticks), 1))
        return cores.lacking

    return lacking


def test_cores_that_are_free_are_not_lacking(after):
    assert after(20 + 20) == 0  # two of four are others'


def test_cores_that_others_use_are(after):
    assert after(20 + 30) == 1


def test_a_machine_that_does_not_tell_is_not_known_to_be_busy(monkeypatch, tmp_path):
    monkeypatch.setattr(others, "STATISTICS", tmp_path / "none")
    with watched_cores(2) as cores:
        pass
    assert cores.lacking is None


@pytest.mark.skipif(not others.STATISTICS.is_file(), reason="no /proc/stat here")
def test_another_process_at_work_is_seen(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 0)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with watched_cores(0) as cores:
            others.time.sleep(1)
    finally:
        busy.kill()
        busy.wait()
    assert cores.lacking > 0.2
