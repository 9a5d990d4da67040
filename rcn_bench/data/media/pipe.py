"""What another program writes: on standard input, or into a named pipe."""

import stat
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer

from rcn_bench.data.media.live import AT_ONCE, Live

STANDARD_INPUT = "-"


class Pipe(Live):
    """source: "-" for standard input, or the path of a pipe, as text."""

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        if source == STANDARD_INPUT:
            return True
        with suppress(OSError, ValueError):
            return isinstance(source, str) and stat.S_ISFIFO(Path(source).stat().st_mode)
        return False

    @property
    def name(self) -> str:
        return "standard input" if self.source == STANDARD_INPUT else str(self.source)

    def connected(self) -> InputContainer:
        return av.open("pipe:0" if self.source == STANDARD_INPUT else f"file:{self.source}", options=AT_ONCE)
