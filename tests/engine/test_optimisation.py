"""How training moves on: groups of parameters with a weight decay of their own, and the learning rate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rcn_bench.engine.optimisation import learning_rate_factor, parameter_groups
from rcn_bench.models.rcn import make_recurrent


@pytest.fixture
def small_rcn():
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 4 * 4, 2))
    return make_recurrent(trunk, lambda name, convolution: True)


def test_weight_decay_of_w_hh_is_its_own(small_rcn):
    optimizer = torch.optim.SGD(parameter_groups(small_rcn, weight_decay=0.5, w_hh_weight_decay=0.0), lr=1.0)
    before = {name: p.detach().clone() for name, p in small_rcn.named_parameters()}
    for parameter in small_rcn.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert sum(name.endswith("w_hh") for name in before) == 2
    for name, parameter in small_rcn.named_parameters():
        torch.testing.assert_close(parameter, before[name] * (1.0 if name.endswith("w_hh") else 0.5))


@pytest.mark.parametrize("model", [nn.Linear(2, 2), "rcn"], ids=["plain", "rcn"])
def test_every_parameter_is_in_one_group(model, small_rcn):
    model = small_rcn if model == "rcn" else model
    groups = parameter_groups(model, 0.1, 0.2)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())
    assert all(group["params"] for group in groups)


STEPS = st.integers(5, 300)


@given(steps=STEPS, warmup=st.floats(0, 0.9), schedule=st.sampled_from(["cosine", "step"]))
def test_learning_rate_rises_to_its_peak_and_never_again(steps, warmup, schedule):
    factors = [learning_rate_factor(step, steps, warmup, schedule, [0.5, 0.75]) for step in range(steps)]
    peak = int(np.argmax(factors))
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


@given(steps=STEPS)
def test_learning_rate_starts_low_and_reaches_its_peak_after_the_warmup(steps):
    factors = [learning_rate_factor(step, 5 * steps, 0.2, "cosine") for step in range(5 * steps)]
    assert factors[0] == pytest.approx(1 / steps)
    assert factors[steps - 1] == pytest.approx(1)
    assert max(factors) == pytest.approx(1)


@given(steps=STEPS, warmup=st.floats(0, 0.9))
def test_cosine_ends_at_zero(steps, warmup):
    assert learning_rate_factor(steps - 1, steps, warmup, "cosine") == pytest.approx(0, abs=1e-6)


def test_cosine_is_half_way_down_in_the_middle_of_the_rest():
    assert learning_rate_factor(59, 100, 0.2, "cosine") == pytest.approx(0.5)


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1), (49, 1), (50, 0.1), (74, 0.1), (75, 0.01), (99, 0.01)])
def test_step_schedule_falls_tenfold_after_each_milestone(step, factor):
    assert learning_rate_factor(step, 100, 0.1, "step", [0.5, 0.75]) == pytest.approx(factor)
