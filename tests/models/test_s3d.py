"""S3D against torchvision's."""

import pytest
import torch
import torchvision
from torch import nn

from rcn_bench.models import create_model

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def test_has_the_weights_of_torchvisions_s3d():
    with torch.device("meta"):
        ours, theirs = create_model("s3d", 7), torchvision.models.video.S3D(7)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


@pytest.mark.slow
def test_equals_torchvisions_s3d():
    theirs, ours = torchvision.models.video.S3D(7).eval(), create_model("s3d", 7).eval()
    ours.load_state_dict(theirs.state_dict())
    clip = torch.randn(1, 3, 16, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip), theirs(clip))


@pytest.mark.parametrize("frames", [2, 3, 8])
def test_its_last_pool_is_torchvisions_on_maps_of_7x7(frames):
    with torch.device("meta"):
        pools = create_model("s3d").avgpool, torchvision.models.video.S3D().avgpool
    features = torch.randn(2, 5, frames, 7, 7, dtype=torch.float64)
    ours, theirs = (pool(features) for pool in pools)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("size", [32, 112])
def test_takes_five_frames_of_any_size(size):
    net = create_model("s3d", 7).eval()
    with torch.no_grad():
        logits = net(torch.randn(2, 3, 5, size, size))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


def test_every_frame_of_a_short_clip_counts():
    net, clip = create_model("s3d", 7).eval(), torch.randn(1, 3, 5, 32, 32, requires_grad=True)
    for module in net.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight)  # torchvision's fade to nothing without training
    net(clip).square().sum().backward()
    assert (clip.grad.abs().amax((0, 1, 3, 4)) > 0).all()


def test_its_max_pools_are_torchvisions_to_the_bit():
    theirs, ours = torchvision.models.video.S3D(7), create_model("s3d", 7)
    pools = {name: pool for name, pool in theirs.named_modules() if isinstance(pool, nn.MaxPool3d)}
    assert len(pools) == 13
    assert not [layer for layer in ours.modules() if isinstance(layer, nn.MaxPool3d)]
    for name, pool in pools.items():
        features = torch.randn(2, 3, 6, 9, 8)
        assert torch.equal(ours.get_submodule(name)(features), pool(features)), name
