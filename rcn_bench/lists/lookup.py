"""Where the files of videos lie.

A list of files is taken at its word. Where a list names clips (``Video.loose``), as that of Kinetics does, whose copies
differ in folders and endings, the file of a clip is, of those that are there,

1. the one in a folder whose name begins with "replacement": CVDF's, whose broken ones stay in their own place;
2. the first of the video's paths;
3. of the files below the folder of videos that can be the clip's, the one with times in its name, then in a folder of
   the split, then with one ending, then with the ending that ``ENDINGS`` has first, then first in the alphabet.

Folders are listed once, and only if something is not in its own place.
"""

import os
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from rcn_bench.errors import InputError, shown
from rcn_bench.lists.clips import REPLACEMENT, Clip, ClipName
from rcn_bench.lists.spelling import spelled_anyhow
from rcn_bench.lists.video import Video, video_path
from rcn_bench.lists.walk import Walk, is_hidden

REPLACEMENTS = [
    f"{above}{name}"
    for above in ("", "train/", "val/")
    for name in (REPLACEMENT, f"{REPLACEMENT}_for_corrupted_k400")  # as CVDF's archive and script name it
]


class Lookup:
    """The files below a folder, by the videos of a list.

    elsewhere: of the videos that were asked for, where those lie that are not in one of their own paths, by id.
    outside: of those too, where links lead out of the folder.
    """

    def __init__(self, root: Path, videos: Iterable[Video], *, follow_links: bool = True) -> None:
        """videos: all of the list; a folder of one's label does not hold those of another.

        follow_links: whether links may lead out of the folder.
        """
        self.root, self.elsewhere, self.outside = root, dict[str, str](), dict[str, str]()
        self._follow_links, self._real_root = follow_links, os.path.realpath(root)
        self._real_folders: dict[Path, str] = {}
        self._labels = {spelled_anyhow(label) for label in {video.label for video in videos}}
        self._names: dict[str, dict[str, list[str]]] = {}

    def path(self, video: Video) -> Path:
        """Where its file or folder is, or would be. Errors: InputError for one outside, where links may not lead."""
        path = self._path(video)
        if led := self._led_out(path):
            if not self._follow_links:
                raise InputError(f"{path}: a link leads to {led}, out of {self.root}, and data.follow_links is false")
            self.outside[video.id] = led
        return path

    def _path(self, video: Video) -> Path:
        if video.loose and self._replacements and (place := self._best(video, self._replacements)):
            return self._tell(video, place)
        own = video_path(self.root, video)
        if not os.path.exists(own) and (place := self._best(video, self._all) if video.loose else self._same(video)):
            return self._tell(video, place)
        return own

    def remark(self) -> str:
        """A line on the videos that are elsewhere; "" if there are none."""
        named = f"{len(self.elsewhere)} videos lie under other names than the list's, such as {{1}} for {{0}}"
        linked = f"links lead out of {self.root} for {len(self.outside)} videos, such as {{0}} to {{1}}"
        told = ((named, self.elsewhere), (linked, self.outside))
        return shown("; ".join(text.format(*next(iter(places.items()))) for text, places in told if places))

    def instead(self, video: Video) -> str:
        """What there is of a video that is missing; "" if there is nothing like it."""
        for path in video.paths:
            if os.path.islink(link := self.root / path):
                return f"{path} is a link to {os.readlink(link)}, which is not there"
        alike = self._beginning_with(Clip(video).name.id) if video.loose else self._alike(video)
        more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        return f"there is {alike[0]}{more}" if alike else ""

    def _tell(self, video: Video, place: str) -> Path:
        self.elsewhere[video.id] = place
        return self.root / place

    def _led_out(self, path: Path) -> str:
        """Where links lead from a path, if that is outside; the pictures in a folder count where none may."""
        if path.parent not in self._real_folders:
            self._real_folders[path.parent] = os.path.realpath(path.parent)
        real = os.path.join(self._real_folders[path.parent], path.name)
        places = [os.path.realpath(real) if os.path.islink(real) else real]
        if not self._follow_links and os.path.isdir(real):
            with os.scandir(real) as entries:
                places += [os.path.realpath(entry.path) for entry in entries if entry.is_symlink()]
        inside = os.path.join(self._real_root, "")
        return next((place for place in places if not os.path.join(place, "").startswith(inside)), "")

    # Clips, by their ids

    def _best(self, video: Video, places: dict[str, list[str]]) -> str | None:
        clip = Clip(video)
        ranked = [(clip.rank(place, self._labels), place) for place in places.get(clip.name.id, [])]
        fitting = [(rank, place) for rank, place in ranked if rank and os.path.exists(self.root / place)]
        return min(fitting, default=(None, None))[1]

    @cached_property
    def _replacements(self) -> dict[str, list[str]]:
        return _by_clip(f"{folder}/{file}" for folder in REPLACEMENTS for file in _files(self.root / folder))

    @cached_property
    def _all(self) -> dict[str, list[str]]:
        return _by_clip(_files(self.root))

    def _beginning_with(self, id: str) -> list[str]:
        """Those with other times, too, however these are written."""
        start, end = (bisect_left(self._by_name, (bound,)) for bound in (id, f"{id}\U0010ffff"))
        return [place for name, place in self._by_name[start:end] if not name[len(id) : len(id) + 1].isalnum()]

    @cached_property
    def _by_name(self) -> list[tuple[str, str]]:
        return sorted((place.rpartition("/")[2], place) for places in self._all.values() for place in places)

    # Files, by names like theirs

    def _same(self, video: Video) -> str | None:
        """One whose name is the same but for how Unicode writes it: macOS takes letters and their accents apart."""
        composed = {_composed(path) for path in video.paths}
        return next((place for place in self._alike(video) if _composed(place) in composed), None)

    def _alike(self, video: Video) -> list[str]:
        return [place for path in video.paths if (place := self._like("", path.split("/")))]

    def _like(self, folder: str, parts: list[str]) -> str | None:
        """What is there by a name like the last of the parts, in folders with names like the others."""
        if not parts:
            return folder
        alike = self._names_in(folder).get(_rough(parts[0]), [])
        alike = sorted(alike, key=lambda name: (name != parts[0], _composed(name) != _composed(parts[0]), name))
        places = (self._like(f"{folder}/{name}" if folder else name, parts[1:]) for name in alike)
        return next(filter(None, places), None)

    def _names_in(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._names:
            found = self._names[folder] = {}
            for name in _listed(self.root / folder):
                found.setdefault(_rough(name), []).append(name)
        return self._names[folder]


def _files(folder: Path) -> list[str]:
    return Walk(folder, unreadable_too=True).files


def _by_clip(places: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place in places:
        found.setdefault(ClipName.of(place.rpartition("/")[2]).id, []).append(place)
    return found


def _listed(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not is_hidden(name)]
    except OSError:
        return []


def _rough(name: str) -> str:
    """The same for names of one file with different endings, and for different spellings of a label."""
    return spelled_anyhow(name.partition(".")[0]) or name


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
