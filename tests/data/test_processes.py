"""A function over many items in processes: in order, whatever they do."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rcn_bench.data.processes import in_processes


def double(number: int) -> int:
    return 2 * number


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def sleep(number: int) -> int:
    time.sleep(number)
    return number


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(in_processes(double, range(20), workers)) == [(i, 2 * i) for i in range(20)]
    assert list(in_processes(double, [], workers)) == []


def test_an_item_that_kills_its_process_has_no_result_and_stops_no_other():
    assert list(in_processes(die_on_three, range(8), 2)) == [(i, None if i == 3 else 2 * i) for i in range(8)]


def test_an_error_is_the_callers():
    with pytest.raises(ValueError, match="no 0"):
        list(in_processes(fail, range(4), 2))


def test_what_has_not_begun_is_not_waited_for():
    items = in_processes(sleep, [0, *[1] * 50], 1)
    next(items)
    started = time.perf_counter()
    items.close()
    assert time.perf_counter() - started < 10


def test_processes_that_cannot_start_are_an_error(tmp_path):
    """As from a script that begins its work when it is imported, which every process does."""
    script = tmp_path / "script.py"
    script.write_text("from rcn_bench.data.processes import in_processes\nprint(list(in_processes(abs, [1, 2], 1)))\n")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert ended.returncode != 0
    assert "no process can be started here" in ended.stderr
