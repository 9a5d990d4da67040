"""The files below a folder as a person sees them: nothing hidden, and links to folders followed once."""

import os
from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError

# What systems put beside people's files, in small letters; they hide other names by a dot in front.
SYSTEM_NAMES = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
    *("$recycle.bin", "recycler", "found.000", "system volume information"),
    *("__macosx", "icon\r", "network trash folder", "temporary items"),  # macOS
    *("@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "~snapshot"),  # network storage
    *("@__thumb", "@transcode", "@sharebin"),
    *("lost+found", "__pycache__"),
}
BESIDE_A_FILE = (":Zone.Identifier", "@SynoEAStream", "@SynoResource")  # behind the file's own name


def is_hidden(name: str) -> bool:
    """Of a file or folder, by its own name."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES or name.endswith(BESIDE_A_FILE)


class Walk:
    """What lies below a folder.

    Each folder is walked once, however many links lead to it: by its own name if it lies below, else by the first
    link. Paths start from the folder, have "/" between their parts and are in the order of these.

    files: with broken links, which are for others to report. folders: all that were walked. again: links to folders
    that were walked by another name, with this name; "" is the folder itself.
    """

    files: list[str]
    folders: list[str]
    again: dict[str, str]

    def __init__(self, folder: Path, *, unreadable_too: bool = False) -> None:
        """unreadable_too: pass over folders that cannot be read. Errors: InputError for such a folder otherwise."""
        self._folder, self._unreadable_too = folder, unreadable_too
        self._walked: dict[str, str] = {}  # by the real path
        self.files, self.again = [], {}
        links = [""]
        while links:  # those of one round are met in the round before, so that real names come first
            links = [link for start in sorted(links) for link in self._tree(start)]
        self.files.sort(key=_by_parts)
        self.folders = sorted(filter(None, self._walked.values()), key=_by_parts)

    def _tree(self, start: str) -> Iterator[str]:
        """Walk a folder without following links; yields those to folders."""
        pending = [(start, os.path.realpath(self._folder / start))]
        while pending:
            place, real = pending.pop()
            if real in self._walked:
                self.again[place] = self._walked[real]
                continue
            self._walked[real] = place
            for entry in self._entries(place):
                inside = f"{place}/{entry.name}" if place else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((inside, os.path.join(real, entry.name)))
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    yield inside
                elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    self.files.append(inside)

    def _entries(self, place: str) -> list[os.DirEntry[str]]:
        path = self._folder / place
        try:
            with os.scandir(path) as entries:
                return [entry for entry in entries if not is_hidden(entry.name)]
        except OSError as error:
            if self._unreadable_too:
                return []
            raise InputError(f"{path}: this folder cannot be read ({error.strerror})") from error


def _by_parts(path: str) -> str:
    return path.replace("/", "\0")  # which no name has, and which comes before all that names have
