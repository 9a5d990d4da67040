"""The epochs of an unfinished training, read from its checkpoint without torch and without its tensors."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from rcn_bench.records.plain import from_plain
from rcn_bench.records.runs import Epoch


def epochs_so_far(path: Path) -> list[Epoch]:
    """The whole epochs that a checkpoint was written after; none if it is not there, or is none that can be read."""
    try:
        with zipfile.ZipFile(path) as parts:  # which starts behind the checksum
            (name,) = (each for each in parts.namelist() if each.endswith("/data.pkl"))
            with parts.open(name) as file:
                content = _WithoutTensors(file).load()
        return from_plain(list[Epoch], content["epochs"], path, "train the run again")
    except Exception:  # anything can be in a file; training says what is wrong with it
        return []


class _WithoutTensors(pickle.Unpickler):
    """Reads the dicts, lists, texts and numbers of a file; nothing that it names is imported or called."""

    def find_class(self, module: str, name: str) -> Any:
        return OrderedDict if (module, name) == ("collections", "OrderedDict") else _left_out

    def persistent_load(self, _: Any) -> None:
        """Of a tensor, its numbers."""


def _left_out(*_: Any) -> None:
    """In the place of what makes a tensor."""
