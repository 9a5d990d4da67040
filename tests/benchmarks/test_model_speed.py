"""Inference and training step of each model on the same clips; rcn18 also with its authors' loop as the scan."""

import pytest
import torch
from torch import nn

from rcn_bench.models import create_model

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH, FRAMES, SIZE = 8, 8, 32
MODELS = ["c2d18", "rcn18", "rcn18_authors_loop", "i3d18", "r2plus1d18"]


def authors_loop(x, w_hh, mode):
    """The authors' steps on folded frames x (T, M, C): a 1x1 convolution each, on channels_last views, and one cat."""
    kernel = w_hh[:, :, None, None]
    frames = x.transpose(1, 2)[..., None].unbind()
    states = [frames[0][None]]
    for frame in frames[1:]:
        states.append((nn.functional.conv2d(states[-1], kernel) + frame) / 2)
    return torch.cat(states).squeeze(-1).transpose(1, 2).contiguous()


def clips():
    return torch.randn(BATCH, 3, FRAMES, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).to(DEVICE)


@pytest.fixture(params=MODELS)
def model(request, monkeypatch):
    """The model, and its name; the two forms of rcn18 are compared first."""
    torch.manual_seed(0)
    net = create_model(request.param.removesuffix("_authors_loop"), 10).to(DEVICE)
    if request.param.endswith("_authors_loop"):
        with torch.no_grad():
            logits = net.eval()(clips())
            monkeypatch.setattr("rcn_bench.models.rcn.recurrent_scan", authors_loop)
            torch.testing.assert_close(net(clips()), logits, rtol=1e-3, atol=1e-3 * logits.abs().max().item())
    return net


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def test_inference(benchmark, model):
    clip = clips()
    model.eval()

    def infer():
        with torch.inference_mode():
            model(clip)
        synchronize()

    benchmark.group = "inference"
    benchmark.pedantic(infer, rounds=5, warmup_rounds=1)


def test_training_step(benchmark, model):
    clip, classes = clips(), torch.arange(BATCH, device=DEVICE)
    optimizer = torch.optim.SGD(model.train().parameters(), 1e-3, 0.9)

    def step():
        nn.functional.cross_entropy(model(clip), classes).backward()
        optimizer.step()
        optimizer.zero_grad()
        synchronize()

    benchmark.group = "training step"
    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
