"""The newest of what comes, for a reader that may be too slow for all of it."""

from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")


def newest(items: Iterable[Item]) -> Iterator[Item]:
    """Each time one is asked for, the newest that has come since, once it has; the others are passed over.

    Another thread reads the items as they come, since a camera's driver keeps hundreds of frames for a slow reader, who
    would see all of them late. What it raises is raised here.
    """
    place = _Place[Item]()
    Thread(target=place.fill, args=(items,), daemon=True).start()
    try:
        yield from place
    finally:
        place.wanted = False


class _Place(Generic[Item]):
    """Where the newest item waits for whoever takes it."""

    def __init__(self) -> None:
        self.wanted = True
        self._changed, self._waiting, self._ended = Condition(), list[Item](), False
        self._error: BaseException | None = None

    def fill(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                with self._changed:
                    self._waiting[:] = [item]
                    self._changed.notify()
                if not self.wanted:
                    break
        except BaseException as error:  # Ctrl-C too
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                taken = self._waiting.copy()
                self._waiting.clear()
            if not taken:
                break
            yield taken[0]
        if self._error is not None:
            raise self._error
