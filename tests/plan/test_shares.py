"""How many GPUs share a run's batches, by which key, and what depends on it."""

from experiments import RANDOM, experiment
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.code import Code
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies


def test_how_processes_share_a_batch_counts_where_the_result_depends_on_it():
    def settings_of(changes):
        return dependencies(experiment(changes), "train", RANDOM).settings["train"]

    alone, two, synchronised = settings_of({}), {"train.gpus": 2}, {"train.batch_norm": "synchronised"}
    assert not {"gpus", "batch_norm"} & alone.keys()
    assert settings_of(two) == alone | {"gpus": 2, "batch_norm": "per_gpu"}
    assert settings_of(synchronised) == settings_of(two | synchronised) == alone
    repeatable = {"train.deterministic": True}  # to the bit, which differs
    assert settings_of(two | synchronised | repeatable)["gpus"] == 2
    assert settings_of(synchronised | repeatable) == settings_of(repeatable)


def test_gpus_by_clip_length_move_the_runs_alone_whose_own_number_is_another(monkeypatch):
    monkeypatch.setattr(Experiment, "code", lambda self, *modules: Code({}))  # settings alone, which take no time
    lengths = (4, 8, 16)
    runs = [RANDOM.replace("t8", f"t{frames}") for frames in lengths]
    numbers = st.sampled_from([1, 2, 4])
    of_lengths = st.dictionaries(st.sampled_from(lengths), numbers)

    def of(gpus, by_frames, statistics):
        values = {"train.gpus": gpus, "train.gpus_by_frames": {str(frames): own for frames, own in by_frames.items()}}
        return experiment({**values, "train.batch_norm": statistics, "tables.table3.frames": list(lengths)})

    @settings(max_examples=15)
    @given(numbers, of_lengths, st.sampled_from(["per_gpu", "synchronised"]))
    def check(gpus, by_frames, statistics):
        found = of(gpus, by_frames, statistics)
        own = [by_frames.get(frames, gpus) for frames in lengths]
        for run, number in zip(runs, own, strict=True):
            assert found.gpus_of(Run.parse(run)) == number
            assert dependencies(found, "train", run) == dependencies(of(number, {}, statistics), "train", run)
            for stage in ("evaluate", "online"):
                assert dependencies(found, stage, run) == dependencies(of(1, {}, statistics), stage, run)
        alike = [dependencies(of(number, {}, statistics), "steps").hash for number in (1, 2, 4)]
        steps = dependencies(found, "steps").hash
        assert steps == alike[(1, 2, 4).index(own[0])] if len(set(own)) == 1 else steps not in alike

    check()
