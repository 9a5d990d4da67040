"""A training that TERM ends in the middle of an epoch goes on behind its last step, to the same bits."""

import signal

import pytest
import torch
from safetensors.torch import load_file
from tiny import changed, linked, metrics_without_times

from rcn_bench.engine.step import TrainingStep
from rcn_bench.engine.stops import Position, noting_term
from rcn_bench.engine.train import train
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.checkpoint import epochs_so_far
from rcn_bench.records.runs import Trained

POCKET = Run("c2d_pocket", 4, "random", None, 0)
DROPOUT = Run("pocket3d_dropout", 4, "random", None, 0)
EPOCHS, STEPS = 2, 4


class Ended(BaseException):
    """In the place of a process's end by TERM."""


@pytest.fixture
def pocket(fresh):
    """Epochs of four steps."""
    changes = {"plugins": ["pocket_models"], "models.c2d_pocket": {"w_xh": ["random"]}, "train.frames_per_batch": 16}
    return changed(fresh, changes)


@pytest.fixture
def ending_by_term():
    def end(*_):
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


def told_to_end_in(monkeypatch, step):
    """TERM comes in the middle of the so many-th step from here on."""
    whole, calls = TrainingStep.__call__, []

    def call(self, *args):
        calls.append(args)
        if len(calls) == step:
            signal.raise_signal(signal.SIGTERM)
        return whole(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", call)
    return calls


def assert_stopped_training_ends_alike(run, experiment, other, step, monkeypatch):
    """As the undisturbed training of the other experiment, when TERM comes in the so many-th step."""
    train(run, other)
    with monkeypatch.context() as patch:
        calls = told_to_end_in(patch, step)
        with pytest.raises(Ended):
            train(run, experiment)
    assert len(calls) == step
    assert len(epochs_so_far(experiment.paths.checkpoint(run))) == step // STEPS
    assert not experiment.paths.weights(run).exists()
    with monkeypatch.context() as patch:
        calls = told_to_end_in(patch, None)
        train(run, experiment)
    assert len(calls) == EPOCHS * STEPS - step
    weights, undisturbed = (load_file(each.paths.weights(run)) for each in (experiment, other))
    assert weights.keys() == undisturbed.keys()
    assert all(torch.equal(weights[name], undisturbed[name]) for name in weights)
    assert metrics_without_times(experiment, run) == metrics_without_times(other, run)
    mine, theirs = (Trained.read(each.paths.training(run)) for each in (experiment, other))
    assert len(mine.origin.starts) == 2
    assert mine.clips_trained == theirs.clips_trained


# In the middle of an epoch, before its last step, in its last, in the middle of another, and in the last of all.
@pytest.mark.parametrize(("step", "workers"), [(1, 0), (3, 1), (4, 0), (6, 0), (8, 0)])
def test_it_ends_after_its_step_and_goes_on_to_the_same_bits(
    pocket, tmp_path, monkeypatch, ending_by_term, step, workers
):
    pocket = changed(pocket, {"train.workers": workers})
    other = linked(pocket, tmp_path / "undisturbed", "data", "cache", "pretrained")
    assert_stopped_training_ends_alike(POCKET, pocket, other, step, monkeypatch)


@pytest.mark.parametrize("step", [2, 7])
def test_a_network_with_dropout_draws_as_if_it_had_not_ended(pocket, tmp_path, monkeypatch, ending_by_term, step):
    pocket = changed(pocket, {"models.pocket3d_dropout": {"w_xh": ["random"]}})
    other = linked(pocket, tmp_path / "undisturbed", "data", "cache", "pretrained")
    assert_stopped_training_ends_alike(DROPOUT, pocket, other, step, monkeypatch)


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("run", [POCKET, DROPOUT], ids=lambda run: run.model)
def test_on_a_gpu_too_compiled_and_in_a_cuda_graph(pocket, tmp_path, monkeypatch, ending_by_term, run):
    ways = {"train.deterministic": True, "train.compile": True, "train.cuda_graph": True, "train.autocast": "bfloat16"}
    pocket = changed(pocket, ways | {"models.pocket3d_dropout": {"w_xh": ["random"]}})
    other = linked(pocket, tmp_path / "undisturbed", "data", "cache", "pretrained")
    assert_stopped_training_ends_alike(run, pocket, other, 3, monkeypatch)


def test_dropout_draws_what_would_have_come_next():
    torch.manual_seed(3)
    torch.rand(5)
    position = Position()
    position.reach(1, 4, 0.5, torch.tensor([2.0, 1.0]))
    expected = torch.rand(7)
    kept = Position()
    kept.load_state_dict(position.state_dict())
    torch.manual_seed(4)
    kept.go_on(Process.alone())
    assert torch.equal(torch.rand(7), expected)


def test_at_the_start_of_an_epoch_it_draws_by_the_epochs_seed():
    torch.manual_seed(3)
    expected = torch.rand(7)
    position = Position()
    torch.manual_seed(3)
    position.go_on(Process.alone())
    assert torch.equal(torch.rand(7), expected)


@pytest.mark.parametrize("state", [{"steps": -1}, {"samples": -1}, {"totals": torch.zeros(3)}])
def test_a_position_that_is_none_is_refused(state):
    with pytest.raises(ValueError, match="position"):
        Position().load_state_dict(Position().state_dict() | state)


def test_several_processes_are_ended_at_once(ending_by_term):
    with pytest.raises(Ended), noting_term(Process(0, 2, torch.device("cpu"))):  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("went on")


def test_what_fails_after_term_is_told(ending_by_term):
    with pytest.raises(ZeroDivisionError), noting_term(Process.alone()):  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        raise ZeroDivisionError
