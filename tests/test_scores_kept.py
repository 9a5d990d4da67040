"""The example of docs/data.md that makes an ensemble of two runs' scores, as a reader would run it."""

import re
from pathlib import Path

import numpy as np
from scipy.special import softmax

from rcn_bench.predictions import Videos
from results import write_scored

(EXAMPLE,) = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "docs" / "data.md").read_text(), re.DOTALL)
LABELS = ["up", "down", "grow", "shrink"]
CLIPS = [2, 1, 2, 2, 1, 2, 2, 2]


def test_the_example_is_the_accuracy_of_both_runs_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, names = np.random.default_rng(0), [f"v{i}" for i in range(len(CLIPS))]
    true = rng.integers(0, len(LABELS), len(CLIPS))
    videos, shares = Videos(names, names, [LABELS[one] for one in true], CLIPS, 2), []
    for run in ("rcn18-t8-xh_stills-hh_identity-s0", "i3d18-t8-xh_stills-s0"):
        scores = rng.normal(size=(sum(CLIPS), len(LABELS))).astype(np.float16)
        folder = Path("results", "mini", "runs", run)
        folder.mkdir(parents=True)
        write_scored(folder, scores, LABELS, videos)
        shares.append(softmax(scores.astype(np.float64), axis=1))
    found: dict = {}
    exec(EXAMPLE, found)
    by_hand = [part.mean(0).argmax() for part in np.split(sum(shares), np.cumsum(CLIPS)[:-1])]
    assert found["accuracy"] == np.mean(by_hand == true)
    assert 0 < found["accuracy"] < 1
