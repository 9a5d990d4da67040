"""Whether a folder of results holds: every number back to the records and scores that it was computed from.

A Verifier keeps what it has computed by the checksums of the files that went into it. Told which files have changed, it
computes again what these reach and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from rcn_bench.errors import InputError, refusing
from rcn_bench.files import file_hash
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.run import Run
from rcn_bench.records.base import Record
from rcn_bench.records.kept import MANIFEST, Manifest, read_manifest
from rcn_bench.records.origins import require_own, silent_on_code
from rcn_bench.records.products import ProductRecord
from rcn_bench.trust.card import WORDS, card_code, model_card
from rcn_bench.trust.chain import check_chain, code_note, todays_code
from rcn_bench.trust.checks import Broken, Rebuilt, check_files_beside, check_product
from rcn_bench.trust.report import Report
from rcn_bench.trust.tree import CONFIG, PRODUCTS, Link, Tree, training_and_evaluation

Value = TypeVar("Value")


class Verifier:
    """Of one folder of results, kept or at work."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hashes: dict[str, str | None] = {}
        self._known: dict[str, tuple[Any, Any]] = {}
        self._listed: set[str] = set()  # the files of a kept tree
        self.report = Report(root)

    def verify(self, changed: Iterable[Path] | None = None) -> Report:
        """changed: the files that have changed since the last time; None for any.

        Errors: InputError for a folder that is no experiment's results.
        """
        self._forget(changed)
        self.report = report = Report(self.root)
        manifest = self._manifest() if (self.root / MANIFEST).exists() else None
        if report.findings:
            return report
        if manifest:
            self._check_files(manifest)
        if not report.broken(CONFIG):
            with silent_on_code():
                self._verify_tree(self._once("tree", [CONFIG], partial(Tree, self.root)), manifest)
        return report

    def _forget(self, changed: Iterable[Path] | None) -> None:
        if changed is None:
            self._hashes.clear()
            kept = (self.root / MANIFEST).exists()
            self._listed = {self._name(path) for path in self.root.rglob("*") if path.is_file()} if kept else set()
            return
        for path in changed:
            name = self._name(path)
            self._hashes.pop(name, None)
            (self._listed.add if path.is_file() else self._listed.discard)(name)

    # A kept tree's files

    def _manifest(self) -> Manifest | None:
        with self._finding(MANIFEST):
            return self._once("manifest", [MANIFEST], lambda: read_manifest(self.root / MANIFEST))
        return None

    def _check_files(self, manifest: Manifest) -> None:
        known = {**manifest.left_out, **manifest.files}
        for name, sha256 in known.items():
            found = self.hash(name)
            if found is None and name in manifest.files:
                self.report.add(name, "not there")
            elif found not in (None, sha256):
                self.report.add(name, f"changed: its sha256 is not that of {MANIFEST}")
        for name in sorted(self._listed - {*known, MANIFEST}):
            self.report.add(name, f"{MANIFEST} does not know it")
        self.report.files = len(manifest.files) + 1

    # Any tree

    def _verify_tree(self, tree: Tree, manifest: Manifest | None) -> None:
        records = self._records(tree)
        left_out = manifest.left_out if manifest else {}
        for link, record in records.items():
            reads = [link.path, *self._beside(link, record, left_out)]
            if link.stage not in PRODUCTS:
                self._judge(link.path, reads, partial(check_files_beside, record, self.root / link.path))
        for path, why in check_chain(tree, records, self.hash, manifest, self.report):
            if not self.report.broken(path):
                self.report.add(path, why)
        todays = self._once("code", [CONFIG], partial(todays_code, tree))
        other_code = [link for link, record in records.items() if record.origin.code != todays[link]]
        for link, record in records.items():
            if link.stage in PRODUCTS and isinstance(record, ProductRecord):
                self._product(tree, link, record, same_code=link not in other_code)
        for name, reads in tree.cards.items():
            if self.hash(name) is not None or manifest:
                self._card(tree, name, reads)
        self.report.notes += code_note(records, other_code)
        if manifest is None:
            self.report.files = sum(self.hash(name) is not None for name in {*tree.files()})

    def _records(self, tree: Tree) -> dict[Link, Record]:
        """Those that are there and the experiment's own."""
        found: dict[Link, Record] = {}
        for link in tree.links:
            if self.hash(link.path) is None:
                if not self.report.broken(link.path):
                    self.report.add(link.path, f"not there; {link.kind.command(self.root / link.path)} makes it")
            elif not self.report.broken(link.path):
                with self._finding(link.path):
                    found[link] = self._once(f"record {link.path}", [CONFIG, link.path], partial(_own, tree, link))
        return found

    def _beside(self, link: Link, record: Record, left_out: dict[str, str]) -> list[str]:
        """Look at each file of a record; returns those that numbers are read from."""
        for field, name in link.beside.items():
            said, found = record.checksum(field), self.hash(name)
            if found is None and left_out.get(name) == said:
                self.report.not_kept.append(name)
            elif found != said and not self.report.broken(name):
                known = f"{link.path} tells of it"
                self.report.add(name, f"not there, and {known}" if found is None else f"not as {known}, by its sha256")
        return [name for name in link.beside.values() if not link.is_weights(name) and name not in left_out]

    def _product(self, tree: Tree, link: Link, record: ProductRecord, *, same_code: bool) -> None:
        product, path = tree.products[link.target], self.root / link.path
        reads, files = [CONFIG, *tree.reads[link.target]], link.beside.values()

        def check() -> int:
            rebuilt = self._once(f"build {link.target}", reads, partial(_rebuilt, product))
            return check_product(product, record, path, rebuilt, same_code=same_code)

        self._judge(link.path, [link.path, *files, *reads], check)

    def _card(self, tree: Tree, name: str, reads: list[str]) -> None:
        path = self.root / name

        def check() -> int:
            trained, evaluation = training_and_evaluation(tree.experiment.paths, Run.parse(path.parent.name))
            said, made = path.read_text(errors="replace"), model_card(trained, evaluation)
            if said != made and f"{WORDS}{card_code()} " in said:
                raise Broken(path, "says something else than the records beside it")
            return 0

        self._judge(name, [name, *reads], check)

    # How a link is judged

    def _judge(self, path: str, reads: Sequence[str], check: Callable[[], int]) -> None:
        """Check a file once for each content of what it rests on, unless some of that does not hold already."""
        if self.report.broken(path):
            return
        if any(map(self.report.broken, reads)):
            self.report.leave(path)
            return
        with self._finding(path):
            self.report.numbers += self._once(f"check {path}", reads, check)

    def _once(self, what: str, reads: Sequence[str], make: Callable[[], Value]) -> Value:
        """What ``make`` gives, or raises, for the content of the files that it reads."""
        key = tuple(map(self.hash, reads))
        if self._known.get(what, (None,))[0] != key:
            try:
                self._known[what] = key, (make(), None)
            except InputError as error:
                self._known[what] = key, (None, error)
        value, failure = self._known[what][1]
        if failure is not None:
            raise failure
        return cast(Value, value)

    @contextmanager
    def _finding(self, path: str) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            name = self._name(error.path) if isinstance(error, Broken) else path
            self.report.add(name, self._told(str(error).removeprefix(f"{self.root / name}: ")))

    def _told(self, why: str) -> str:
        """What an error says, with paths from the root on and, of a kept tree, without the command to run again."""
        return (why.partition("; run `")[0] if self._listed else why).replace(f"{self.root}/", "")

    def hash(self, name: str) -> str | None:
        """sha256 of a file, by its path from the root on; None if it is not there."""
        if name not in self._hashes:
            path = self.root / name
            self._hashes[name] = file_hash(path) if path.is_file() else None
        return self._hashes[name]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _own(tree: Tree, link: Link) -> Record:
    path = tree.root / link.path
    record = link.kind.read_of(path, link.target)
    if record.origin.stage != link.stage:
        raise Broken(path, f"origin.stage: {record.origin.stage}, not {link.stage}")
    require_own(record, tree.experiment, link.stage, link.target, path)
    return record


def _rebuilt(product: Product) -> Rebuilt:
    with refusing(lambda why: InputError(f"cannot be made from its records ({why})")):
        return Rebuilt.of(product)
