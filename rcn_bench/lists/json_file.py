"""What the formats that are JSON files share."""

import reprlib
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import ListFormat
from rcn_bench.lists.text import json_of, start_of
from rcn_bench.lists.video import Video


class JsonFormat(ListFormat):
    """A JSON file with an object a video, in a list or by name. mark: a key near its start that tells it."""

    mark: ClassVar[str]

    @abstractmethod
    def video(self, entry: Any) -> Video:
        """The video of an object, whose name, if it has one, is its key "name".

        Errors: AttributeError, KeyError, TypeError or ValueError.
        """

    def recognises(self, source: Path) -> bool:
        start = start_of(source)
        return start.lstrip().startswith(("[", "{")) and f'"{self.mark}"' in start

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        content = json_of(source)
        if not isinstance(content, (dict, list)):
            raise InputError(f"{source}: neither a list nor an object in JSON")
        named = isinstance(content, dict)
        for number, each in enumerate(content, start=1):
            self.place, entry = f"entry {number}", content[each] if named else each
            if not isinstance(entry, dict):
                raise InputError(f"{self.where(source)}: {reprlib.repr(entry)} is not an object with keys")
            try:
                video = self.video(entry | {"name": each} if named else entry)
            except KeyError as error:
                raise InputError(f"{self.where(source)}: no {error}, which {self.name} has") from error
            except (AttributeError, TypeError, ValueError, OverflowError) as error:
                raise InputError(f"{self.where(source)}: {error}") from error
            yield video
