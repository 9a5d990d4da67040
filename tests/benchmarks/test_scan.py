"""The recurrence as one operator against the loop of the paper's authors and against a plain copy of its input."""

import authors
import pytest
import torch
from setting import DEVICE, GPU
from torch import nn

from rcn_bench.engine.cuda_graph import captured
from rcn_bench.ops import recurrent_scan

# N clips of T frames, C channels on HxW: the four stages of a ResNet-18 with its stem's pool, at 8 frames; on a GPU
# batch 64 of 112x112 in bfloat16, on a CPU batch 16 of 32x32.
SIZES = {
    f"C={channels}, {side}x{side}": (64 if GPU else 16, 8, channels, side, side)
    for channels, side in zip((64, 128, 256, 512), (28, 14, 7, 4) if GPU else (8, 4, 2, 1), strict=True)
}
DTYPE, TOLERANCE = (torch.bfloat16, 0.05) if GPU else (torch.float32, 1e-3)
CALLS = 12  # in a graph on a GPU, where launching a small kernel takes longer than running it
INPUTS = 4  # in turn, so that none is still in a GPU's cache


def product_loop(x, w_hh):
    """A matrix product per step, in place, on the scan's own layout."""
    h, w = torch.empty_like(x), w_hh.t()
    h[0] = x[0]
    for t in range(1, len(x)):
        torch.addmm(x[t], h[t - 1], w, beta=0.5, alpha=0.5, out=h[t])
    return h


def authors_loop(clip, w_hh):
    kernel = w_hh[:, :, None, None, None]
    return authors.authors_loop(clip, lambda h: nn.functional.conv3d(h, kernel))


def scan(x, w_hh):
    """As in training: w_hh is float32, whatever x is."""
    with torch.autocast(DEVICE.type, DTYPE, enabled=GPU):
        return recurrent_scan(x, w_hh)


FORWARD = {
    "copy": lambda x, w_hh: x.clone(),
    "scan": scan,
    "product loop": product_loop,
    "authors_loop": authors_loop,
}


def arguments(name, size, seed=0):
    """The same numbers in each one's own layout: (T, M, C) for the scan, (N, C, T, H, W) for the loop."""
    n, t, c, h, w = SIZES[size]
    torch.manual_seed(seed)
    clip, w_hh = torch.randn(n, c, t, h, w), torch.randn(c, c) / c**0.5
    x = clip if name == "authors_loop" else folded(clip)
    w_hh = w_hh.to(DEVICE, torch.float32 if name == "scan" else DTYPE)
    return x.to(DEVICE, DTYPE).requires_grad_(), w_hh.requires_grad_()


def folded(clip):
    return clip.permute(2, 0, 3, 4, 1).flatten(1, 3).contiguous()


def repeated(function, inputs):
    """A run of several calls, on each of the inputs in turn; on a GPU as one graph."""

    def calls():
        for i in range(CALLS):
            function(*inputs[i % INPUTS])

    return captured(calls, []) if GPU else calls


@pytest.fixture(scope="module", params=SIZES)
def size(request):
    """A size at which the scan and the loop give the same states and gradients."""
    results = []
    for name in ("scan", "authors_loop"):
        x, w_hh = arguments(name, request.param)
        h = FORWARD[name](x, w_hh)
        gradients = torch.autograd.grad(h.square().sum(), (x, w_hh))
        results.append([h, *gradients])
    (h, grad_x, grad_w), (loop_h, loop_grad_x, loop_grad_w) = results
    for own, loop in ((h, folded(loop_h)), (grad_x, folded(loop_grad_x)), (grad_w, loop_grad_w)):
        torch.testing.assert_close(own, loop.to(own.dtype), rtol=TOLERANCE, atol=TOLERANCE * loop.abs().max().item())
    return request.param


@pytest.mark.parametrize("name", FORWARD)
def test_forward(timed, name, size):
    with torch.no_grad():
        inputs = [arguments(name, size, seed) for seed in range(INPUTS)]
        timed(f"scan forward, {size}", name, repeated(FORWARD[name], inputs), subject=name == "scan")


@pytest.mark.parametrize("name", ["5 copies", "scan", "authors_loop"])
def test_forward_and_backward(timed, name, size):
    inputs = [arguments(name, size, seed) for seed in range(INPUTS)]
    gradient = torch.randn_like(inputs[0][0])

    def five_copies(x, w_hh):
        first = next(i for i, (other, _) in enumerate(inputs) if other is x)
        for i in range(5):
            inputs[(first + i) % INPUTS][0].detach().clone()

    def both(x, w_hh):
        torch.autograd.grad(FORWARD[name](x, w_hh), (x, w_hh), gradient)

    function = five_copies if name == "5 copies" else both
    timed(f"scan forward and backward, {size}", name, repeated(function, inputs), subject=name == "scan")
