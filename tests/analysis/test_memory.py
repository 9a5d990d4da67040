"""Memory of a training step and of inference: counted by hand, against what autograd saves, and on a GPU if any."""

import copy
from contextlib import nullcontext
from functools import partial

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

import rcn_bench.analysis.memory as memory
from rcn_bench.analysis.memory import (
    GIB,
    WORK_SPACE,
    Memory,
    estimate_memory,
    estimate_training,
    estimated_largest_batch,
    measure_memory,
    measured_largest_batch,
)
from rcn_bench.engine.device import fastest_layout, place
from rcn_bench.models import create_model
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.rcn import RCU, make_recurrent
from rcn_bench.models.recompute import recompute_activations

OTHERS = ["c2d18", "i3d18_causal", "i3d18", "r2plus1d18", "s3d", "i3d50_nl"]
NAMES = ["rcn18", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
FLOAT, GRANULE = 4, 512


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def rounded(size):
    return -(-size // GRANULE) * GRANULE


def floats(count):
    return rounded(count * FLOAT)


def small_rcn(width=8):
    trunk = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, 5),
    )
    return make_recurrent(trunk, lambda name, convolution: True)


def snapshot(net):
    return {name: value.clone() for name, value in net.state_dict().items()}, [m.training for m in net.modules()]


@pytest.mark.parametrize("training", [True, False, "head alone"])
def test_estimating_leaves_the_model_alone(training):
    net = small_rcn().train(training is True)
    if training == "head alone":
        net.trunk[-1].train()
    state, modes = snapshot(net)
    estimate_memory(net, (2, 3, 2, 16, 16))
    new_state, new_modes = snapshot(net)
    assert new_modes == modes
    assert all(torch.equal(new_state[name], state[name]) for name in state)
    assert all(parameter.grad is None for parameter in net.parameters())


# Activations by hand


def test_activations_of_linear_layers_by_hand():
    net = nn.Sequential(nn.Flatten(), nn.Linear(240, 800), nn.ReLU(), nn.Linear(800, 500))
    # Kept: the clip for the first weight's gradient; ReLU's output for its own and for the second weight's gradient;
    # the logits themselves.
    assert estimate_memory(net, (10, 3, 20, 2, 2)).activations == floats(2400) + floats(8000) + floats(5000)


def test_activations_of_convolutions_by_hand():
    net = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.Sigmoid(), nn.Conv3d(4, 2, 3, padding=1), nn.Flatten())
    # Kept: the clip as it came and in channels_last; Sigmoid's output, the second convolution's input; the logits,
    # flattened into channels first.
    values = 2 * 4 * 5 * 6
    assert estimate_memory(net, (2, 3, 4, 5, 6)).activations == floats(3 * values) + floats(4 * values) + floats(
        2 * values
    )


@pytest.mark.parametrize("clips", [1, 42, 43])
def test_storages_are_rounded_up_to_what_the_allocator_hands_out(clips):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 3))
    assert estimate_memory(net, (clips, 3, 1, 1, 1)).activations == (2 * GRANULE if clips < 43 else 4 * GRANULE)


def kept_bytes(net, clip):
    """Distinct storages that autograd really saves, and the logits; parameters and buffers left out."""
    kept = []

    def remember(tensor):
        kept.append(tensor.untyped_storage())
        return tensor

    with saved_tensors_hooks(remember, lambda tensor: tensor):
        logits = net.train()(clip)
    kept.append(logits.untyped_storage())
    own = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    distinct = {storage.data_ptr(): rounded(storage.nbytes()) for storage in kept if storage.data_ptr() not in own}
    return sum(distinct.values())


@pytest.mark.parametrize("name", NAMES)
def test_activations_equal_what_autograd_saves(name):
    net = create_model(name, 400)
    clip = torch.randn(2, 3, 5, 32, 32)
    estimate = estimate_memory(net, tuple(clip.shape)).activations
    assert estimate == kept_bytes(net.to(memory_format=fastest_layout(net, "cuda")), clip)


def test_the_recurrence_keeps_one_hidden_state_a_unit():
    """An RCN keeps h where the 2D network keeps the convolution's output, and no state of each step besides."""
    rcn, shape = small_rcn(), (2, 3, 8, 16, 16)
    c2d = FrameNet(copy.deepcopy(rcn.trunk))
    for name, unit in list(c2d.trunk.named_children()):
        if isinstance(unit, RCU):
            c2d.trunk.set_submodule(name, unit.w_xh)
    assert estimate_memory(rcn, shape).activations == estimate_memory(c2d, shape).activations


