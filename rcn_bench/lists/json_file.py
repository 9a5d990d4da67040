"""What the formats that are JSON files share."""

import json
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import ListFormat
from rcn_bench.lists.text import start_of
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
        try:
            content = json.loads(source.read_bytes())
        except ValueError as error:
            raise InputError(f"{source}: not a JSON file ({error})") from error
        named = isinstance(content, dict)
        for number, entry in enumerate(content.items() if named else content, start=1):
            self.place = f"entry {number}"
            try:
                video = self.video(entry[1] | {"name": entry[0]} if named else entry)
            except KeyError as error:
                raise InputError(f"{self.where(source)}: no {error}, which {self.name} has") from error
            except (AttributeError, TypeError, ValueError) as error:
                raise InputError(f"{self.where(source)}: {error}") from error
            yield video
