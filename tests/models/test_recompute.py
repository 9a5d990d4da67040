"""Activation recomputing changes what a training step keeps, and nothing else."""

import copy
from functools import partial

import pytest
import torch
from lively import ALL_BUT_DEEP_ONES, on_meta, random_clip
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models.resnet import BasicBlock

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.causal import make_causal
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.models.recompute import can_recompute, recompute_activations

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def two_blocks(**options):
    """The smallest network with blocks that recomputing knows."""
    blocks = [BasicBlock(3, 3, norm_layer=partial(nn.BatchNorm2d, **options)) for _ in range(2)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))


def step(net, loss):
    """Loss, gradients and buffers after a training step, and the bytes that its forward pass saved."""
    saved = {}

    def pack(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)  # for dropout
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        value = loss(net)
    value.backward()
    gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    return {"loss": value.detach(), **gradients, **dict(net.named_buffers())}, sum(saved.values())


class Convolutions(TorchDispatchMode):
    """The shapes of the kernels of all convolutions that are computed under it."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        if function is torch.ops.aten.convolution.default:
            self.shapes.append(tuple(arguments[1].shape))
        return function(*arguments, **(keywords or {}))


def squares(net, clip):
    return net(clip).square().sum()


def squares_backward(clip):
    return lambda net: squares(net, clip).backward()


def compare(net, loss, what, earlier=lambda net: None):
    """Assert that a step that recomputes gives the same to the bit; the bytes saved with it and without."""
    recomputing = recompute_activations(copy.deepcopy(net), what)
    for each in (recomputing, net):
        earlier(each.train())
    (result, saved), (expected, saved_without) = (step(each.train(), loss) for each in (recomputing, net))
    assert result.keys() == expected.keys()
    assert [key for key in result if not torch.equal(result[key], expected[key])] == []
    return saved, saved_without


STEPS = {"rcn18": 3, "r2plus1d18": 2}
WITHOUT_RESIDUAL_BLOCKS = {"r2plus1d18", "inception_i3d", "s3d"}
SLOW_STEPS = {"i3d50_nl": 2, "inception_i3d": 4, "s3d": 5, "c2d18": 2, "rcn50": 3, "i3d18": 2, "i3d18_causal": 2}


@pytest.mark.parametrize("what", [True, "norms"])
@pytest.mark.parametrize(
    ("name", "frames"),
    [*STEPS.items(), *(pytest.param(*item, marks=pytest.mark.slow) for item in SLOW_STEPS.items())],
)
def test_a_step_is_the_same_to_the_bit_and_saves_less(name, frames, what):
    net, clip = create_model(name, 5), random_clip(frames)
    if not can_recompute(net, what):
        assert name in WITHOUT_RESIDUAL_BLOCKS
        return
    saved, saved_without = compare(net, lambda net: squares(net, clip), what)
    assert saved < saved_without
    assert {int(value) for key, value in net.named_buffers() if key.endswith("num_batches_tracked")} == {1}


def test_no_convolution_of_two_frames_is_computed_twice_for_its_norms():
    net, clip = recompute_activations(create_model("rcn18", 5), "norms").train(), random_clip(2)
    with Convolutions() as forward:
        loss = squares(net, clip)
    with Convolutions() as again:
        loss.backward()
    projections = 3  # 1x1, beside the first block of three stages
    assert len(forward.shapes) == 20
    assert len(again.shapes) == projections
    assert {shape[2:] for shape in again.shapes} == {(1, 1)}


@pytest.mark.parametrize("what", [True, "norms"])
@pytest.mark.parametrize("momentum", [0.1, 1.0, None])  # None: the mean of all batches so far
@pytest.mark.parametrize("statistics", [True, False])
def test_batch_norm_of_every_kind(momentum, statistics, what):
    net, images = two_blocks(momentum=momentum, track_running_stats=statistics), torch.randn(4, 3, 8, 8)

    def loss(net):
        return squares(net, images) + squares(net, images + 1)

    compare(net, loss, what, earlier=squares_backward(images - 1))


@pytest.mark.parametrize("what", [True, "norms"])
def test_frozen_batch_norms_stay_frozen(what):
    net = two_blocks()
    recomputing = recompute_activations(copy.deepcopy(net), what).train()
    for module in recomputing.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    squares(recomputing, torch.randn(4, 3, 8, 8)).backward()
    for one, other in zip(recomputing.buffers(), net.buffers(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("what", [True, "norms"])
def test_inference_and_weights_are_untouched(what):
    net, images = two_blocks(), torch.randn(4, 3, 8, 8)
    recomputing = recompute_activations(copy.deepcopy(net), what)
    assert list(recomputing.state_dict()) == list(net.state_dict())
    assert torch.equal(recomputing.eval()(images), net.eval()(images))


@pytest.mark.parametrize("what", [True, "norms"])
def test_a_copy_of_a_recomputing_model_is_its_own(what):
    net, images = recompute_activations(two_blocks(), what).train(), torch.randn(4, 3, 8, 8)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    twin = copy.deepcopy(net)
    squares(twin, images).backward()
    assert all(parameter.grad is not None for parameter in twin.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


TEMPORAL = {"recurrent": make_recurrent, "causal": make_causal}


def two_temporal_blocks(kind):
    return TEMPORAL[kind](two_blocks(), lambda *_: True)


@pytest.mark.parametrize("what", [True, "norms"])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("kind", TEMPORAL)
def test_temporal_units_within_a_block(kind, autocast, what):
    clip = random_clip(4, size=8)

    def loss(net):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return squares(net, clip)

    compare(two_temporal_blocks(kind), loss, what)


@pytest.mark.parametrize("what", [True, "norms"])
@pytest.mark.parametrize("kind", TEMPORAL)
def test_two_clips_before_one_backward_pass(kind, what):
    clip = random_clip(6, size=8)
    compare(two_temporal_blocks(kind), lambda net: squares(net, clip) + squares(net, clip[:, :, :3]), what)


@pytest.mark.parametrize("what", [True, "norms"])
@pytest.mark.parametrize("kind", TEMPORAL)
def test_gradients_through_a_stream(kind, what):
    clip = random_clip(6, size=8)

    def loss(net):
        first, state = net.frame_logits(clip[:, :, :3], net.initial_state(2), detach=False)
        second, _ = net.frame_logits(clip[:, :, 3:], state, detach=False)
        return first.square().sum() + second.square().sum()

    compare(two_temporal_blocks(kind), loss, what)


def test_a_model_without_known_blocks_is_refused():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert not can_recompute(net)
    with pytest.raises(InputError, match="Sequential has none of the blocks that activation recomputing knows"):
        recompute_activations(net)


@pytest.mark.parametrize("name", ALL_BUT_DEEP_ONES)
def test_every_model_here_can_recompute(name):
    assert can_recompute(on_meta(name))
