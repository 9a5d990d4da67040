from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.utils import flop_counter
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula
from torchvision.models import get_model, get_model_weights

from rcn_bench.analysis.cost import count_gmacs, count_parameters
from rcn_bench.analysis.second_count import gmacs_by_fvcore, hold_against_fvcore
from rcn_bench.errors import InputError
from rcn_bench.models import create_model, list_models
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.ops.reference import reference_scan

PAGE = Path(__file__).parents[2] / "docs" / "counting.md"
NAMES = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


class OnFrames(nn.Module):
    """Any function of a clip's frames as rows, (N*T, C*H*W), as a model."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, clip):
        return self.function(clip.transpose(1, 2).flatten(0, 1).flatten(1))


def test_count_parameters():
    assert count_parameters(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))) == 3 * 4 + 4 + 4 + 4


# GMACs at 112x112 and 400 classes, counted once with torch's own FlopCounterMode on plain loops.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "frames", "options", "gmacs"),
    [
        ("rcn18", 8, {}, 4.268),
        ("rcn18", 16, {}, 8.591),
        ("rcn34", 8, {}, 8.482),
        ("rcn34", 16, {}, 17.073),
        ("i3d18", 16, {"stem_pool": False}, 40.697),
        ("r2plus1d18", 16, {"stem_pool": False}, 40.519),
    ],
)
def test_gmacs_at_full_size(name, frames, options, gmacs):
    assert round(count_gmacs(create_model(name, 400, **options), torch.zeros(1, 3, frames, 112, 112)), 3) == gmacs


@pytest.mark.slow
@pytest.mark.parametrize(("name", "theirs"), [("i3d18", "R3D_18_Weights"), ("r2plus1d18", "R2Plus1D_18_Weights")])
def test_gmacs_equal_those_that_torchvision_states(name, theirs):
    stated = getattr(torchvision.models.video, theirs).KINETICS400_V1.meta["_ops"]
    assert count_gmacs(create_model(name, stem_pool=False), torch.zeros(1, 3, 16, 112, 112)) == pytest.approx(
        stated, abs=1e-3
    )


@pytest.mark.parametrize("name", NAMES)
def test_gmacs_equal_torchs_counter_on_plain_products(name, monkeypatch):
    net = create_model(name, 10).eval()
    clip = torch.zeros(2, 3, 3, 32, 32)
    counted = count_gmacs(net, clip)
    monkeypatch.setattr("rcn_bench.models.rcn.recurrent_scan", lambda *args: reference_scan(*args).float())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(clip)
    assert torch.ops.rcn_bench.recurrent_scan not in counter.get_flop_counts()["Global"]
    assert counted * 2e9 == pytest.approx(counter.get_total_flops(), rel=1e-9)


@pytest.mark.parametrize(
    "name", ["rcn18", *(pytest.param(name, marks=pytest.mark.slow) for name in ("s3d", "i3d50_nl"))]
)
def test_fvcore_counts_as_many(name, capsys):
    net, clip = create_model(name, 10), torch.zeros(1, 3, 5, 32, 32)
    assert gmacs_by_fvcore(net, clip) == pytest.approx(count_gmacs(net, clip), rel=1e-9)
    hold_against_fvcore(count_gmacs(net, clip), net, clip, name)
    assert capsys.readouterr().err == ""


def test_it_is_said_where_fvcore_counts_otherwise(capsys):
    weight = torch.randn(4, 5)
    net, clip = First(lambda x: weight @ x), torch.randn(SEQUENCE)
    hold_against_fvcore(count_gmacs(net, clip), net, clip, "mine")
    assert "mine: 3.2e-07 GMACs by torch's operators, 1.6e-07 by fvcore" in capsys.readouterr().err


def test_fvcore_says_nothing_of_what_it_does_not_know():
    assert gmacs_by_fvcore(First(nn.GRU(8, 3)), torch.randn(SEQUENCE)) is None


@pytest.mark.parametrize("name", ["rcn18", pytest.param("r3d_18", marks=pytest.mark.slow)])
def test_the_page_of_counters_shows_our_count(name):
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines()]
    names, counts = (next(row for row in rows if row[0] == first) for first in ("counter", "rcn_bench"))
    net = create_model(name) if name in list_models() else get_model(name)
    assert f"{count_gmacs(net, torch.zeros(1, 3, 8, 112, 112)):.3f}" == counts[names.index(f"`{name}`")]


def test_the_recurrence_takes_one_product_less_than_there_are_frames():
    trunk = nn.Sequential(nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = make_recurrent(trunk, lambda *_: True)
    for frames in (1, 2, 5):
        macs = count_gmacs(net, torch.zeros(2, 3, frames, 4, 6)) * 1e9
        assert macs == pytest.approx(2 * 4 * 6 * (frames * 3 * 8 + (frames - 1) * 8 * 8))


class Stream(nn.Module):
    """A frame of a stream, after as many as there are in each ``before``."""

    def __init__(self, net, before):
        super().__init__()
        self.net = net
        self.state = net.initial_state(len(before))
        for frame in before.unbind(2):
            _, self.state = net.step(frame, self.state)

    def forward(self, frame):
        return self.net.step(frame, self.state)[0]


# The first frame of a recurrence takes no product with w_hh: 0.485 for the 2D network, and 0.055 for the recurrence.
@pytest.mark.parametrize(("name", "frames", "gmacs"), [("rcn18", 1, 0.540), ("rcn18", 2, 0.540), ("c2d18", 1, 0.485)])
def test_gmacs_of_a_frame_of_a_stream(name, frames, gmacs):
    net = create_model(name, 400).eval()
    with torch.no_grad():
        stream = Stream(net, torch.zeros(1, 3, frames, 112, 112))
    assert round(count_gmacs(stream, torch.zeros(1, 3, 112, 112)), 3) == gmacs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rcn18", pytest.param("i3d18_causal", marks=pytest.mark.slow)])
def test_a_frame_of_a_stream_takes_its_share_of_a_long_clip(name):
    net = create_model(name, 10).eval()
    with torch.no_grad():
        stream = Stream(net, torch.zeros(1, 3, 4, 32, 32))
    frame = count_gmacs(stream, torch.zeros(1, 3, 32, 32))
    six, five = (count_gmacs(net, torch.zeros(1, 3, frames, 32, 32)) for frames in (6, 5))
    assert frame == pytest.approx(six - five)


# Of rows x, (6, 8).
PRODUCTS = {
    "matmul": lambda x: x @ x.t(),
    "mm": lambda x: torch.mm(x, x.t()),
    "addmm": lambda x: torch.addmm(x[:, :6], x, x.t()),
    "bmm": lambda x: torch.bmm(x[None], x.t()[None]),
    "einsum": lambda x: torch.einsum("ic,jc->ij", x, x),
    "linear": lambda x: nn.functional.linear(x, x),
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_kind_of_product_is_counted(product):
    clip = torch.randn(2, 2, 3, 2, 2)
    assert count_gmacs(OnFrames(PRODUCTS[product]), clip) * 1e9 == pytest.approx(6 * 6 * 8)


def test_batch_norm_and_pooling_are_left_out():
    net = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.AdaptiveAvgPool3d(1))
    assert count_gmacs(net, torch.zeros(2, 3, 5, 6, 7)) * 1e9 == pytest.approx(2 * 5 * 6 * 7 * 4 * 3 * 27)


class First(nn.Module):
    """The first result of a layer of frames as a sequence (N, T, C*H*W)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, clip):
        return self.layer(clip.transpose(1, 2).flatten(2))[0]


