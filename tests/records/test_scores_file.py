"""scores.safetensors: read as it was written, or refused in a line that says what to do."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.predictions import Videos, predictions
from rcn_bench.records.runs import Evaluation
from results import write_scored

LABELS = ["up", "down", "left"]
CLIPS = [2, 1, 2]


@pytest.fixture
def folder(tmp_path):
    """Of an evaluation of three videos."""
    scores = np.random.default_rng(0).normal(size=(sum(CLIPS), len(LABELS))).astype(np.float16)
    write_scored(tmp_path / "rcn18", scores, LABELS, Videos(["a", "b", "c"], ["a", "a", "c"], LABELS, CLIPS, 2))
    return tmp_path / "rcn18"


def refused(folder, **changes):
    with pytest.raises(InputError) as caught:
        replace(Evaluation.read(folder / "eval.json"), **changes).scores(folder / "scores.safetensors")
    line = str(caught.value)
    assert line.startswith(f"{folder / 'scores.safetensors'}: ")
    return line.removeprefix(f"{folder / 'scores.safetensors'}: ")


def test_all_that_an_evaluation_says_is_computed_again_from_its_scores(folder):
    evaluation = Evaluation.read(folder / "eval.json")
    scores, rows = evaluation.scores(folder / "scores.safetensors"), evaluation.predictions(folder / "predictions.csv")
    assert (scores.shape, scores.dtype) == ((5, 3), np.float16)
    of = Videos(rows["video"], rows["group"], rows["label"], list(rows["clips"]), evaluation.clips_per_video)
    found = predictions(scores, evaluation.labels, of)
    assert {name: list(column) for name, column in found.rows.items()} == rows.to_dict("list")
    assert {name: getattr(evaluation, name) for name in found.accuracies()} == found.accuracies()


def test_scores_changed_or_torn_or_lost_are_refused(folder):
    path = folder / "scores.safetensors"
    content = path.read_bytes()
    for changed in (content[:-1] + bytes([content[-1] ^ 1]), content[:20], b""):
        path.write_bytes(changed)
        assert refused(folder) == "has changed since it was written; run `rcn-bench evaluate rcn18` again"
    path.unlink()
    assert refused(folder) == "not there; run `rcn-bench evaluate rcn18` first"


GOOD = np.zeros((5, 3), np.float16)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"nothing", "no scores ("),
        (save({"logits": GOOD}), "tensors ['logits'], not ['scores']; run"),
        (save({"scores": GOOD, "more": GOOD}), "tensors ['more', 'scores'], not ['scores']; run"),
        (save({"scores": GOOD[1:]}), "scores are (4, 3) of float16, the record beside it tells of (5, 3) of float16"),
        (save({"scores": GOOD.T.copy()}), "scores are (3, 5) of float16, "),
        (save({"scores": GOOD.astype(np.float32)}), "scores are (5, 3) of float32, "),
        (save({"scores": np.full_like(GOOD, np.nan)}), "not all scores are finite; run"),
        (save({"scores": np.full_like(GOOD, -np.inf)}), "not all scores are finite; run"),
    ],
)
def test_what_the_record_does_not_tell_of_is_refused(folder, content, what):
    path = folder / "scores.safetensors"
    path.write_bytes(content)
    line = refused(folder, scores_sha256=file_hash(path))
    assert line.startswith(what)
    assert line.endswith("; run `rcn-bench evaluate rcn18` again")
