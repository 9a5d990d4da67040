"""Edits of kept results: of one character, and of a number whose checksums were all made to go with it."""

import json
import random
import re
from pathlib import Path

import pytest
from whole_results import changes_between, files_of, make_consistent

from rcn_bench.records.base import with_checksum
from rcn_bench.records.runs import PREDICTIONS
from rcn_bench.trust.verify import Verifier

COMMITTED = Path("results/reference/mini")
COMPUTED = (
    *("clip_accuracy", "clip_interval", "video_accuracy", "video_interval", "groups", "clips", "videos_used"),
    *("videos_listed", "clips_per_video", "crops"),
)


def edited(content: bytes, rng: random.Random) -> bytes:
    """With one byte replaced by another, left out or put in."""
    at = rng.randrange(len(content))
    before, byte, after = content[:at], content[at], content[at + 1 :]
    match rng.choice(["replaced", "left out", "put in"]):
        case "replaced":
            return before + bytes([rng.choice([other for other in range(32, 127) if other != byte])]) + after
        case "left out":
            return before + after
    return content[:at] + bytes([rng.randrange(32, 127)]) + content[at:]


def edit_at_random(kept: Path, count: int) -> None:
    """Make edits one at a time, each of which must be named."""
    verifier, rng, files = Verifier(kept), random.Random(0), files_of(kept)
    assert verifier.verify().holds
    for _ in range(count):
        path = rng.choice([*files])
        path.write_bytes(edited(files[path], rng))
        report = verifier.verify([path])
        assert [finding.path for finding in report.findings] == [path.relative_to(kept).as_posix()]
        path.write_bytes(files[path])
        assert verifier.verify([path]).holds


@pytest.mark.slow
def test_every_edit_of_one_character_is_named(kept):
    edit_at_random(kept, 100)


@pytest.mark.soak
def test_a_thousand_edits_are_named(kept):
    edit_at_random(kept, 1000)


@pytest.mark.slow
@pytest.mark.skipif(not COMMITTED.is_dir(), reason="no results of mini are kept here")
def test_a_thousand_edits_of_what_is_committed_are_named(tmp_path):
    copy = tmp_path / "mini"
    for path, content in files_of(COMMITTED).items():
        place = copy / path.relative_to(COMMITTED)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    edit_at_random(copy, 1000)


# Numbers changed by somebody who makes every checksum go with the change


def other_digit(text: str, at: int, rng: random.Random) -> str:
    return text[:at] + rng.choice([digit for digit in "123456789" if digit != text[at]]) + text[at + 1 :]


def changed_text(path: Path, rng: random.Random) -> None:
    """A digit of a table or of the numbers behind a figure."""
    text = path.read_text()
    path.write_text(other_digit(text, rng.choice([found.start() for found in re.finditer(r"\d", text)]), rng))


def changed_prediction(path: Path, rng: random.Random) -> None:
    """A digit of a score or a count: the names of videos, groups and classes are no numbers."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    row = rng.choice(lines[1:])
    column = rng.choice([at for at, name in enumerate(PREDICTIONS) if name in ("score", "rank", "clips_correct")])
    digits = [found.start() for found in re.finditer(r"\d", row[column])]
    row[column] = other_digit(row[column], rng.choice(digits), rng)
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def changed_evaluation(path: Path, rng: random.Random) -> None:
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    name = rng.choice([name for name in COMPUTED if plain[name] is not None])
    value = plain[name]
    while plain[name] == value:
        text = json.dumps(value)
        digits = [found.start() for found in re.finditer(r"\d", text)]
        plain[name] = json.loads(other_digit(text, rng.choice(digits), rng))
    path.write_text(json.dumps(with_checksum(plain)))


CHANGES = {
    "tables/*.csv": changed_text,
    "tables/*.md": changed_text,
    "tables/*.tex": changed_text,
    "figures/*.csv": changed_text,
    "runs/*/predictions.csv": changed_prediction,
    "runs/*/eval.json": changed_evaluation,
}


def change_numbers(kept: Path, count: int) -> None:
    verifier, rng, before = Verifier(kept), random.Random(0), files_of(kept)
    assert verifier.verify().holds
    for number in range(count):
        places, change = [*CHANGES.items()][number % len(CHANGES)]
        path = rng.choice(sorted(kept.glob(places)))
        change(path, rng)
        make_consistent(kept)
        touched = [*changes_between(before, files_of(kept))]
        assert len(touched) >= 2  # itself and the manifest
        report = verifier.verify(touched)
        assert [finding.path for finding in report.findings] == [path.relative_to(kept).as_posix()], [*report.lines()]
        assert "sha256" not in report.findings[0].why
        for each in touched:
            each.write_bytes(before[each])
        assert verifier.verify(touched).holds


@pytest.mark.slow
def test_a_changed_number_is_found_though_every_checksum_goes_with_it(kept):
    change_numbers(kept, 18)


@pytest.mark.soak
def test_two_hundred_changed_numbers_are_found(kept):
    change_numbers(kept, 200)
