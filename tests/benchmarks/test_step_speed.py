"""One new frame of a live video in turns, by one thread: trained, streamed, and exported to onnxruntime, in int8 too.

On a CPU in seconds of the process, since it may share its core. On a GPU the steps are CUDA graphs, and a step exported
to ONNX is not run.
"""

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
        for int8 in (False, True):
            if not GPU and (exported := in_onnxruntime(model, tmp_path / f"{name}.onnx", int8=int8)):
                steps[f"{name} in onnxruntime{', int8' if int8 else ''}"] = exported
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
    from rcn_bench.engine.export.formats import FORMATS
    from rcn_bench.engine.export.int8 import quantise
    from rcn_bench.engine.export.step import Step
    from rcn_bench.engine.export.write import card_of
    from rcn_bench.engine.live.by_onnxruntime import OnnxStep

    frame = torch.randn(2, 3, SIZE, SIZE)
    feed = {"frames": 8, "stride": 1, "crop": SIZE, "short_side": None, "frame_rate": None}
    card = card_of(network="a model", clip=0, labels=["a"], **feed)
    FORMATS["onnx"].write(Step(model, frame), frame, card, path)
    if int8:
        quantise(path, Noise())
    step = OnnxStep(path, threads=1)
    one, started, states = frame[:1].numpy(), np.ones(1, bool), step.initial_states(1)
    return partial(step, one, started, states)