def macs_of(layer, clip):
    return count_gmacs(First(layer), clip) * 1e9


SEQUENCE = (2, 2, 5, 2, 2)  # two sequences of 5 steps of 8 channels


@pytest.mark.parametrize(("dtype", "bias"), [(torch.float32, True), (torch.float32, False), (torch.float64, True)])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_are_counted_as_their_products(kind, gates, dtype, bias):
    layers = kind(8, 7, num_layers=2, bidirectional=True, batch_first=True, bias=bias, dtype=dtype)
    first, second = (gates * 7 * (channels + 7) for channels in (8, 2 * 7))
    assert macs_of(layers, torch.zeros(SEQUENCE, dtype=dtype)) == pytest.approx(2 * 5 * 2 * (first + second))


def test_a_projected_lstm_is_counted_as_its_products():
    layer = nn.LSTM(8, 7, proj_size=3, batch_first=True)
    assert macs_of(layer, torch.zeros(SEQUENCE)) == pytest.approx(2 * 5 * (4 * 7 * (8 + 3) + 7 * 3))


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": torch.ones(5, 5, dtype=torch.bool)}])
@pytest.mark.parametrize("channels", [8, 6])
def test_attention_is_counted_with_or_without_a_mask(options, channels):
    """Values of as many channels as queries take another way through torch than those of fewer."""

    def attend(x):
        x = x[:, None]  # one head
        return functional.scaled_dot_product_attention(x, x, x[..., :channels], **options)

    assert macs_of(attend, torch.randn(SEQUENCE)) == pytest.approx(2 * 5 * 5 * (8 + channels))


