"""What trainings took, from their records."""

from dataclasses import replace

import numpy as np
import pytest
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.plan.run import Run
from rcn_bench.provenance import Machine, Start
from rcn_bench.records.runs import Epoch, Trained, write_metrics
from rcn_bench.reporting.write import table_in_part
from results import an_example, own_origin

GIB = 2**30
UPDATES = 27  # of an epoch
CARD = {"device": "a card", "cpu": "a processor", "threads": 2}
PROCESSOR = CARD | {"device": "cpu"}
RCN, C2D = Run("rcn18", 8, "stills", "identity", 0), Run("c2d18", 8, "random", None, 0)


def start(processes=1, **machine):
    return an_example(Start, machine=an_example(Machine, **machine), processes=processes)


ON_CARD, ON_PROCESSOR, ON_TWO = start(**CARD), start(**PROCESSOR), start(2, **CARD)


def write(experiment, run, seconds, starts=(ON_CARD,), waiting=None, **changes):
    """The record of a training whose epochs took so long, of a few GB on a card; changes: of its fields.

    waiting: for clips, of each epoch.
    """
    samples = UPDATES * experiment.clips_per_batch(run)
    epochs = [
        Epoch(at, 1.5, 0.5, 0.1, samples, each, waiting_for_clips=share)
        for at, (each, share) in enumerate(zip(seconds, waiting or [None] * len(seconds), strict=True), start=1)
    ]
    known = {
        "origin": replace(own_origin(experiment, "train", run.name), starts=list(starts)),
        "run": run.name,
        "clips_trained": samples * len(seconds),
        "training_seconds": float(sum(seconds)),
        "deterministic": True,
        "peak_memory_bytes": 3 * GIB + run.seed * GIB,
        "metrics_sha256": write_metrics(experiment.paths.metrics(run), epochs),
    }
    an_example(Trained, **{**known, **changes}).write(experiment.paths.training(run))


@pytest.fixture
def experiment(tmp_path):
    """C2D and RCN-18 at two clip lengths, with two seeds, all trained on one card."""
    config = merged(["config/mini.yaml"]) | {"seeds": [0, 1], "figures": {}}
    config["tables"] = {"table2": {"models": ["c2d18", "rcn18"], "frames": 8}, "trainings": {}}
    config["tables"]["table3"] = {"models": ["rcn18"], "frames": [16]}
    experiment, rng = check_config(config, "config", tmp_path), np.random.default_rng(0)
    for run in find_product(experiment, "trainings", "table").runs():
        write(experiment, run, [9.5 + run.seed, *rng.uniform(1, 2, 3).round(3)])
    return experiment


def seconds_of(experiment, run):
    record = Trained.read(experiment.paths.training(run))
    return np.array([epoch.seconds for epoch in record.epochs(experiment.paths.metrics(run))])


def rows_of(experiment, run):
    """Those that a run's seeds stand in, as numbers, and all of the Markdown."""
    rows, markdown, _ = written_table(experiment, "trainings")
    start = {"model": run.variant, "frames": str(run.frames), "w_xh": run.w_xh, "w_hh": run.w_hh or ""}
    return [row for row in rows if start.items() <= row.items()], markdown


@pytest.mark.parametrize("run", [RCN, C2D, Run("rcn18", 16, "stills", "identity", 0)], ids=lambda run: run.name)
def test_a_row_has_what_the_records_of_its_seeds_come_to(experiment, run):
    (row,), markdown = rows_of(experiment, run)
    seeds = [seconds_of(experiment, replace(run, seed=seed)) for seed in (0, 1)]
    batch = 16 * 8 // run.frames
    assert row["seeds"] == "0 1"
    assert int(row["clips trained"]) == 4 * UPDATES * batch
    assert (int(row["updates"]), int(row["clips in the batch"])) == (4 * UPDATES, batch)
    later = 1000 * np.concatenate([each[1:] for each in seeds]) / UPDATES
    assert float(row["ms/update"]) == pytest.approx(np.median(later))
    low, high = np.quantile(later, [0.25, 0.75])
    assert float(row["ms/update spread %"]) == pytest.approx(50 * (high - low) / np.median(later))
    firsts = [float(row[f"first epoch s{end}"]) for end in ("", ", of seeds low", ", of seeds high")]
    assert firsts == [10, 9.5, 10.5]
    assert float(row["minutes of a GPU"]) == pytest.approx(sum(each.sum() for each in seeds) / 60)
    assert float(row["peak GiB"]) == 4
    assert (row["machine"], row["deterministic"]) == ("a card", "True")
    assert f"[{run.name}](../runs/{run.name}/provenance.json)" in markdown


