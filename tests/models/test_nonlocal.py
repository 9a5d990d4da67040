"""The non-local block and the models that hold it."""

import pytest
import torch
from lively import lively
from torch import nn

from rcn_bench.models import create_model
from rcn_bench.models.nonlocal_block import NonLocal

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def lively_block(channels=8):
    """In float64, and with a softmax far from the uniform one."""
    block = NonLocal(channels).double()
    for layer in (block.theta, block.phi):
        nn.init.normal_(layer.weight)
    return lively(block)


def random_clip(channels=8, frames=3, height=6, width=4, clips=2):
    return torch.randn(clips, channels, frames, height, width, dtype=torch.float64)


def pointwise(layer, clip):
    return torch.einsum("ncthw,dc->ndthw", clip, layer.weight[:, :, 0, 0, 0]) + layer.bias.view(1, -1, 1, 1, 1)


def reference(block, clip):
    """As Wang et al. write it, with the dot products scaled as in their code; every pair of positions by itself."""
    pooled = nn.functional.max_pool3d(clip, (1, 2, 2))
    query, key, value = pointwise(block.theta, clip), pointwise(block.phi, pooled), pointwise(block.g, pooled)
    scores = torch.einsum("ncthw,ncuij->nthwuij", query, key) / query.shape[1] ** 0.5
    weights = torch.softmax(scores.flatten(4), 4).view_as(scores)
    seen = pointwise(block.out, torch.einsum("nthwuij,ncuij->ncthw", weights, value))
    bn = block.bn
    mean, var, gamma, beta = (p.view(1, -1, 1, 1, 1) for p in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
    return clip + (seen - mean) / (var + bn.eps).sqrt() * gamma + beta


@pytest.mark.parametrize(
    "shape", [{}, {"frames": 1}, {"clips": 1}, {"height": 7, "width": 5}, {"height": 2, "width": 2}]
)
def test_equals_attention_written_out_with_keys_pooled_over_space(shape):
    block, clip = lively_block(), random_clip(**shape)
    torch.testing.assert_close(block(clip), reference(block, clip))


def test_every_position_sees_every_frame_and_no_other_clip():
    block, clip = lively_block(), random_clip()
    changed = clip.clone()
    changed[0, :, 2, 0, 0] += 9
    change = (block(changed) - block(clip)).abs().amax(1)
    assert (change[0] > 0).all()
    assert (change[1] == 0).all()


def test_a_block_starts_as_the_identity_and_learns_its_gamma_first():
    block, clip = NonLocal(8).double(), random_clip()
    out = block(clip)
    assert torch.equal(out, clip)
    (out * torch.randn_like(out)).sum().backward()
    assert block.bn.weight.grad.abs().min() > 0
    assert not block.g.weight.grad.any()


NON_LOCAL = {
    "i3d50_nl": ["layer2.1.1", "layer2.3.1", "layer3.1.1", "layer3.3.1", "layer3.5.1"],
    "i3d101_nl": ["layer2.1.1", "layer2.3.1", "layer3.6.1", "layer3.13.1", "layer3.20.1"],
}


def non_local_blocks(net):
    return [name for name, module in net.named_modules() if isinstance(module, NonLocal)]


@pytest.mark.parametrize("name", NON_LOCAL)
def test_five_non_local_blocks_in_the_second_and_third_stage(name):
    with torch.device("meta"):
        assert non_local_blocks(create_model(name)) == NON_LOCAL[name]


@pytest.mark.slow
def test_i3d50_nl_starts_as_i3d50():
    net = create_model("i3d50_nl", 5).eval()
    with torch.device("meta"):
        plain = create_model("i3d50", 5).eval()
    blocks = tuple(f"{name}." for name in non_local_blocks(net))
    shared = [value for key, value in net.state_dict().items() if not key.startswith(blocks)]
    plain.load_state_dict(dict(zip(plain.state_dict(), shared, strict=True)), assign=True)
    clip = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        assert torch.equal(net(clip), plain(clip))
        nn.init.ones_(net.layer2[1][1].bn.weight)
        assert not torch.allclose(net(clip), plain(clip), rtol=1e-3)
