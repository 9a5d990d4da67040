import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.library import opcheck
from torch.utils.flop_counter import FlopCounterMode

from rcn_bench.ops import MODES, recurrent_scan
from rcn_bench.ops.reference import reference_scan

# Tolerances relative to the largest value of the reference; a half-precision scan rounds h at every step.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def random_input(frames, positions, channels, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(frames, positions, channels, generator=generator, dtype=torch.float64)
    w_hh = torch.randn(channels, channels, generator=generator, dtype=torch.float64) / channels**0.5
    return x.to(dtype).requires_grad_(), w_hh.to(dtype).requires_grad_()


def assert_near(actual, expected, dtype):
    scale = expected.abs().max().item() if expected.numel() else 1.0
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=TOLERANCE[dtype] * max(scale, 1e-6))


def value_and_gradients(function, x, w_hh, grad_h):
    h = function(x, w_hh)
    return h.detach(), *torch.autograd.grad(h, (x, w_hh), grad_h.to(h.dtype))


sizes = {"frames": st.integers(1, 7), "positions": st.integers(0, 5), "channels": st.integers(1, 9)}


@settings(max_examples=100)
@given(**sizes, mode=st.sampled_from(MODES), dtype=st.sampled_from(list(TOLERANCE)), seed=st.integers(0, 2**32))
def test_value_and_gradients_equal_the_reference(frames, positions, channels, mode, dtype, seed):
    x, w_hh = random_input(frames, positions, channels, dtype, seed)
    grad_h = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64).to(dtype)
    x64, w64 = x.detach().double().requires_grad_(), w_hh.detach().double().requires_grad_()
    if frames == 1 or positions == 0:  # w_hh then plays no part, which autograd reports as an error
        expected = [reference_scan(x64, w64, mode).detach(), grad_h.double(), torch.zeros_like(w64)]
    else:
        expected = value_and_gradients(lambda a, b: reference_scan(a, b, mode), x64, w64, grad_h)
    actual = value_and_gradients(lambda a, b: recurrent_scan(a, b, mode), x, w_hh, grad_h)
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == dtype
        assert_near(one, other, dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_gradcheck(mode, frames):
    assert torch.autograd.gradcheck(lambda x, w_hh: recurrent_scan(x, w_hh, mode), random_input(frames, 2, 3))


def test_second_derivatives_are_refused():
    x, w_hh = random_input(3, 2, 3)
    (gradient,) = torch.autograd.grad(recurrent_scan(x, w_hh).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        gradient.sum().backward()


def test_the_mean_mode_is_the_default():
    x, w_hh = random_input(4, 3, 2)
    assert torch.equal(recurrent_scan(x, w_hh), recurrent_scan(x, w_hh, "mean"))
    assert not torch.allclose(recurrent_scan(x, w_hh), recurrent_scan(x, w_hh, "sum"))


def test_no_frame_gives_no_state():
    x, w_hh = random_input(0, 3, 2)
    h = recurrent_scan(x, w_hh)
    h.sum().backward()
    assert h.shape == x.grad.shape == (0, 3, 2)
    assert torch.equal(w_hh.grad, torch.zeros(2, 2, dtype=w_hh.dtype))


def test_identity_keeps_a_static_sequence_in_mean_mode():
    frame = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0))
    static = frame.expand(9, -1, -1)
    torch.testing.assert_close(recurrent_scan(static, torch.eye(5), "mean"), static)


def test_identity_adds_up_a_static_sequence_in_sum_mode():
    frame = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0))
    counted = frame * torch.arange(1, 5).view(-1, 1, 1)
    torch.testing.assert_close(recurrent_scan(frame.expand(4, -1, -1), torch.eye(5), "sum"), counted)


def test_a_state_depends_on_no_later_frame():
    x, w_hh = random_input(6, 4, 3)
    later = torch.cat([x[:3], x[3:] + 1])
    before, after = recurrent_scan(x, w_hh), recurrent_scan(later, w_hh)
    assert torch.equal(before[:3], after[:3])
    assert not torch.isclose(before[3:], after[3:]).any()


def test_the_argument_is_left_alone():
    x, w_hh = random_input(4, 3, 2)
    copies = x.detach().clone(), w_hh.detach().clone()
    recurrent_scan(x, w_hh).sum().backward()
    assert torch.equal(x, copies[0])
    assert torch.equal(w_hh, copies[1])


def strided(name):
    """x (5, 4, 3) and w_hh (3, 3), random, in a layout that is not contiguous."""
    x, w_hh = (tensor.detach() for tensor in random_input(10, 8, 6))
    match name:
        case "transposed":
            return x[:4, :5, :3].transpose(0, 1), w_hh[:3, :3].t()
        case "sliced":
            return x[::2, ::2, ::2], w_hh[::2, ::2]
        case "expanded":
            return x[:1, :4, :3].expand(5, -1, -1), w_hh[:1, :3].expand(3, -1)


