"""One new frame of a live video in turns, by one thread: trained, streamed, and exported in every format, in int8 too.

On a CPU in seconds of the process, since it may share its core. On a GPU the steps are CUDA graphs, and exported ones
are not run.
"""

import shutil
from functools import partial
from time import perf_counter, process_time

import numpy as np
import pytest
import torch
from setting import DEVICE, GPU

from rcn_bench.engine.device import place
from rcn_bench.engine.live.fastest import fastest_step
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models import create_model
from rcn_bench.models.inference import for_inference

SIZE, CLASSES = 112, 400
CLOCK = perf_counter if GPU else process_time


@pytest.fixture(autouse=True)
def _one_thread(_two_threads):
    torch.set_num_threads(1)


@pytest.mark.benchmark(timer=CLOCK)
def test_new_frame_in_turns(timed, tmp_path):
    steps = {}
    for name in ("c2d18", "rcn18"):
        torch.manual_seed(0)
        model = create_model(name, CLASSES).eval()
        steps[f"{name} as trained"] = second_frame(LiveStep(place(model, DEVICE)))
        steps[f"{name} folded"] = second_frame(LiveStep(place(for_inference(model), DEVICE)))
        steps[f"{name} as streamed"] = second_frame(fastest_step(model, DEVICE))
        if GPU:
            continue
        for int8 in (False, True):
            if exported := in_onnxruntime(model, tmp_path / f"{name}.onnx", int8=int8):
                steps[f"{name} in onnxruntime{', int8' if int8 else ''}"] = exported
        steps[f"{name} by torch.export"] = by_torch(model, tmp_path / f"{name}.pt2")
        if shutil.which("g++"):
            steps[f"{name} by AOTInductor"] = by_aoti(model, tmp_path / f"{name}.pt2")
    subject = "rcn18 as streamed"
    streamed = steps.pop(subject)
    group = f"one new frame in turns, one thread, {SIZE}x{SIZE}"
    timed(group, subject, streamed, subject=True, beside=steps, rounds=60, clock=CLOCK)


def second_frame(live):
    frame = torch.randn(1, 3, SIZE, SIZE, device=DEVICE)

    @torch.inference_mode()
    def step(state):
        return live(frame, state)

    _, state = step(live.model.initial_state(1))
    step(state)  # a GPU captures its graph here
    return partial(step, state)


class Noise:
    """Footage for a network with random weights, whose time does not depend on it."""

    def to_calibrate(self, card):
        return [np.random.default_rng(0).normal(size=(card.frames, 3, SIZE, SIZE)).astype(np.float32)]


def in_onnxruntime(model, path, int8):
    """None where it is not installed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError:
            return None
    from rcn_bench.engine.export.int8 import quantise
    from rcn_bench.engine.live.by_onnxruntime import OnnxStep

    written(model, path, "onnx")
    if int8:
        quantise(path, Noise())
    step = OnnxStep(path, threads=1)
    frame = np.random.default_rng(0).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    return partial(step, frame, np.ones(1, bool), step.initial_states(1))


def by_torch(model, path):
    step = written(model, path, "torch")
    return on_one_frame(torch.export.load(path).module(), step)


def by_aoti(model, path):
    step = written(model, path, "aoti")
    return on_one_frame(torch._inductor.aoti_load_package(path), step)


def written(model, path, format_name):
    """The step that the file holds."""
    from rcn_bench.engine.export.formats import FORMATS
    from rcn_bench.engine.export.step import Step
    from rcn_bench.engine.export.write import card_of

    frame = torch.randn(2, 3, SIZE, SIZE)
    feed = {"frames": 8, "stride": 1, "crop": SIZE, "short_side": None, "frame_rate": None}
    step = Step(model, frame)
    FORMATS[format_name].write(step, frame, card_of(network="a model", clip=0, labels=["a"], **feed), path)
    return step


def on_one_frame(loaded, step):
    states = [torch.zeros(1, *shape) for shape in step.shapes.values()]
    return torch.inference_mode()(
        partial(loaded, torch.randn(1, 3, SIZE, SIZE), torch.ones(1, dtype=torch.bool), states)
    )