def test_attention_of_fewer_keys_than_queries_and_of_shared_heads_is_counted():
    def attend(x):
        heads = x.unflatten(2, (4, 2)).transpose(1, 2)
        fewer = heads[:, :2, :3]
        return functional.scaled_dot_product_attention(heads, fewer, fewer, enable_gqa=True)

    assert macs_of(attend, torch.randn(SEQUENCE)) == pytest.approx(2 * 4 * 5 * 3 * (2 + 2))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_transformer_layer_is_counted_whether_or_not_it_takes_the_short_cut(frozen):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval().requires_grad_(not frozen)
    projections, attention, forward = 4 * 8 * 8, 2 * 5 * 8, 2 * 8 * 16
    assert macs_of(layer, torch.randn(SEQUENCE)) == pytest.approx(2 * 5 * (projections + attention + forward))
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (nn.Conv3d(3, 4, (3, 2, 5), padding="same"), 5 * 6 * 7 * 4 * 3 * 30),
        (nn.Conv3d(3, 6, 3, padding=1, groups=3), 5 * 6 * 7 * 6 * 27),
        (nn.Conv3d(3, 4, 3, padding=1, padding_mode="replicate"), 5 * 6 * 7 * 4 * 3 * 27),
        (nn.Conv3d(3, 4, 3, stride=2, dilation=2, padding=2), 3 * 3 * 4 * 4 * 3 * 27),
        (nn.ConvTranspose3d(3, 4, 2, stride=2), 5 * 6 * 7 * 4 * 3 * 8),
    ],
    ids=["same", "groups", "replicate", "strided and dilated", "transposed"],
)
def test_every_kind_of_convolution_is_counted(layer, macs):
    assert count_gmacs(layer, torch.zeros(2, 3, 5, 6, 7)) * 1e9 == pytest.approx(2 * macs)


def test_a_product_of_one_matrix_with_many_is_counted_for_each():
    weight = torch.randn(4, 5)
    assert macs_of(lambda x: weight @ x, torch.randn(SEQUENCE)) == pytest.approx(2 * 4 * 5 * 8)


