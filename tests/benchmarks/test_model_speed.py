"""Training step and inference of RCN beside C2D, I3D, (2+1)D and its authors' own form, eager and compiled.

On a GPU at the paper's size and batches in bfloat16, compiled steps as one CUDA graph; on a CPU small, in float32. Of
the authors' form, whose loop a compiler unrolls for minutes, only the graph: it takes as long as its kernels, where the
eager step takes as long as the processor needs to launch them.
"""

from functools import partial

import pytest
import torch
from authors import authors_rcn
from setting import DEVICE, GPU
from torchvision.models import get_model

from rcn_bench.engine.cuda_graph import captured
from rcn_bench.engine.device import place
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.models import create_model
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.reporting.throughput_by_length import IN_TURNS

FRAMES_PER_BATCH, SIZE, CLASSES = (512, 112, 400) if GPU else (128, 32, 10)
ROUNDS = 40 if GPU else 10
MODELS = [
    "c2d18", "rcn18", "authors_rcn18", "i3d18", "r2plus1d18", "torchvision_r3d_18", "torchvision_r2plus1d_18",
    "c2d18 without stem pool", "rcn18 without stem pool", "i3d18 without stem pool", "r2plus1d18 without stem pool",
    "c2d34", "rcn34", "i3d34", "r2plus1d34", "c2d50", "rcn50", "i3d50",
]  # fmt: skip


def is_authors(model):
    return model.startswith("authors")


def is_slow(model, frames, compiled):
    return frames > 8 or not model.endswith("18") or "torchvision" in model or (compiled and not GPU)


CASES = [
    pytest.param(model, frames, compiled, marks=[pytest.mark.slow] if is_slow(model, frames, compiled) else [])
    for frames in (8, 16, 32)
    for compiled in (False, True)
    for model in MODELS
    if GPU or not (compiled and is_authors(model))
]


def build(name):
    torch.manual_seed(0)
    if is_authors(name):
        return authors_rcn("resnet18", CLASSES).to(DEVICE)
    if name.startswith("torchvision"):  # without a pool after the stem, as it comes
        return place(get_model(name.removeprefix("torchvision_"), num_classes=CLASSES), DEVICE)
    architecture, _, without_pool = name.partition(" ")
    return place(create_model(architecture, CLASSES, stem_pool=not without_pool), DEVICE)


def clips(frames):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(FRAMES_PER_BATCH // frames, 3, frames, SIZE, SIZE, generator=generator).to(DEVICE)


def group(kind, model, frames):
    depth = model.split()[0][-2:]
    return f"{kind}, ResNet-{depth}{' without stem pool' if 'without' in model else ''}, {frames} frames"


def training_step(model, frames, compiled):
    net, clip = build(model).train(), clips(frames)
    classes = torch.arange(len(clip), device=DEVICE) % CLASSES
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, 0.9, fused=True)
    step = TrainingStep(
        net,
        optimizer,
        Autocast("bfloat16" if GPU else "none", DEVICE),
        lambda clip: clip,
        compiled=compiled and not is_authors(model),
        cuda_graph=compiled and GPU,
    )
    return partial(step, [clip, classes], 1e-3)


def name_of(model, compiled):
    how = ", in a CUDA graph" if is_authors(model) else ", compiled"
    return f"{model.split()[0]}{how if compiled else ''}"


@pytest.mark.parametrize(("model", "frames", "compiled"), CASES)
def test_training_step(timed, model, frames, compiled):
    step = training_step(model, frames, compiled)
    kind, subject = group("training step", model, frames), model.startswith("rcn")
    timed(kind, name_of(model, compiled), step, subject=subject, rounds=ROUNDS, peak_memory=True)


# Of each network the others that its training step is timed in turns with, so that other work on the machine slows all.
BESIDE = {
    "rcn18": ["c2d18", *(["i3d18", "r2plus1d18", "authors_rcn18"] if GPU else [])],
    "rcn34": ["c2d34", "i3d34"],
    "rcn50": ["c2d50", "i3d50"],
}
TURNS = [("rcn18", 8), *(("rcn18", frames) for frames in (16, 32, 64, 128)), ("rcn34", 32)]
TURNS += [("rcn50", frames) for frames in (8, 16, 32)]


@pytest.mark.parametrize(
    ("model", "frames"), [TURNS[0], *(pytest.param(*turn, marks=pytest.mark.slow) for turn in TURNS[1:])]
)
def test_training_step_in_turns(timed, model, frames):
    """RCN and its rivals, by the frames of a clip, a batch of as many frames each time."""
    subject, *others = (training_step(name, frames, compiled=GPU) for name in (model, *BESIDE[model]))
    beside = dict(zip((name_of(name, GPU) for name in BESIDE[model]), others, strict=True))
    timed(group(IN_TURNS, model, frames), name_of(model, GPU), subject, subject=True, beside=beside, rounds=ROUNDS)


LONG, LONG_CLIPS, LONG_SIZE = (128, 15, 112) if GPU else (64, 2, 48)  # 15 is what fits 11 GiB where all is kept


@pytest.mark.parametrize("model", ["rcn18", pytest.param("c2d18", marks=pytest.mark.slow)])
def test_training_step_that_recomputes(timed, model):
    """Long clips in float32, eager, as on a small card: all is kept, norms are computed again, or blocks run twice."""
    ways = {"all kept": False, "blocks run twice": True, "norms computed again": "norms"}
    steps = {way: step_of_long_clips(model, what) for way, what in ways.items()}
    name, step = steps.popitem()
    kind = f"training step, eager, {model}, {LONG_CLIPS} clips of {LONG} frames"
    timed(kind, name, step, subject=True, beside=steps, rounds=10)


def step_of_long_clips(model, what):
    net = recompute_activations(build(model).train(), what)
    clip = torch.randn(LONG_CLIPS, 3, LONG, LONG_SIZE, LONG_SIZE, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    classes = torch.arange(LONG_CLIPS, device=DEVICE) % CLASSES
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, 0.9, fused=True)
    return partial(TrainingStep(net, optimizer, Autocast("none", DEVICE), lambda clip: clip), [clip, classes], 1e-3)


@pytest.mark.parametrize(("model", "frames", "compiled"), CASES)
def test_inference(timed, model, frames, compiled):
    net, clip = build(model).eval(), clips(frames)

    @torch.no_grad()
    def infer(clip):
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=GPU):
            return net(clip)

    if compiled and not is_authors(model):
        infer = torch.compile(infer, dynamic=False)
    if compiled and GPU:
        infer = captured(infer, [clip])
    kind, subject = group("inference", model, frames), model.startswith("rcn")
    infer = partial(infer, clip)
    timed(kind, name_of(model, compiled), infer, subject=subject, rounds=ROUNDS, peak_memory=True)