def test_waiting_for_clips_is_told_where_it_is_recorded(experiment):
    assert "waiting for clips %" not in rows_of(experiment, RCN)[0][0]
    write(experiment, RCN, [9.5, 1, 1, 1], waiting=[0.01, 0.7, 0.5, 0.6])
    write(experiment, replace(RCN, seed=1), [9.5, 1, 1, 1], waiting=[0.99, 0.8, 0.9, 0.85])
    (row,), markdown = rows_of(experiment, RCN)
    assert float(row["waiting for clips %"]) == pytest.approx(75)
    assert rows_of(experiment, C2D)[0][0]["waiting for clips %"] == ""
    assert "n/a for waiting for clips %: not recorded" in markdown
    assert "in which the GPU or processor had no clips" in markdown


def test_rows_stand_by_model_length_and_start_and_say_once_what_all_have_alike(experiment):
    rows, markdown, latex = written_table(experiment, "trainings")
    starts = [(row["model"], row["frames"], row["w_xh"]) for row in rows]
    assert starts == [
        ("c2d18", "8", "random"),
        ("c2d18", "8", "stills"),
        ("rcn18", "8", "random"),
        ("rcn18", "8", "stills"),
        ("rcn18", "16", "stills"),
    ]
    in_all = sum(float(row["minutes of a GPU"]) for row in rows)
    for text in (markdown, latex):
        assert f"{in_all:,.1f} minutes of a GPU in all (10 trainings)" in text
        assert "are of a shared machine" in text
    assert "Of each row: 2 seeds, deterministic yes, machine a card." in markdown
    assert "n/a for w_hh: a network without recurrence has none." in markdown
    assert "Started more than once" not in markdown
    assert {"machine", "minutes of a processor"}.isdisjoint(shown(markdown)[0])


def test_on_a_processor_there_are_no_minutes_of_a_gpu_and_no_peak(experiment):
    for run in find_product(experiment, "trainings", "table").runs():
        write(experiment, run, [30.0, 60.0], [ON_PROCESSOR], peak_memory_bytes=None)
    (row,), markdown = rows_of(experiment, RCN)
    assert "minutes of a GPU" not in row
    assert float(row["minutes of a processor"]) == 3
    assert (row["peak GiB"], row["machine"]) == ("", "a processor, 2 threads")
    assert "n/a for peak GiB: torch counts its memory on a GPU alone." in markdown
    assert "15.0 minutes of a processor in all (10 trainings)" in markdown
    assert "Peak: " not in markdown


def test_trainings_on_other_machines_or_of_other_clips_have_rows_of_their_own(experiment):
    write(experiment, replace(RCN, seed=1), [30.0, 60.0, 60.0, 60.0], [ON_PROCESSOR], peak_memory_bytes=None)
    on_card, on_processor = rows_of(experiment, RCN)[0]
    assert [row["seeds"] for row in (on_card, on_processor)] == ["0", "1"]
    assert (on_card["minutes of a processor"], on_processor["minutes of a GPU"]) == ("", "")
    assert (float(on_card["peak GiB"]), on_processor["peak GiB"]) == (3, "")
    write(experiment, replace(RCN, seed=1), [30.0, 60.0])
    fewer, others = sorted(rows_of(experiment, RCN)[0], key=lambda row: int(row["updates"]))
    assert (fewer["updates"], others["updates"]) == (str(2 * UPDATES), str(4 * UPDATES))