@pytest.mark.parametrize("axis", [2, pytest.param(0, marks=pytest.mark.slow)])
def test_activations_grow_linearly_with_clips_and_frames(axis):
    net = small_rcn()

    def activations(n):
        shape = [2, 3, 4, 32, 32]
        shape[axis] = n
        return estimate_memory(net, tuple(shape)).activations

    four, eight, sixteen = activations(4), activations(8), activations(16)
    assert sixteen - eight == pytest.approx(2 * (eight - four), abs=8 * GRANULE)
    assert eight == pytest.approx(2 * four, rel=0.01)  # batch norm's statistics alone do not grow


def test_memory_of_a_batch_that_no_machine_holds():
    net = small_rcn()
    small, huge = (estimate_memory(net, (clips, 3, 16, 112, 112)) for clips in (64, 640_000))
    assert huge.activations > 1e12
    assert huge.activations == pytest.approx(10_000 * small.activations, rel=1e-3)
    assert huge.training > huge.activations > huge.inference


# Peaks


def test_peaks_of_a_big_layer_by_hand():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3000, 2000, bias=False))
    clip, weight, logits = floats(2 * 3000), floats(3000 * 2000), floats(2 * 2000)
    found = estimate_memory(net, (2, 3, 10, 10, 10))
    assert found.activations == clip + logits
    # Inference: the weight, the clip and the logits. Training: the weight, its gradient and its momentum; and by the
    # time that the gradient is made the clip and the gradient of the logits at least.
    assert found.inference == weight + clip + logits + WORK_SPACE
    assert 3 * weight + clip + logits <= found.training - WORK_SPACE <= 3 * weight + clip + 4 * logits


@pytest.mark.parametrize("name", NAMES)
def test_peaks_hold_weights_activations_and_momentum(name):
    net = create_model(name, 400)
    weights = sum(parameter.numel() * FLOAT for parameter in net.parameters())
    found = estimate_memory(net, (2, 3, 5, 32, 32))
    assert found.training >= found.inference >= weights
    assert found.training >= max(3 * weights, 2 * weights + found.activations)


@pytest.mark.slow
def test_more_clips_take_more_and_training_more_than_inference():
    rows = [estimate_memory(small_rcn(), (clips, 3, 4, 16, 16)) for clips in (1, 2, 5)]
    for found in rows:
        assert found.training >= found.inference
        assert found.training > found.activations
    for key in ("activations", "training", "inference"):
        sizes = [getattr(found, key) for found in rows]
        assert sizes == sorted(set(sizes))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_activation_checkpointing_lowers_what_training_keeps(name):
    net, shape = create_model(name, 5), (8, 3, 8, 64, 64)
    whole = estimate_memory(net, shape)
    saved = estimate_memory(recompute_activations(net), shape)
    assert saved.activations < 0.75 * whole.activations
    assert saved.training < whole.training
    assert saved.inference == whole.inference


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rcn18", "c2d18"])
def test_norms_that_are_computed_again_fit_24_long_clips_into_11_gib(name):
    """Where all is kept it is 15 (Table 6)."""
    net = recompute_activations(create_model(name, 400), "norms")
    assert estimate_memory(net, (24, 3, 128, 112, 112)).training < 11 * GIB
    assert estimate_memory(create_model(name, 400), (16, 3, 128, 112, 112)).training > 11 * GIB


# The largest batch


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 1000])
def test_largest_batch_of_a_linear_memory(limit):
    def linear(shape):
        return 100 + 10 * shape[0]

    assert estimated_largest_batch(linear, (3, 4, 8, 8), 100 + 10 * limit) == limit
    assert estimated_largest_batch(linear, (3, 4, 8, 8), 109 + 10 * limit) == limit


@pytest.mark.parametrize("budget", [0, 50, 109])
def test_no_clip_fits_a_budget_too_small_for_one(budget):
    assert estimated_largest_batch(lambda shape: 100 + 10 * shape[0], (3, 4, 8, 8), budget) == 0


