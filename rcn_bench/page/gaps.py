"""What of a tree is not there, does not fit, was skipped or was never asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rcn_bench.page.cells import column
from rcn_bench.page.grid import Grid
from rcn_bench.page.shelf import Shelf
from rcn_bench.plan.products import product_classes
from rcn_bench.plan.run import Run
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.runs import Evaluation, OfVideos, Online, Skipped, Trained
from rcn_bench.trust.tree import Link


@dataclass(frozen=True)
class Gap:
    """alarming: whether something is wrong, rather than left out. lines: one each."""

    title: str
    lines: list[str] = field(default_factory=list)
    grid: Grid | None = None
    alarming: bool = False


def gaps_of(shelf: Shelf) -> list[Gap]:
    """Those with something in them. Call it last: what cannot be read is known once it was tried."""
    found = [
        Gap("Does not fit or cannot be read", list(shelf.wrong.values()), alarming=True),
        Gap("Not there, though the config asks for it", list(_absent(shelf)), alarming=True),
        Gap("Made with other code than today's", shelf.code_notes()),
        Gap("Videos left out", list(_left_out(shelf)), _skipped(shelf)),
        Gap("Validation videos that are not apart from training", list(_overlaps(shelf))),
        Gap("Not kept, known by their sha256 alone", shelf.left_out),
        Gap("Tables and figures that this config does not ask for", list(_not_asked(shelf))),
    ]
    return [gap for gap in found if gap.lines or gap.grid]


def _absent(shelf: Shelf) -> Iterator[str]:
    """A line a stage and state, with the command that makes the first."""
    by_stage: dict[str, list[Link]] = {}
    for link in shelf.absent:
        by_stage.setdefault(link.stage, []).append(link)
    for stage, links in by_stage.items():
        of = sum(link.stage == stage for link in shelf.tree.links)
        names = ", ".join(_state(shelf, link) for link in links)
        command = links[0].kind.command(shelf.tree.root / links[0].path)
        yield f"{stage}: {len(links)} of {of}{f': {names}' if names else ''}. {command} makes the first."


def _state(shelf: Shelf, link: Link) -> str:
    begun = link.stage == "train" and shelf.tree.experiment.paths.checkpoint(Run.parse(link.target)).exists()
    return f"{link.target} (begun, not finished)" if begun else link.target


def _of_videos(shelf: Shelf) -> Iterator[tuple[str, OfVideos]]:
    for record in shelf.records.values():
        if isinstance(record, Trained):
            yield "training", record
        elif isinstance(record, (Evaluation, Online)):
            yield "validation", record


def _left_out(shelf: Shelf) -> Iterable[str]:
    return dict.fromkeys(f"{split}: {told}" for split, of in _of_videos(shelf) if (told := of.left_out()))


def _skipped(shelf: Shelf) -> Grid | None:
    """A row a reason. Runs share most videos that they skip: each is counted once."""
    videos = {(split, each) for split, of in _of_videos(shelf) for each in of.videos_skipped}
    by_reason: dict[tuple[str, str], list[Skipped]] = {}
    for split, skipped in sorted(videos, key=lambda pair: (pair[0], pair[1].reason, pair[1].id)):
        by_reason.setdefault((split, skipped.reason), []).append(skipped)
    if not by_reason:
        return None
    columns = [
        column("list", [split for split, _ in by_reason]),
        column("reason", [reason for _, reason in by_reason]),
        column("videos", [str(len(each)) for each in by_reason.values()]),
        column("the first", [each[0].id for each in by_reason.values()]),
    ]
    return Grid("skipped", "Videos that are listed and not used", columns)


def _overlaps(shelf: Shelf) -> Iterable[str]:
    evaluated = [record for record in shelf.records.values() if isinstance(record, (Evaluation, Online))]
    return dict.fromkeys(note for record in evaluated for note in overlap_notes(record.overlap))


def _not_asked(shelf: Shelf) -> Iterator[str]:
    for name, cls in product_classes(shelf.tree.experiment.plugins).items():
        if name not in shelf.tree.products:
            yield f"{name} ({'.'.join(cls.section)})"
