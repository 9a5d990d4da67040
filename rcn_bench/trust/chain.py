"""What records say of each other: each was made from the files that are there, with one set of weights and frames."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.base import Record
from rcn_bench.records.kept import MANIFEST, Manifest, systems_of
from rcn_bench.records.runs import Trained
from rcn_bench.trust.report import Report
from rcn_bench.trust.tree import NOT_RESULTS, Link, Tree

Records = Mapping[Link, Record]
Hash = Callable[[str], str | None]  # of a file by its path from the root on; None if it is not there


def check_chain(
    tree: Tree, records: Records, hashed: Hash, manifest: Manifest | None, report: Report
) -> Iterator[tuple[str, str]]:
    """Each record, by its path, that contradicts others that hold, and in what.

    report: of what was found before; what is named but not kept joins it.
    """
    vouched = dict(manifest.left_out) if manifest else {}
    vouched |= {name: record.checksum(field) for link, record in records.items() for field, name in link.beside.items()}
    trained = {record.run: record for record in records.values() if isinstance(record, Trained)}
    for link, record in records.items():
        for named, sha256 in record.origin.inputs.items():
            if why := _input_differs(tree, named, sha256, hashed, vouched, report):
                yield link.path, why
        yield from ((link.path, why) for why in _contradictions(record, trained))
    systems = systems_of(record.origin for record in records.values())
    if manifest and len(records) == len(tree.links) and manifest.systems != systems:
        yield MANIFEST, "systems: others than the records were made on"


def _input_differs(
    tree: Tree, named: str, sha256: str, hashed: Hash, vouched: Mapping[str, str], report: Report
) -> str:
    """Why an input of an origin cannot be the file of that name; empty if it can."""
    name = tree.of_input(named)
    fingerprint = Path(name).with_suffix(".fingerprint") if name and name.startswith("cache/") else None
    if name is not None and report.broken(str(fingerprint or name)):
        return ""  # it is named itself
    if name is None:
        known = None  # a file from elsewhere
    elif fingerprint is not None:
        path = tree.root / fingerprint
        known = path.read_text(errors="replace").strip() if path.is_file() else None
    else:
        known = hashed(name) or vouched.get(name)
    if known is None:
        if name is not None and Path(name).parts[0] not in NOT_RESULTS:
            return f"made from {name}, which is not there"
        told = name or named
        if told not in report.not_kept:
            report.not_kept.append(told)
        return ""
    return "" if known == sha256 else f"made from another {name} than is there"


def _contradictions(record: Record, trained: Mapping[str, Trained]) -> Iterator[str]:
    if isinstance(record, Trained):
        if record.seed != Run.parse(record.run).seed:
            yield f"seed: {record.seed} is not that of {record.run}"
        first = next(iter(trained.values()))
        if record.data_fingerprint != first.data_fingerprint:
            yield f"data_fingerprint: trained on other frames than {first.run}"
        if (given := record.initial_weights) and record.origin.inputs.get(given.source, given.sha256) != given.sha256:
            yield "initial_weights: not those among the inputs of its origin"
        return
    own = trained.get(str(getattr(record, "run", "")))
    if own is not None and getattr(record, "weights_sha256", own.weights_sha256) != own.weights_sha256:
        yield f"weights_sha256: not that of the training of {own.run}"


def todays_code(tree: Tree) -> dict[Link, str]:
    """The hash of what each record would be made with today."""
    return {link: dependencies(tree.experiment, link.stage, link.target).code.hash for link in tree.links}


def code_note(records: Records, other_code: Collection[Link]) -> list[str]:
    """One line on what was made with other code than today's, and how to see what differs; none if nothing was."""
    if not other_code:
        return []
    stages = [link.stage for link in records]
    counts = {link.stage: sum(link.stage == other.stage for other in other_code) for link in other_code}
    told = ", ".join(f"{stage} ({count} of {stages.count(stage)})" for stage, count in counts.items())
    starts = [records[link].origin.starts[-1] for link in other_code]
    commits = sorted({start.commit[:12] for start in starts if start.commit})
    dirty = " and what was not committed then" if any(start.dirty for start in starts) else ""
    seen = f"; `git diff {commits[0]} -- rcn_bench` shows what differs{dirty}" if commits else ""
    return [f"made with other code than today's, by which it is right: {told}{seen}"]