def many_weights():
    """The optimiser's step takes more than small batches do."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 2 * 8 * 8, 1000), nn.ReLU(), nn.Linear(1000, 1000))


def many_activations():
    return nn.Sequential(nn.Conv3d(3, 64, 1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten())


def both():
    """Early activations are large, late weights are: where the peak lies depends on the batch."""
    return nn.Sequential(
        nn.Conv3d(3, 16, 1), nn.ReLU(), nn.AvgPool3d((1, 2, 2)), nn.Flatten(), nn.Linear(512, 2000), nn.ReLU(),
        nn.Linear(2000, 500),
    )  # fmt: skip


@pytest.mark.parametrize("clips", [1, 40, pytest.param(700, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [many_activations, many_weights, both])
def test_the_estimated_largest_batch_fits_and_little_more_does_not(make, clips):
    """The budget is what the given clips take, so that as many fit; found to within 2 %, as on a GPU."""
    training_of, shape = partial(estimate_training, make()), (3, 2, 8, 8)
    budget = training_of((clips, *shape))
    found = estimated_largest_batch(training_of, shape, budget)
    more = found + 1 + found // 50
    assert training_of((found, *shape)) <= budget < training_of((more, *shape))


@pytest.mark.parametrize("make", [many_activations, many_weights, both])
def test_no_clip_fits_where_one_takes_more_than_the_budget(make):
    training_of, shape = partial(estimate_training, make()), (3, 2, 8, 8)
    assert estimated_largest_batch(training_of, shape, training_of((1, *shape)) - 1) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rcn18", pytest.param("i3d50_nl", marks=pytest.mark.soak)])
def test_the_estimated_largest_batch_of_a_model_fits_its_card(name):
    training_of, shape = partial(estimate_training, create_model(name)), (3, 8, 112, 112)
    found = estimated_largest_batch(training_of, shape, 11 * GIB)
    more = found + 1 + found // 50
    assert training_of((found, *shape)) <= 11 * GIB < training_of((more, *shape))


LIMITS = st.one_of(st.integers(0, 60), st.integers(0, 5000))


def searched(limit, guess):
    """The found batch, and all that were tried, where more than ``limit`` clips do not fit."""
    tried = []

    def memory_of(shape):
        assert shape[1:] == (3, 8, 112, 112)
        tried.append(shape[0])
        if shape[0] > limit:
            raise torch.OutOfMemoryError("out of memory")
        return Memory(0, 0, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "_capped", lambda budget: nullcontext())
        found = measured_largest_batch(memory_of, (3, 8, 112, 112), 11 * GIB, guess)
    return found, tried


@settings(max_examples=300)
@given(limit=LIMITS, guess=LIMITS)
@example(limit=0, guess=0)
@example(limit=1, guess=0)
@example(limit=0, guess=5000)
def test_the_search_ends_within_two_percent_below_the_limit(limit, guess):
    found, tried = searched(limit, guess)
    assert found <= limit
    assert limit - found <= max(found // 50, 0)
    assert min(tried) >= 1


@settings(max_examples=100)
@given(limit=LIMITS, guess=LIMITS)
def test_the_search_tries_no_batch_twice_and_few(limit, guess):
    _, tried = searched(limit, guess)
    assert len(tried) == len(set(tried))
    assert len(tried) <= 30


@pytest.mark.parametrize("limit", [100, 104])
def test_a_good_guess_saves_trials(limit):
    assert len(searched(limit, 101)[1]) < len(searched(limit, 0)[1])


# On a GPU

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@needs_gpu
def test_the_estimate_is_near_the_measured():
    shape, net = (16, 3, 8, 112, 112), create_model("rcn18", 400)
    estimate = estimate_memory(net, shape)
    measured = measure_memory(place(net, torch.device("cuda")), shape)
    for key in ("activations", "training", "inference"):
        assert getattr(estimate, key) == pytest.approx(getattr(measured, key), rel=0.1), key


@needs_gpu
def test_the_measured_largest_batch_respects_the_cap_and_lifts_it_again():
    net, shape, budget = place(create_model("rcn18", 400), torch.device("cuda")), (3, 8, 112, 112), 2 * GIB
    measured = {}

    def memory_of(batch_shape):
        measured[batch_shape[0]] = measure_memory(net, batch_shape)
        return measured[batch_shape[0]]

    found = measured_largest_batch(memory_of, shape, budget, guess=10)
    assert found == max(measured) > 10
    assert max(at.training for at in measured.values()) <= budget
    assert measure_memory(net, (2 * found, *shape)).training > budget


@needs_gpu
def test_the_measured_and_the_estimated_largest_batch_are_alike():
    net, shape, budget = create_model("rcn18", 400), (3, 8, 112, 112), 4 * GIB
    estimated = estimated_largest_batch(partial(estimate_training, net), shape, budget)
    place(net, torch.device("cuda"))
    measured = measured_largest_batch(partial(measure_memory, net), shape, budget, estimated)
    assert measured == pytest.approx(estimated, rel=0.2)


@pytest.mark.parametrize("make", [many_activations, many_weights, both, small_rcn])
def test_a_training_step_alone_takes_what_it_takes_beside_inference(make):
    net, shape = make(), (3, 3, 2, 8, 8)
    assert estimate_training(net, shape) == estimate_memory(net, shape).training
