"""The training step: plain SGD whatever makes it fast, fallbacks that say so in a line, uploads in order."""

import copy
import io
import time

import pytest
import torch
from torch import nn

from rcn_bench.engine.device import place, uploaded
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.engine.optimisation import train_one_epoch
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.errors import TrainingDiverged
from rcn_bench.models import create_model

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Small(nn.Module):
    """With batch norm and dropout, which a trial run would change."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 3)
        )

    def forward(self, images):
        return self.layers(images)


def training(net, device=CPU, autocast="none", **fast):
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=0.01, fused=True)
    return TrainingStep(net, optimizer, Autocast(autocast, device), lambda images: images / 2, **fast)


def batches(count, device=CPU):
    generator = torch.Generator().manual_seed(0)
    return [
        [
            torch.randn(8, 3, 6, 6, generator=generator).to(device),
            torch.randint(3, (8,), generator=generator).to(device),
        ]
        for _ in range(count)
    ]


def state_after(step, steps, seed=1):
    torch.manual_seed(seed)
    results = [step(batch, lr).clone() for batch, lr in zip(steps, (0.1, 0.05, 0.02, 0.01), strict=False)]
    return results, [parameter.detach().clone() for parameter in step.model.state_dict().values()]


def test_a_step_is_that_of_plain_sgd():
    net = Small()
    plain = copy.deepcopy(net)
    results, state = state_after(training(net), batches(3))

    torch.manual_seed(1)
    optimizer = torch.optim.SGD(plain.parameters(), 0.1, 0.9, weight_decay=0.01)
    for (images, classes), lr, result in zip(batches(3), (0.1, 0.05, 0.02), results, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        logits = plain(images / 2)
        loss = nn.functional.cross_entropy(logits, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch.testing.assert_close(result, torch.stack([8 * loss.detach(), (logits.argmax(1) == classes).sum()]))
    torch.testing.assert_close(state, list(plain.state_dict().values()))


def broken_compiler(*args, **options):
    def compiled(*batch):
        net_changes_first(*batch)
        raise RuntimeError("no compiler\nand more")

    net_changes_first = args[0]
    return compiled


@pytest.mark.parametrize(
    ("fast", "told"), [({"compiled": True}, "torch.compile"), ({"cuda_graph": True}, "a CUDA graph")]
)
def test_what_cannot_run_is_left_out_with_a_line_and_no_trace(monkeypatch, capsys, fast, told):
    monkeypatch.setattr(torch, "compile", broken_compiler)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    net = Small()
    _, expected = state_after(training(copy.deepcopy(net)), batches(3))
    _, state = state_after(training(net, **fast), batches(3))
    assert all(torch.equal(a, b) for a, b in zip(state, expected, strict=True))
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith(f"training goes on without {told}, which cannot run here: no ")


class OverflowsFirst(nn.Module):
    """Loss gradients of its first batch are infinite, as scaled float16 ones often are at the start."""

    def __init__(self):
        super().__init__()
        self.linear, self.calls = nn.Linear(108, 3), 0

    def forward(self, images):
        self.calls += 1
        return self.linear(images.flatten(1)) * (1e38 if self.calls == 1 else 1.0)


def test_momentum_starts_from_zero_even_if_the_first_gradients_overflow():
    net = OverflowsFirst()
    before = net.linear.weight.detach().clone()
    step = training(net, autocast="float16")
    torch.utils.deterministic.fill_uninitialized_memory = True
    torch.use_deterministic_algorithms(True)
    try:
        first, second = batches(2)
        step(first, 0.1)
        assert torch.equal(net.linear.weight, before)
        step(second, 0.1)
    finally:
        torch.use_deterministic_algorithms(False)
    assert not torch.equal(net.linear.weight, before)
    assert torch.isfinite(net.linear.weight).all()


@pytest.mark.slow
def test_a_compiled_step_is_the_same_step():
    torch._dynamo.reset()
    net = Small()
    net.layers[3] = nn.Identity()  # a compiler draws other random numbers
    _, expected = state_after(training(copy.deepcopy(net)), batches(3))
    _, state = state_after(training(net, compiled=True), batches(3))
    torch.testing.assert_close(state, expected)


@needs_gpu
@pytest.mark.parametrize("autocast", ["none", "bfloat16", "float16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_graphed_step_is_the_same_step(compiled, autocast):
    torch._dynamo.reset()
    device = torch.device("cuda")
    net = Small().to(device)
    net.layers[3] = nn.Identity()
    _, expected = state_after(training(copy.deepcopy(net), device, autocast), batches(4, device))
    step = training(net, device, autocast, compiled=compiled, cuda_graph=True)
    _, state = state_after(step, batches(4, device))
    assert step._step.__name__ == "replay"
    torch.testing.assert_close(state, expected, rtol=1e-2, atol=1e-3)


@needs_gpu
def test_a_graphed_step_goes_on_from_a_loaded_optimizer():
    device = torch.device("cuda")
    net = Small().to(device)
    net.layers[3] = nn.Identity()
    first, second = training(copy.deepcopy(net), device), training(net, device, cuda_graph=True)
    state_after(first, batches(2, device))
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.load_state_dict(torch.load(saved(first.optimizer), "cpu", weights_only=True))
    _, expected = state_after(first, batches(4, device)[2:])
    _, state = state_after(second, batches(4, device)[2:])
    torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-5)


def saved(part):
    buffer = io.BytesIO()
    torch.save(part.state_dict(), buffer)
    buffer.seek(0)
    return buffer


@needs_gpu
@pytest.mark.parametrize("name", ["rcn18", "i3d18", "c2d18"])
def test_whole_models_train_compiled_and_graphed(name, capsys):
    torch._dynamo.reset()
    device = torch.device("cuda")
    net = place(create_model(name, 10), device).train()
    optimizer = torch.optim.SGD(net.parameters(), 0.01, 0.9, fused=True)
    step = TrainingStep(net, optimizer, Autocast("bfloat16", device), lambda clip: clip, compiled=True, cuda_graph=True)
    clip, classes = torch.randn(8, 3, 8, 64, 64, device=device), torch.arange(8, device=device)
    losses = [step([clip, classes], 0.01)[0].item() for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert "goes on without" not in capsys.readouterr().err


@needs_gpu
@pytest.mark.parametrize("name", ["rcn18", "c2d18", "i3d18_causal"])
def test_a_live_step_as_a_graph_gives_the_same_logits(name):
    device = torch.device("cuda")
    net = place(create_model(name, 10), device).eval()
    clips = torch.randn(2, 3, 6, 64, 64, device=device)
    live, state = LiveStep(net), net.initial_state(2)
    with torch.inference_mode():
        expected = net.frame_logits(clips)
        for t in range(6):
            logits, state = live(clips[:, :, t], state)
            torch.testing.assert_close(logits, expected[:, t], rtol=1e-2, atol=1e-2)
        state = net.reset(state, torch.tensor([True, False]))
        logits, state = live(clips[:, :, 0], state)
        torch.testing.assert_close(logits[0], expected[0, 0], rtol=1e-2, atol=1e-2)


def test_a_live_step_on_a_cpu_is_the_models_own():
    net = create_model("rcn18", 10).eval()
    clips = torch.randn(2, 3, 3, 32, 32)
    live, state = LiveStep(net), net.initial_state(2)
    with torch.no_grad():
        expected = net.frame_logits(clips)
        for t in range(3):
            logits, state = live(clips[:, :, t], state)
            torch.testing.assert_close(logits, expected[:, t])


@pytest.mark.parametrize("device", [CPU, pytest.param(torch.device("cuda"), marks=needs_gpu)], ids=str)
def test_uploads_keep_their_order(device):
    sent = [(torch.full((1000,), i), torch.tensor([i])) for i in range(5)]
    arrived = [(int(large.sum()), int(small)) for large, small in uploaded(sent, device)]
    assert arrived == [(1000 * i, i) for i in range(5)]


def test_an_epoch_is_measured_over_all_its_samples():
    net, shown = Small(), batches(3)
    step = training(net)
    results, _ = state_after(training(copy.deepcopy(net)), shown)
    torch.manual_seed(1)
    epoch = train_one_epoch(step, shown, [0.1, 0.05, 0.02], 3, "small")
    loss, right = sum(results) / 24
    assert epoch.loss == pytest.approx(float(loss))
    assert epoch.accuracy == pytest.approx(float(right))
    assert (epoch.epoch, epoch.samples, epoch.lr) == (3, 24, 0.02)
    assert epoch.seconds > 0


def late(shown, seconds):
    for batch in shown:
        time.sleep(seconds)
        yield batch


@pytest.mark.parametrize("device", [CPU, pytest.param(torch.device("cuda"), marks=needs_gpu)], ids=str)
def test_an_epoch_tells_how_much_of_it_was_waiting_for_clips(device):
    step, shown, rates = training(Small().to(device), device), batches(6, device), [0.01] * 6
    train_one_epoch(step, shown, rates, 1, "small")
    epoch = train_one_epoch(step, late(shown, 0.1), rates, 2, "small")
    assert epoch.seconds > 0.6
    assert 0.5 < epoch.waiting_for_clips <= 1  # a step takes a millisecond or two, on a busy machine a few more

    def busy(*_):
        time.sleep(0.1)

    if device == CPU:  # what takes long in a step is no waiting
        handle = step.model.register_forward_pre_hook(busy)
        assert train_one_epoch(step, shown, rates, 3, "small").waiting_for_clips < 0.3
        handle.remove()


def test_an_epoch_needs_a_learning_rate_for_every_batch():
    with pytest.raises(ValueError, match="zip"):
        train_one_epoch(training(Small()), batches(3), [0.1, 0.1], 1, "small")


def test_a_loss_that_is_not_finite_ends_the_epoch_with_its_name():
    shown = batches(30)
    shown[25][0][0, 0, 0, 0] = torch.nan
    with pytest.raises(TrainingDiverged, match="small: the loss is nan"):
        train_one_epoch(training(Small()), shown, [0.01] * 30, 1, "small")
