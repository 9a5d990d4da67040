"""Other hosts on the same folder: processes for which the machine has another name."""

import platform
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from videos import silent, source

from rcn_bench.data.cache.build import build_shard
from rcn_bench.files import Held, locked, replacing

SPAWN = get_context("spawn")


def on_host(name: str, work: Callable[..., Any], *arguments: Any) -> BaseProcess:
    process = SPAWN.Process(target=_work, args=(name, work, *arguments))
    process.start()
    return process


def _work(name: str, work: Callable[..., Any], *arguments: Any) -> None:
    platform.node = lambda: name
    work(*arguments)


def make_shards(videos: Path, cache: Path, numbers: list[int]) -> None:
    """In this order; one that another host is making is tried again after the others."""
    left = list(numbers)
    while left:
        number = left.pop(0)
        try:
            build_shard(source(videos, cache), number, progress=silent)
        except Held:
            left.append(number)


def hold(folder: Path, name: str, held: Event, end: Event) -> None:
    with locked(folder, name):
        held.set()
        end.wait(60)


def write(path: Path, text: str, begun: Event, end: Event) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)
        begun.set()
        end.wait(60)
