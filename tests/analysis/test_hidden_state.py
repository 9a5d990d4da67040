"""w_hh by layer, as a run's file has it: in the network's order, with its statistics and its change from the start."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torchvision.models import regnet_y_1_6gf

from rcn_bench.analysis.hidden_state import hidden_matrices, relative_change, statistics
from rcn_bench.models import create_model
from rcn_bench.models.frames import recurrent_layers
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.records.weights import Card, sealed
from results import an_example

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def saved_matrices(net, folder):
    state = {key: value.contiguous() for key, value in net.state_dict().items()}
    card = an_example(Card, recurrent_layers=recurrent_layers(net))
    (folder / "model.safetensors").write_bytes(sealed(save(state, card.to_metadata())))
    return hidden_matrices(folder / "model.safetensors")


def test_hidden_matrices_come_in_the_networks_order(tmp_path):
    trunk = regnet_y_1_6gf(num_classes=5)  # its third stage has 17 blocks, and as text block 10 comes before block 2
    net = make_recurrent(trunk, lambda name, convolution: convolution.kernel_size == (3, 3), w_hh="random")
    own = [parameter for name, parameter in net.named_parameters() if name.endswith("w_hh")]
    read = saved_matrices(net, tmp_path)
    assert len(read) == len(own) == 28
    for one, other in zip(read, own, strict=True):
        assert torch.equal(torch.as_tensor(one), other)


def test_identity_statistics_by_layer(tmp_path):
    matrices = saved_matrices(create_model("rcn18", 5, w_hh="identity"), tmp_path)
    assert [len(w_hh) for w_hh in matrices] == [64] * 4 + [128] * 4 + [256] * 4 + [512] * 4
    for w_hh in matrices:
        found, c = statistics(w_hh), len(w_hh)
        assert found.std == pytest.approx((1 / c - 1 / c**2) ** 0.5, rel=1e-12)
        assert found.mean == pytest.approx(1 / c, rel=1e-12)
        assert (found.diagonal_mean, found.diagonal_std) == (1, 0)


def test_random_statistics_by_layer(tmp_path):
    for w_hh in saved_matrices(create_model("rcn18", 5, w_hh="random"), tmp_path):
        found, he = statistics(w_hh), (2 / len(w_hh)) ** 0.5
        assert found.std == pytest.approx(he, rel=0.05)
        assert abs(found.mean) < 0.01
        assert abs(found.diagonal_mean) < 5 * he / len(w_hh) ** 0.5
        assert found.diagonal_std == pytest.approx(he, rel=0.5)


@given(seed=st.integers(0, 2**32 - 1), channels=st.integers(1, 40), scale=st.floats(1e-3, 1e3))
def test_statistics_and_change_are_those_of_float64(seed, channels, scale):
    before, after = np.random.default_rng(seed).normal(scale, scale, (2, channels, channels)).astype(np.float32)
    exact = after.astype(np.float64)
    diagonal, found = np.diagonal(exact), statistics(after)
    expected = [exact.mean(), exact.std(), diagonal.mean(), diagonal.std()]
    assert list(vars(found).values()) == pytest.approx(expected, rel=1e-12, abs=1e-12 * scale)
    squares = ((exact - before.astype(np.float64)) ** 2).sum() / (before.astype(np.float64) ** 2).sum()
    assert relative_change(before, after) == pytest.approx(squares**0.5, rel=1e-12)


def test_there_is_no_relative_change_from_zero():
    assert relative_change(np.zeros((2, 2), np.float32), np.eye(2, dtype=np.float32)) is None