def test_minutes_of_several_gpus_are_those_of_each(experiment):
    write(experiment, RCN, [30.0, 60.0, 60.0, 60.0], [ON_TWO])
    both, _ = rows_of(experiment, RCN)[0]
    assert both["machine"] == "2 x a card"
    assert float(both["minutes of a GPU"]) == 2 * 3.5


def test_a_training_that_was_resumed_is_named(experiment):
    write(experiment, RCN, [30.0, 60.0, 60.0, 60.0], [ON_CARD, ON_CARD])
    (row,), markdown = rows_of(experiment, RCN)
    assert row["seeds"] == "0 1"
    assert f"Started more than once: {RCN.name}. Steps that were lost" in markdown


def test_of_a_training_that_went_on_elsewhere_no_time_is_one_of_a_machine(experiment):
    write(experiment, RCN, [30.0, 60.0, 60.0, 60.0], [ON_TWO, ON_CARD])
    (elsewhere, _), markdown = rows_of(experiment, RCN)
    assert elsewhere["machine"] == "2 x a card and a card"
    assert elsewhere["ms/update"] == elsewhere["minutes of a GPU"] == ""
    assert float(elsewhere["first epoch s"]) == 30
    assert "which of its epochs were made on which machine is not recorded" in markdown
    assert "minutes of a GPU in all (9 trainings)" in markdown


def test_that_carried_states_are_trained_uncompiled_is_said(experiment):
    config = experiment.config | {
        "models": experiment.config["models"] | {"rcn18+carried": {"w_xh": ["stills"], "w_hh": ["identity"]}}
    }
    config["tables"] = config["tables"] | {"table2": {"models": ["rcn18+carried"], "frames": 8}}
    carried = check_config(config, "config", experiment.results)
    for run in find_product(carried, "trainings", "table").runs():
        write(carried, run, [9, 1])
    sentence = "Trainings +carried are not compiled."
    _, markdown, _ = written_table(carried, "trainings")
    assert sentence in markdown
    _, markdown, _ = written_table(experiment, "trainings")
    assert sentence not in markdown


def test_of_one_epoch_there_is_no_time_of_an_update(experiment):
    for run in find_product(experiment, "trainings", "table").runs():
        write(experiment, run, [30.0])
    (row,), markdown = rows_of(experiment, RCN)
    assert row["ms/update"] == ""
    assert "n/a for ms/update: there was no epoch after the first" in markdown
    assert "ms/update" not in shown(markdown)[0]
    assert "Of no row" not in markdown


def test_epochs_too_short_for_the_clock_have_no_spread(experiment):
    for seed in (0, 1):
        write(experiment, replace(RCN, seed=seed), [0.0, 0.0, 0.0])
    (row,), _ = rows_of(experiment, RCN)
    assert (float(row["ms/update"]), float(row["ms/update spread %"])) == (0, 0)


def test_a_training_of_no_clip_is_refused(experiment):
    with pytest.raises(InputError, match="clips_trained: 0 of them are no training"):
        write(experiment, RCN, [])
    with pytest.raises(InputError, match="epoch 1: samples: 0 of them are no epoch"):
        write_metrics(experiment.paths.metrics(RCN), [an_example(Epoch, epoch=1, samples=0)])


def test_a_part_of_it_is_of_the_trainings_that_are_done(experiment):
    experiment.paths.training(RCN).unlink()
    with pytest.raises(InputError, match=rf"provenance\.json: not there; run `rcn-bench train {RCN.name}` first"):
        written_table(experiment, "trainings")
    made, missing = table_in_part(experiment, "trainings")
    assert [RCN.name in line for line in missing] == [True]
    assert made.rows["seeds"].to_list() == ["0 1", "0 1", "0 1", "1", "0 1"]


def test_nothing_of_it_is_no_table(experiment):
    for run in find_product(experiment, "trainings", "table").runs():
        experiment.paths.training(run).unlink()
    with pytest.raises(InputError, match="trainings: nothing of it is there yet"):
        table_in_part(experiment, "trainings")
