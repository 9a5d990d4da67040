"""Results as they are handed on: all that a number rests on but videos and weights, with the checksum of every file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.files import file_hash, size_text, write_text
from rcn_bench.plan.config import experiment_in
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.writers import at_work
from rcn_bench.records.kept import MANIFEST, Manifest, systems_of
from rcn_bench.trust.card import model_card
from rcn_bench.trust.tree import CARD, PRODUCTS, Tree, training_and_evaluation
from rcn_bench.trust.verify import Verifier

LARGEST = 2 * 10**6  # bytes of a file on which nothing rests
ENDS = (*PRODUCTS, "w_hh")  # stages of whose files nothing else is made
DRAWN_AGAIN = (".pdf", ".svg")  # of a figure, whose records are kept, and with them what draws it; PNGs are to look at


def keep(root: Path, destination: Path) -> str:
    """Copy the results of one experiment without weights, frames and logs, and write MANIFEST.json; returns a line.

    What is left out may have stayed on the machine that made it: records tell of its sha256.
    Errors: InputError for a folder that is none, is kept already, is not complete, does not hold, or has a writer at
    work; and if something is at the destination.
    """
    if (root / MANIFEST).exists():
        raise InputError(f"{root}: is kept already, without weights; copy the folder as it is")
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise InputError(f"{destination}: something is there; name a new folder, or remove it")
    tree = Tree(root)
    _require_at_rest(tree)
    folder = destination.with_name(f".{destination.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        line = _kept(tree, folder)
        folder.replace(destination)
    except InputError as error:
        raise InputError(f"{error}; only what holds is kept") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return line


def write_card(experiment: Experiment, run: Run) -> None:
    """README.md in a run's folder. Errors: InputError for records that cannot be read."""
    paths = experiment.paths
    write_text(paths.run(run) / CARD, model_card(*training_and_evaluation(paths, run)))


def _require_at_rest(tree: Tree) -> None:
    for writer in at_work(tree.experiment):
        raise InputError(f"{tree.root}: {writer} is at work here; wait for it or stop it")


def _not_to_keep(tree: Tree) -> Iterator[str]:
    """Weights, figures for print, and large files that can be made again or that no table or figure reads."""
    read = {tree.name(path) for product in tree.products.values() for path in product.reads()}
    for link in tree.links:
        for name in link.beside.values():
            ends_here = link.stage in ENDS and name not in read
            for_print = link.stage == "figure" and name.endswith(DRAWN_AGAIN)
            if link.is_weights(name) or for_print or (ends_here and _is_large(tree.root / name, link.stage)):
                yield name


def _is_large(file: Path, stage: str) -> bool:
    """Of a run, one that is not there was too large for whoever brought the results here; products are made at hand."""
    return file.stat().st_size > LARGEST if file.exists() else stage not in PRODUCTS


def _kept(tree: Tree, folder: Path) -> str:
    left = set(_not_to_keep(tree))
    records = {link: link.kind.read_of(tree.root / link.path, link.target) for link in tree.links}
    vouched = {path: record.checksum(key) for link, record in records.items() for key, path in link.beside.items()}
    files, left_out = {}, {}
    for name in dict.fromkeys(tree.files()):
        source, copy = tree.root / name, folder / name
        if name in tree.cards:
            continue
        if name in left:
            left_out[name] = vouched[name]
            if source.exists() and file_hash(source) != vouched[name]:
                raise InputError(f"{source}: not as its record tells of it, by its sha256")
        elif source.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            files[name] = file_hash(copy)
    kept = experiment_in(folder)  # cards tell of what is kept alone
    for name in tree.cards:
        write_card(kept, Run.parse(Path(name).parent.name))
        files[name] = file_hash(folder / name)
    systems = systems_of(record.origin for record in records.values())
    Manifest(files=files, left_out=left_out, systems=systems).write(folder / MANIFEST)
    report = Verifier(folder).verify()
    if not report.holds:
        raise InputError(f"{tree.root}/{report.findings[0]}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    told = f"{len(files) + 1:,} files, {size_text(size)}"
    return f"{told}, {report.numbers:,} numbers computed again; left out: {len(left_out)} that the manifest names"
