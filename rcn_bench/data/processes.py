"""A function over many items in processes of their own, so that an item which crashes one stops nothing."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
UNDER_WAY = 2  # items for every process: enough to keep it busy, few enough to hold their results


def in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result | None]]:
    """Every item with what the function makes of it, in order; with None where its process dies.

    function and items must be picklable. When a process dies, the items under way are tried again one by one, each in
    a process of its own. workers 0: all in this process, which an item may then crash.
    Errors: RuntimeError if no process can be started, as from a script without ``if __name__ == "__main__"``.
    """
    if workers == 0:
        yield from ((item, function(item)) for item in items)
        return
    left = deque(items)
    while left:
        under_way: deque[tuple[Item, Future[Result]]] = deque()
        try:
            with _pool(workers) as pool:
                while left or under_way:
                    while left and len(under_way) < UNDER_WAY * workers:
                        under_way.append((left[0], pool.submit(function, left[0])))
                        left.popleft()
                    item, future = under_way[0]
                    result = future.result()
                    under_way.popleft()
                    yield item, result
        except BrokenProcessPool:
            _require_processes()
            for item, _ in under_way:
                yield item, _alone(function, item)


def _alone(function: Callable[[Item], Result], item: Item) -> Result | None:
    try:
        with _pool(1) as pool:
            return pool.submit(function, item).result()
    except BrokenProcessPool:
        return None


def _require_processes() -> None:
    try:
        with _pool(1) as pool:
            pool.submit(os.getpid).result()
    except BrokenProcessPool:
        raise RuntimeError("no process can be started here; see what they wrote above") from None


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Ends without waiting for what has not begun, so that Ctrl-C does not."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when the parent is killed, which leaves it no word."""
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
