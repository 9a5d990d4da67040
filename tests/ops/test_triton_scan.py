"""The fused kernel, run by Triton's interpreter on the CPU, and on a GPU where there is one."""

import importlib.util
import os
from types import SimpleNamespace

import pytest
import torch
from large_norm import assert_near, growing

from rcn_bench.ops import choice, product_scan, recurrent_scan
from rcn_bench.ops.reference import reference_scan

pytest.importorskip("triton")
from rcn_bench.ops import triton_scan, triton_steps

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def loaded_to_interpret(name):
    """A module of kernels once more, which are interpreted instead of compiled; Triton asks when it is loaded."""
    pytest.importorskip("triton", minversion="3.7")  # older interpreters fail on numpy 2.4
    specification = importlib.util.find_spec(f"rcn_bench.ops.{name}")
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TRITON_INTERPRET", "1")
        specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def interpreted():
    return loaded_to_interpret("triton_scan")


@pytest.fixture(scope="module")
def steps_interpreted():
    return loaded_to_interpret("triton_steps")


SHAPES = [(4, 70, 16), (1, 5, 3), (5, 33, 24), (2, 64, 64), (3, 1, 40), (9, 17, 16), (4, 20, 100), (3, 9, 200)]
TILES = [(width, rows) for width, tiles in triton_scan.TILES.items() for rows in tiles]


def expected(x, w_hh, grad_h, mode):
    """float64 hidden states and the gradient of x, by autograd through the plain loop."""
    x = x.double().requires_grad_()
    h = reference_scan(x, w_hh, mode)
    h.backward(grad_h.double())
    return h.detach(), x.grad