FREE = {
    "activations": lambda x: functional.hardtanh_(functional.silu(x)).tanh() - functional.hardswish(x).exp(),
    "powers": lambda x: x.abs().sqrt() ** 2 / x.clamp_min(1) + x.neg().sub(1),
    "pooling": lambda x: functional.avg_pool2d(x[None], 2).sum() + functional.adaptive_max_pool2d(x[None], 3).sum(),
    "normalisation": lambda x: functional.normalize(functional.layer_norm(x, x.shape[-1:])).softmax(-1),
    "reshaping": lambda x: torch.cat(x.tensor_split(2, 1), 1).roll(1, 0).flip(0).repeat(2, 1).clone()[:, [0]],
    "reductions": lambda x: x.cumsum(0).amax(1) + x.std(1) + x.sort(1).values.argmax(1),
    "resizing": lambda x: functional.interpolate(x[None, None], scale_factor=2, mode="bilinear"),
    "outer products": lambda x: torch.einsum("ic,jc->ijc", x, x),
    "new values": lambda x: x + torch.rand_like(x) + torch.arange(x.shape[1]) + x.new_ones(1).fill_(2),
}


@pytest.mark.parametrize("function", FREE)
def test_what_sums_no_products_is_free(function):
    assert count_gmacs(OnFrames(FREE[function]), torch.randn(2, 2, 3, 2, 2)) == 0


# What torchvision states for an image of 224x224; its own count takes a few operators for more.
@pytest.mark.parametrize(
    "name",
    [
        "efficientnet_b0",
        "mobilenet_v3_small",
        pytest.param("swin_t", marks=pytest.mark.slow),
        pytest.param("vit_b_32", marks=pytest.mark.slow),
    ],
)
def test_networks_of_torchvision_take_what_it_states(name):
    stated = get_model_weights(name).DEFAULT.meta["_ops"]
    assert count_gmacs(get_model(name), torch.zeros(1, 3, 224, 224)) == pytest.approx(stated, rel=0.01)


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (torch.fft.fft, "aten::_fft_r2c"),
        (lambda x: torch.cdist(x, x), "aten::_cdist_forward"),
        (lambda x: torch.linalg.svdvals(x), "aten::_linalg_svd"),
    ],
)
def test_an_operator_that_may_hold_products_is_refused_by_name(function, operator):
    with pytest.raises(InputError, match=f"not known: {operator}; give each a formula with .*register_flop_formula"):
        count_gmacs(OnFrames(function), torch.randn(1, 3, 4, 2, 2))


def test_an_operator_of_ones_own_is_counted_by_the_formula_that_it_is_given(monkeypatch):
    @torch.library.custom_op("mine::gram", mutates_args=())
    def gram(x: torch.Tensor) -> torch.Tensor:
        return x @ x.t()

    clip = torch.randn(1, 3, 4, 2, 2)
    with pytest.raises(InputError, match="not known: mine::gram;"):
        count_gmacs(OnFrames(lambda x: gram(x)), clip)
    monkeypatch.setattr(flop_counter, "flop_registry", dict(flop_counter.flop_registry))
    register_flop_formula(torch.ops.mine.gram)(lambda x_shape, **_: 2 * x_shape[0] ** 2 * x_shape[1])
    assert count_gmacs(OnFrames(lambda x: gram(x)), clip) * 1e9 == pytest.approx(4 * 4 * 12)


def snapshot(net):
    return {name: value.clone() for name, value in net.state_dict().items()}, [m.training for m in net.modules()]


@pytest.mark.parametrize("training", [True, False, "head alone"])
def test_counting_leaves_the_model_alone(training):
    net = create_model("rcn18", 5).train(training is True)
    if training == "head alone":
        net.trunk.fc.train()
    state, modes = snapshot(net)
    count_gmacs(net, torch.randn(1, 3, 2, 32, 32))
    new_state, new_modes = snapshot(net)
    assert new_modes == modes
    assert all(torch.equal(new_state[name], state[name]) for name in state)


def test_a_failed_count_leaves_the_mode_alone():
    net = create_model("rcn18", 5).train()
    with pytest.raises(RuntimeError):
        count_gmacs(net, torch.randn(1, 1, 2, 32, 32))
    assert net.training
