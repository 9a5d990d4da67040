"""Table 5."""

import pytest
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.records.costs import Causality, Certificate
from results import own_origin


def test_table5_shows_the_certificates(experiment):
    rows, markdown, latex = written_table(experiment, "table5_causality")
    assert [list(row.values()) for row in rows] == [
        ["rcn18", "yes", "0.0", "15", "0", "16", "16"],
        ["i3d18", "no", "0.123456", "13", "14", "16", "2"],
    ]
    assert list(rows[0]) == [
        "model",
        "causal",
        "change by later frames",
        "earlier frames seen",
        "later frames seen",
        "frames in the clip",
        "outputs in time",
    ]
    for text in (markdown, latex):
        assert [list(row.values()) for row in shown(text)] == [
            ["rcn18", "yes", "0", "15", "0", "16"],
            ["i3d18", "no", "0.123", "13", "14", "2"],
        ]
        assert "frames in the clip 16." in text
        assert "A small one, such as 1e-5, is no rounding" in text


def test_table5_leaves_out_certificates_that_it_does_not_ask_for(experiment):
    path = experiment.paths.causality
    others = Certificate("another", True, 0.0, frames=16, outputs=16, past_frames=15, future_frames=0)
    rows = [*Causality.read(path).rows, others]
    Causality(origin=own_origin(experiment, "causality"), rows=rows).write(path)
    assert [row["model"] for row in written_table(experiment, "table5_causality")[0]] == ["rcn18", "i3d18"]


def test_certificates_of_other_clips_are_refused(make):
    experiment, other = make(), make({"tables": {"table5": {"frames": 8}}})
    experiment.paths.causality.write_bytes(other.paths.causality.read_bytes())
    with pytest.raises(InputError, match=r"causality\.json: .*frames\.rcn18 was \[8\], is \[16\]"):
        written_table(experiment, "table5_causality")
