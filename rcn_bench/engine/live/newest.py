"""The newest of what comes, for a reader that may be too slow for all of it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from threading import Condition, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
LOOK_UP = 0.5  # seconds after which a reader for whom nothing comes is told so
GOODBYE = 1.0  # seconds that a source is given to close its connection


def newest(
    items: Generator[Item, None, None], keep: Callable[[Item], bool] = lambda item: False
) -> Iterator[Item | None]:
    """Each time one is asked for, the newest that has come since; the others are passed over, but for those to keep.

    None each time that nothing has come for a while. Another thread reads the items as they come, since a camera's
    driver keeps hundreds of frames for a slow reader, who would see all of them late. What it raises is raised here.
    """
    place = _Place[Item](keep)
    reader = Thread(target=place.fill, args=(items,), daemon=True)
    reader.start()
    try:
        yield from place
    finally:
        place.wanted = False
        reader.join(GOODBYE)


class _Place(Generic[Item]):
    """Where the newest item waits for whoever takes it."""

    def __init__(self, keep: Callable[[Item], bool]) -> None:
        self.wanted, self._keep = True, keep
        self._changed, self._waiting, self._ended = Condition(), list[Item](), False
        self._error: BaseException | None = None

    def fill(self, items: Generator[Item, None, None]) -> None:
        try:
            with closing(items):  # in this thread, in which FFmpeg's messages are kept
                for item in items:
                    with self._changed:
                        if not self._keep(item):
                            self._waiting[:] = filter(self._keep, self._waiting)
                        self._waiting.append(item)
                        self._changed.notify()
                    if not self.wanted:
                        break
        except BaseException as error:  # Ctrl-C too
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[Item | None]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended, LOOK_UP)
                taken, ended = self._waiting.copy(), self._ended
                self._waiting.clear()
            yield from taken
            if not taken:
                if ended:
                    break
                yield None
        if self._error is not None:
            raise self._error
