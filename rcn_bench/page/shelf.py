"""What of a tree is there: its records as they were written, and what is wrong with them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.records.base import Record
from rcn_bench.records.kept import MANIFEST, Manifest, read_manifest
from rcn_bench.records.origins import require_own, silent_on_code
from rcn_bench.trust.chain import check_chain, code_note, todays_code
from rcn_bench.trust.report import Report
from rcn_bench.trust.tree import Link, Tree

T = TypeVar("T")


class Shelf:
    """records: by their paths from the root on, in the order in which they are made. numbers: their places in it.

    links: of the tree, by the same paths. absent: that the config asks for and that are not there. wrong: what else is
    wrong, by the path of the file. other_code: records made with other code than today's. manifest: of kept results.
    """

    def __init__(self, root: Path) -> None:
        """Errors: InputError without a config, or for one that cannot be."""
        self.tree = Tree(root)
        self.links = {link.path: link for link in self.tree.links}
        self._weights = {name for link in self.tree.links for name in link.beside.values() if link.is_weights(name)}
        self._hashes: dict[str, str] = {}
        self.absent: list[Link] = []
        self.wrong: dict[str, str] = {}
        self.records: dict[str, Record] = {}
        for link in self.tree.links:
            self._take(link)
        self.numbers = {path: number for number, path in enumerate(self.records)}
        self.manifest: Manifest | None = None
        if (root / MANIFEST).exists():
            self.manifest = self.tried(MANIFEST, lambda: read_manifest(root / MANIFEST))
        todays = todays_code(self.tree)
        self.other_code = [
            path for path, record in self.records.items() if record.origin.code != todays[self.links[path]]
        ]
        self._check()

    def tried(self, path: str, read: Callable[[], T]) -> T | None:
        """What ``read`` makes of a file; None if it cannot be read, and then it is said why."""
        try:
            return read()
        except InputError as error:
            self.wrong[path] = self._without_root(str(error))
            return None

    @property
    def left_out(self) -> list[str]:
        """The files that records tell of and that were not kept."""
        return sorted(self.manifest.left_out) if self.manifest else []

    def hash(self, name: str) -> str | None:
        """None of weights, too, which are large: records must agree on them; `rcn-bench verify` reads them."""
        path = self.tree.root / name
        if name not in self._hashes and path.is_file() and name not in self._weights:
            self._hashes[name] = file_hash(path)
        return self._hashes.get(name)

    def code_notes(self) -> list[str]:
        return code_note(self._by_link(), [self.links[path] for path in self.other_code])

    def _take(self, link: Link) -> None:
        path = self.tree.root / link.path
        if not path.exists():
            self.absent.append(link)
            return
        record = self.tried(link.path, lambda: link.kind.read_of(path, link.target))
        if record is not None:
            self.records[link.path] = record

    def _check(self) -> None:
        """Whether records are of this config, and of the files that are there; no number is computed again."""
        for path, record in self.records.items():
            link, file = self.links[path], self.tree.root / path
            with silent_on_code():
                self.tried(path, partial(require_own, record, self.tree.experiment, link.stage, link.target, file))
        report = Report(self.tree.root)
        for path in self.wrong:
            report.add(path, "")
        for path, why in check_chain(self.tree, self._by_link(), self.hash, self.manifest, report):
            self.wrong.setdefault(path, f"{path}: {why}")

    def _by_link(self) -> dict[Link, Record]:
        return {self.links[path]: record for path, record in self.records.items()}

    def _without_root(self, text: str) -> str:
        return text.replace(f"{self.tree.root}/", "")