LAYOUTS = ["transposed", "sliced", "expanded"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout(layout):
    x, w_hh = strided(layout)
    assert not x.is_contiguous()
    assert not w_hh.is_contiguous()
    grad_h = torch.ones(1, 1, 1, dtype=x.dtype).expand(x.shape)
    scan, loop = (
        value_and_gradients(function, x.detach().requires_grad_(), w_hh.detach().requires_grad_(), grad_h)
        for function in (recurrent_scan, reference_scan)
    )
    for one, other in zip(scan, loop, strict=True):
        assert_near(one, other, torch.float64)


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 5, 3), (4, 0, 3)])
def test_opcheck_forward(shape, scale):
    opcheck(torch.ops.rcn_bench.recurrent_scan.default, (*random_input(*shape), scale))


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 5, 3), (4, 0, 3)])
def test_opcheck_backward(shape, scale):
    h, w_hh = (tensor.detach() for tensor in random_input(*shape))
    opcheck(torch.ops.rcn_bench.recurrent_scan_backward.default, (torch.randn_like(h), h, w_hh, scale))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_opcheck_any_memory_layout(layout):
    x, w_hh = strided(layout)
    opcheck(torch.ops.rcn_bench.recurrent_scan.default, (x.requires_grad_(), w_hh.requires_grad_(), 0.5))
    arguments = x.detach(), recurrent_scan(x, w_hh).detach(), w_hh.detach(), 0.5
    opcheck(torch.ops.rcn_bench.recurrent_scan_backward.default, arguments)


def test_runs_on_the_meta_device():
    h = recurrent_scan(torch.empty(4, 3, 2, device="meta"), torch.empty(2, 2, device="meta"))
    assert (h.shape, h.device.type) == ((4, 3, 2), "meta")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_computes_in_its_type_and_keeps_that_of_the_weights(dtype):
    x, w_hh = random_input(4, 6, 5, torch.float32)
    with torch.autocast("cpu", dtype):
        h = recurrent_scan(x, w_hh)
    assert h.dtype == dtype
    assert torch.equal(h, recurrent_scan(x.to(dtype), w_hh.to(dtype)))
    h.float().sum().backward()
    assert x.grad.dtype == w_hh.grad.dtype == torch.float32
    assert w_hh.grad.abs().min() > 0


def test_autocast_makes_different_types_agree():
    x, w_hh = random_input(3, 2, 4, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert recurrent_scan(x.bfloat16(), w_hh).dtype == torch.bfloat16


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("autocast", [False, True])
def test_compiles_into_one_graph(mode, autocast):
    torch._dynamo.reset()

    def step(x, w_hh):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return recurrent_scan(x * 2, w_hh, mode).relu()

    x, w_hh = random_input(4, 6, 5, torch.float32)
    grad_h = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    for one, other in zip(
        value_and_gradients(compiled, x, w_hh, grad_h), value_and_gradients(step, x, w_hh, grad_h), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("x_shape", "w_shape"),
    [((4, 3), (3, 3)), ((2, 4, 3, 1), (1, 1)), ((4, 2, 3), (3, 2)), ((4, 2, 3), (2, 2)), ((4, 2, 3), (3,))],
)
def test_other_shapes_are_refused(x_shape, w_shape):
    with pytest.raises(ValueError, match=r"needs x \(T, M, C\) and w_hh \(C, C\)") as error:
        recurrent_scan(torch.zeros(x_shape), torch.zeros(w_shape))
    assert str(x_shape) in str(error.value)
    assert str(w_shape) in str(error.value)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="unknown mode 'median'; choose one of mean, sum"):
        recurrent_scan(torch.zeros(2, 2, 2), torch.zeros(2, 2), "median")


def test_differing_types_are_refused():
    with pytest.raises(ValueError, match=r"x is torch.float32 but w_hh is torch.float64; cast one"):
        recurrent_scan(torch.zeros(2, 2, 2), torch.zeros(2, 2, dtype=torch.float64))


def flops(function, x, w_hh):
    """What torch's counter sees, forward and backward."""
    with FlopCounterMode(display=False) as forward:
        h = function(x, w_hh)
    with FlopCounterMode(display=False) as backward:
        h.sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize("shape", [(2, 3, 5), (5, 1, 4), (8, 7, 3), (1, 4, 3)])
def test_flops_equal_those_of_plain_products(shape):
    counted = flops(recurrent_scan, *random_input(*shape))
    assert counted == flops(reference_scan, *random_input(*shape))
    assert all(counted) == (shape[0] > 1)
