"""w_hh by layer, as a run's file has it: in the network's order, with the statistics of what it was drawn as."""

import pytest
import torch
from safetensors.torch import save
from torchvision.models import regnet_y_1_6gf

from rcn_bench.analysis.hidden_state import hidden_matrices, hidden_state_statistics
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
    table = hidden_state_statistics(saved_matrices(create_model("rcn18", 5, w_hh="identity"), tmp_path))
    assert list(table["layer"]) == list(range(1, 17))
    c = table["channels"]
    assert list(c) == [64] * 4 + [128] * 4 + [256] * 4 + [512] * 4
    assert list(table["std"]) == pytest.approx(list((1 / c - 1 / c**2) ** 0.5), rel=1e-5)
    assert list(table["mean"]) == pytest.approx(list(1 / c))
    assert (table["diagonal_mean"] == 1).all()
    assert (table["diagonal_std"] == 0).all()


def test_random_statistics_by_layer(tmp_path):
    table = hidden_state_statistics(saved_matrices(create_model("rcn18", 5, w_hh="random"), tmp_path))
    he = (2 / table["channels"]) ** 0.5
    assert list(table["std"]) == pytest.approx(list(he), rel=0.05)
    assert table["mean"].abs().max() < 0.01
    assert (table["diagonal_mean"].abs() < 5 * he / table["channels"] ** 0.5).all()
    assert list(table["diagonal_std"]) == pytest.approx(list(he), rel=0.5)
