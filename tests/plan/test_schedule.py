"""Jobs laid out in time: never more at once than fits, none before what it waits for, and bounds that always hold."""

import random
from itertools import pairwise

import pytest

from rcn_bench.errors import InputError
from rcn_bench.plan.schedule import Slot, Task, critical_path, schedule


def test_the_longest_goes_first():
    tasks = {"a": Task(1.0, 1, 1), "b": Task(3.0, 1, 1), "c": Task(2.0, 1, 1)}
    assert schedule(tasks, 1, 4) == {"b": Slot(0, 3), "c": Slot(3, 5), "a": Slot(5, 6)}
    assert schedule(tasks, 2, 4) == {"b": Slot(0, 3), "c": Slot(0, 2), "a": Slot(2, 3)}


def test_a_job_of_several_gpus_waits_until_they_are_free_and_others_go_meanwhile():
    tasks = {"two": Task(5.0, 2, 1), "long": Task(6.0, 1, 1), "short": Task(1.0, 1, 1)}
    assert schedule(tasks, 2, 4) == {"long": Slot(0, 6), "short": Slot(0, 1), "two": Slot(6, 11)}
    with pytest.raises(InputError, match="two takes 2 GPUs, and there are 1; plan with as many"):
        schedule(tasks, 1, 4)


def test_what_ends_together_is_free_together():
    short = {f"short {number}": Task(1.0, 1, 1) for number in range(2)}
    after = {"two": Task(3.0, 2, 1, tuple(short)), "one": Task(2.0, 1, 1)}
    found = schedule(short | {"first": Task(0.0, 0, 1)} | after | {"one": Task(2.0, 1, 1, ("short 0",))}, 2, 4)
    assert (found["two"], found["one"]) == (Slot(1, 4), Slot(4, 6))


def test_a_job_of_more_cores_than_there_are_gets_all_of_them():
    assert schedule({"a": Task(1.0, 0, 16), "b": Task(1.0, 0, 1)}, 0, 2) == {"a": Slot(0, 1), "b": Slot(1, 2)}


def test_nothing_takes_no_time():
    assert schedule({}, 1, 1) == {}
    assert critical_path({}) == []


@pytest.mark.parametrize("seed", range(20))
def test_bounds_hold_for_any_jobs(seed):
    draw = random.Random(seed)
    gpus, cores = draw.randint(1, 4), draw.randint(1, 6)
    tasks = {
        number: Task(
            draw.random() * 10,
            draw.randint(0, gpus),
            draw.randint(1, cores),
            tuple(draw.sample(range(number), min(number, draw.randint(0, 3)))),
        )
        for number in range(30)
    }
    slots = schedule(tasks, gpus, cores)
    for name, task in tasks.items():
        assert slots[name].end == slots[name].start + task.seconds
        assert all(slots[before].end <= slots[name].start for before in task.after)
        running = [each for each, slot in slots.items() if slot.start <= slots[name].start < slot.end]
        assert sum(tasks[each].gpus for each in running) <= gpus
        assert sum(tasks[each].cores for each in running) <= cores
    path = critical_path(tasks)
    assert all(first in tasks[then].after for first, then in pairwise(path))
    wall, longest = max(slot.end for slot in slots.values()), sum(tasks[name].seconds for name in path)
    work = sum(task.gpus * task.seconds for task in tasks.values())
    assert longest <= wall + 1e-9
    assert work / gpus <= wall + 1e-9
    unlimited = schedule(tasks, 1000, 1000)
    assert max(slot.end for slot in unlimited.values()) == pytest.approx(longest)