@pytest.mark.parametrize("mode", ["mean", "sum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_equals_the_loop_in_float64(interpreted, shape, mode):
    x, grad_h, w_hh = torch.randn(shape), torch.randn(shape), torch.randn(shape[2], shape[2]) / shape[2] ** 0.5
    h, grad_x = expected(x, w_hh, grad_h, mode)
    scale = 0.5 if mode == "mean" else 1.0
    torch.testing.assert_close(interpreted.scan_forward(x, w_hh, scale).double(), h, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(interpreted.scan_backward(grad_h, w_hh, scale).double(), grad_x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("width", "rows"), TILES)
@pytest.mark.parametrize("chunk", [None, 4])
def test_every_tile_equals_the_loop_in_float64(interpreted, monkeypatch, width, rows, chunk):
    monkeypatch.setattr(interpreted, "_tile", lambda *_: (rows, interpreted.TILES[width][rows]))
    x, grad_h = torch.randn(2, 10, rows + 3, width - 7)
    w_hh = torch.randn(width - 7, width - 7) / width**0.5
    h, grad_x = expected(x, w_hh, grad_h, "mean")
    torch.testing.assert_close(interpreted.scan_forward(x, w_hh, 0.5, chunk).double(), h, rtol=1e-5, atol=1e-5)
    actual = interpreted.scan_backward(grad_h, w_hh, 0.5, chunk)
    torch.testing.assert_close(actual.double(), grad_x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", triton_steps.ROWS_EACH)
@pytest.mark.parametrize("shape", [*SHAPES, (6, 70, 70)])
def test_a_kernel_a_step_equals_the_loop_in_float64(steps_interpreted, monkeypatch, shape, rows):
    monkeypatch.setattr(steps_interpreted, "ROWS_EACH", (rows,))
    x, grad_h, w_hh = torch.randn(shape), torch.randn(shape), torch.randn(shape[2], shape[2]) / shape[2] ** 0.5
    h, grad_x = expected(x, w_hh, grad_h, "mean")
    torch.testing.assert_close(steps_interpreted.scan_forward(x, w_hh, 0.5).double(), h, rtol=1e-5, atol=1e-5)
    actual = steps_interpreted.scan_backward(grad_h, w_hh, 0.5)
    torch.testing.assert_close(actual.double(), grad_x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("chunk", [2, 4, 16])
@pytest.mark.parametrize("shape", [(9, 5, 64), (16, 37, 24), (33, 20, 16)])
def test_chunks_equal_the_loop_in_float64(interpreted, shape, chunk):
    x, grad_h, w_hh = torch.randn(shape), torch.randn(shape), torch.randn(shape[2], shape[2]) / shape[2] ** 0.5
    h, grad_x = expected(x, w_hh, grad_h, "mean")
    torch.testing.assert_close(interpreted.scan_forward(x, w_hh, 0.5, chunk).double(), h, rtol=1e-5, atol=1e-5)
    actual = interpreted.scan_backward(grad_h, w_hh, 0.5, chunk)
    torch.testing.assert_close(actual.double(), grad_x, rtol=1e-5, atol=1e-5)


def test_chunks_bear_a_recurrence_of_a_large_norm(interpreted):
    x, w_hh = growing(40)
    h, grad_x = expected(x, w_hh, x, "mean")
    assert_near(interpreted.scan_forward(x, w_hh, 0.5, 16), h)
    assert_near(interpreted.scan_backward(x, w_hh, 0.5, 16), grad_x)


def test_kernel_takes_inputs_that_are_not_contiguous(interpreted):
    x, w_hh = torch.randn(7, 4, 20).transpose(0, 1), (torch.randn(20, 20) / 5).t()
    h, _ = expected(x, w_hh, torch.zeros(4, 7, 20), "mean")
    torch.testing.assert_close(interpreted.scan_forward(x, w_hh, 0.5).double(), h, rtol=1e-5, atol=1e-5)


@pytest.fixture
def a_gpu_of(monkeypatch):
    """A function that makes tensors say that they lie on a GPU of some compute capability and KiB of shared memory."""

    def make(capability, dtype, shape=(8, 1000, 64), kib=227):
        major, minor = capability
        card = SimpleNamespace(major=major, minor=minor, shared_memory_per_block_optin=kib << 10)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
        return torch.empty(shape, dtype=dtype, device="meta")

    monkeypatch.setattr(choice, "FUSED_DEVICE", "meta")
    choice._tell.cache_clear()
    yield make
    choice._tell.cache_clear()


@pytest.mark.parametrize(
    ("capability", "dtype", "fused"),
    [
        ((9, 0), torch.bfloat16, True),
        ((9, 0), torch.float16, True),
        ((8, 0), torch.float16, True),
        ((7, 5), torch.float16, False),
        ((6, 1), torch.float16, False),
        ((9, 0), torch.float32, False),
    ],
)
def test_kernel_is_chosen_by_capability_and_type(a_gpu_of, capability, dtype, fused):
    assert (choice.fused_kernels(a_gpu_of(capability, dtype)) is not None) == fused


@pytest.mark.parametrize(
    ("shape", "kernels", "chunk"),
    [
        ((8, 50_000, 64), triton_scan, None),
        ((128, 3136, 64), triton_scan, None),
        ((256, 784, 64), triton_scan, 16),
        ((256, 1568, 64), triton_scan, None),
        ((64, 1568, 128), triton_scan, None),
        ((128, 784, 128), triton_scan, None),
        ((256, 392, 128), triton_scan, 16),
        ((32, 784, 256), triton_scan, None),
        ((64, 196, 256), triton_scan, 16),
        ((128, 196, 256), triton_scan, 16),
        ((128, 784, 256), triton_scan, None),
        ((128, 700, 129), triton_scan, None),
        ((8, 1024, 512), triton_steps, None),
        ((8, 1025, 512), product_scan, None),
        ((33, 512, 512), product_scan, 4),
        ((128, 64, 512), product_scan, 8),
        ((33, 513, 512), triton_steps, None),
    ],
)
def test_long_clips_of_few_rows_are_cut_into_chunks(a_gpu_of, shape, kernels, chunk):
    assert choice.scan_of(a_gpu_of((9, 0), torch.bfloat16, shape), 0.5) == (kernels, chunk)


def test_sums_float16_and_processors_take_clips_in_one_piece(a_gpu_of):
    assert choice.scan_of(a_gpu_of((9, 0), torch.bfloat16, (128, 196, 256)), 1.0)[1] is None
    assert choice.scan_of(a_gpu_of((9, 0), torch.float16, (128, 196, 256)), 0.5)[1] is None
    assert choice.scan_of(torch.empty(128, 4, 8), 0.5) == (product_scan, None)


@pytest.mark.parametrize("shape", [(8, 1000, 513), (8, 0, 64), (0, 10, 64)])
def test_kernel_is_left_out_for_wide_and_empty_layers(a_gpu_of, shape):
    assert choice.fused_kernels(a_gpu_of((9, 0), torch.bfloat16, shape)) is None


@pytest.mark.parametrize(("capability", "kib"), [((8, 0), 163), ((12, 0), 99)])
def test_kernels_of_a_step_need_steps_that_overlap_and_room(a_gpu_of, capsys, capability, kib):
    assert choice.fused_kernels(a_gpu_of(capability, torch.bfloat16, (8, 1000, 512), kib)) is None
    assert not capsys.readouterr().err


def test_a_card_without_room_for_w_hh_takes_products_and_says_so(a_gpu_of, capsys):
    assert choice.fused_kernels(a_gpu_of((8, 9), torch.bfloat16, (8, 1000, 128), kib=99)) is not None
    assert not capsys.readouterr().err
    assert choice.fused_kernels(a_gpu_of((8, 9), torch.bfloat16, (8, 1000, 256), kib=99)) is None
    assert "256 channels need 128 KiB of shared memory, this GPU has 99" in capsys.readouterr().err


def test_an_old_triton_is_told(a_gpu_of, capsys, monkeypatch):
    monkeypatch.setattr(choice, "OLDEST_TRITON", "99.0")
    choice._kernels.cache_clear()
    assert choice.fused_kernels(a_gpu_of((9, 0), torch.bfloat16)) is None
    assert "needs Triton 99.0 or newer" in capsys.readouterr().err
    choice._kernels.cache_clear()


def test_an_old_card_is_told_once_in_one_line(a_gpu_of, capsys):
    x = a_gpu_of((6, 1), torch.float16)
    for _ in range(3):
        choice.fused_kernels(x)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "matrix product per step" in told
    assert "(6, 1)" in told


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "shape",
    [
        *[(8, 1000, 64), (5, 333, 128), (3, 77, 40), (1, 50, 64), (16, 49, 256), (4, 16, 512)],
        *[(64, 333, 64), (77, 40, 128), (70, 49, 256), (130, 16, 512), (32, 100, 40)],
        *[(8, 13000, 128), (9, 6000, 128), (8, 3136, 256), (16, 1500, 256), (600, 40, 64), (140, 49, 256)],
        *[(8, 1024, 512), (16, 500, 512), (32, 256, 512), (1, 30, 512), (2, 40, 400), (5, 2000, 512), (8, 30000, 64)],
    ],
)
def test_scan_on_a_gpu_is_as_exact_as_its_type(shape, dtype):
    x, grad_h = (torch.randn(shape, device="cuda", dtype=dtype) for _ in range(2))
    w_hh = (torch.eye(shape[2], device="cuda") + 0.03 * torch.randn(shape[2], shape[2], device="cuda")).to(dtype)
    x.requires_grad_()
    w_hh.requires_grad_()
    h, grad_x = expected(x.detach(), w_hh.detach(), grad_h, "mean")
    scan = recurrent_scan(x, w_hh)
    scan.backward(grad_h)
    error = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(scan.detach().double(), h, rtol=error, atol=error * h.abs().max().item())
    torch.testing.assert_close(x.grad.double(), grad_x, rtol=error, atol=error * grad_x.abs().max().item())
    grad_w = grad_x[1:].flatten(0, 1).t() @ h[:-1].flatten(0, 1)
    torch.testing.assert_close(w_hh.grad.double(), grad_w, rtol=0.02, atol=0.01 * max(grad_w.abs().max().item(), 1e-6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 1000, 64), (4, 16, 512), (3, 0, 64)])
def test_scan_under_autocast_converts_the_weights_itself(shape, dtype):
    x = torch.randn(shape, device="cuda", dtype=dtype)
    w_hh = torch.eye(shape[2], device="cuda") + 0.03 * torch.randn(shape[2], shape[2], device="cuda")
    results = []
    for weights in (w_hh, w_hh.to(dtype)):
        weights.requires_grad_()
        with torch.autocast("cuda", dtype):
            h = recurrent_scan(x, weights)
        h.float().square().sum().backward()
        results.append((h.detach(), weights.grad))
    (h, grad_w), (same_h, rounded_grad_w) = results
    assert torch.equal(h, same_h)
    assert grad_w.dtype == torch.float32
    torch.testing.assert_close(grad_w.to(dtype), rounded_grad_w)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("shape", [(256, 784, 64), (256, 392, 128), (128, 196, 256), (64, 256, 512), (128, 64, 512)])
def test_chunks_on_a_gpu_are_nearly_as_exact_as_one_piece(shape):
    x, grad_h = (torch.randn(shape, device="cuda").bfloat16() for _ in range(2))
    w_hh = torch.eye(shape[2], device="cuda") + 0.5 * torch.randn(shape[2], shape[2], device="cuda") / shape[2] ** 0.5
    module, chunk = choice.scan_of(x, 0.5)
    assert chunk
    for scan, argument, exact in zip(
        (module.scan_forward, module.scan_backward),
        (x, grad_h),
        expected(x, w_hh.bfloat16(), grad_h, "mean"),
        strict=True,
    ):
        whole, in_chunks = ((scan(argument, w_hh, 0.5, size).double() - exact).norm() for size in (None, chunk))
        assert in_chunks <= 1.3 * whole


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_scan_repeats_to_the_bit_in_deterministic_mode(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    x, w_hh = torch.randn(8, 3000, 128, device="cuda").bfloat16(), torch.eye(128, device="cuda", requires_grad=True)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.autocast("cuda", torch.bfloat16):
            runs = [torch.autograd.grad(recurrent_scan(x, w_hh).sum(), w_hh)[0] for _ in range(5)]
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(runs[0], other) for other in runs[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("shape", [(8, 500, 64), (256, 98, 128), (8, 500, 512)])
def test_scan_runs_in_a_cuda_graph_and_compiled(shape):
    x, w_hh = torch.randn(shape, device="cuda").bfloat16(), torch.eye(shape[2], device="cuda").bfloat16()
    expected = recurrent_scan(x, w_hh)
    compiled = torch.compile(recurrent_scan, mode="reduce-overhead", fullgraph=True)
    for _ in range(3):
        assert torch.equal(compiled(x, w_hh), expected)
