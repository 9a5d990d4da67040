"""Steps in int8: made by a run's videos, near the float step for as long as a video is, or refused."""

import json

import numpy as np
import pytest
import yaml
from provokers.user import forgetting
from tiny import RCN

from rcn_bench import cli
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.crops import centre_crop
from rcn_bench.data.media.files import write_lossless
from rcn_bench.engine.export import int8, verify
from rcn_bench.engine.live.by_onnxruntime import OnnxStep, normalised
from rcn_bench.plan.run import Run
from rcn_bench.records.exported import KEY

RUN = Run("rcn_pocket", 4, "random", "random", 0)  # that conftest trains
FRAMES = 200

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture(scope="module", autouse=True)
def _packages():
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)


def export(experiment, run, path, *options):
    """The exit code."""
    config = path.with_suffix(".yaml")
    config.write_text(yaml.safe_dump(experiment.config))
    arguments = ["export", run.name, "--config", config, "--results", experiment.results, "--format", "onnx"]
    return cli.main([str(each) for each in [*arguments, "--output", path, *options]])


@pytest.fixture(scope="module")
def steps(noise, tmp_path_factory):
    """The run's step, in float32 and in int8, and what was printed of both."""
    folder, paths = tmp_path_factory.mktemp("exported"), []
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        for name, options in (("float32", []), ("int8", ["--int8"])):
            paths.append(folder / f"{name}.onnx")
            assert export(noise, RUN, paths[-1], *options) == 0
    return paths


def errors_by_frame(experiment, float32, quantised):
    """Of the largest logit, over a stream of FRAMES validation frames whose states never start anew."""
    float_step, int8_step = OnnxStep(float32, threads=1), OnnxStep(quantised, threads=1)
    cache, card = Cache(experiment.paths.cache("val")), float_step.card
    frames = [
        normalised(frame, card)[None]
        for video in cache.videos
        for frame in centre_crop(cache.frames(video, step=card.stride), card.crop)
    ]
    states, errors, largest = [step.initial_states(1) for step in (float_step, int8_step)], [], 0.0
    for number in range(FRAMES):
        frame, started = frames[number % len(frames)], np.array([number > 0])
        expected, states[0] = float_step(frame, started, states[0])
        found, states[1] = int8_step(frame, started, states[1])
        errors.append(np.abs(found - expected).max())
        largest = max(largest, np.abs(expected).max())
    return np.array(errors) / largest


def require_near_for_long(errors, most=0.05):
    assert errors.max() < most
    assert errors.max() > 1e-5, "which float32 does not reach"
    assert errors[-FRAMES // 4 :].mean() < 2 * errors[: FRAMES // 4].mean()


def test_its_error_is_small_and_does_not_grow(noise, steps):
    require_near_for_long(errors_by_frame(noise, *steps))


@pytest.mark.slow
def test_of_a_network_of_many_layers_it_does_not_grow_either(trained, tmp_path, monkeypatch):
    """Of one that has hardly been trained, whose logits lie close together: it would be refused."""
    monkeypatch.setattr(verify, "INT8_TOLERANCE", 0.2)
    for name, options in (("float32", []), ("int8", ["--int8"])):
        assert export(trained, RCN, tmp_path / f"{name}.onnx", *options) == 0
    require_near_for_long(errors_by_frame(trained, tmp_path / "float32.onnx", tmp_path / "int8.onnx"), 0.2)
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("int8", "float32")]
    assert sizes[0] < 0.4 * sizes[1]


def test_convolutions_have_weights_of_a_byte_but_for_those_of_states(steps):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(steps[1]).graph
    made_by = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    whole = [node for node in convolutions if node.input[1] not in made_by]
    assert len(convolutions) == 3
    assert [node.input[0].startswith("state.") for node in whole] == [True]
    assert all(made_by[node.input[1]].op_type == "DequantizeLinear" for node in convolutions if node not in whole)


def test_the_card_says_so(steps):
    onnx = pytest.importorskip("onnx")
    for path, precision in zip(steps, ("float32", "int8"), strict=True):
        (card,) = [json.loads(each.value) for each in onnx.load(path).metadata_props if each.key == KEY]
        assert card.get("precision", "float32") == precision, "what is not said is float32"


def test_it_streams_as_any_step(capsys, steps, tmp_path):
    video, printed = tmp_path / "video.mp4", []
    write_lossless(video, np.random.default_rng(1).integers(0, 256, (30, 24, 20)).astype(np.uint8), 8)
    for path in steps:
        capsys.readouterr()
        assert cli.main(["stream", str(video), "--model", str(path)]) == 0
        printed.append(capsys.readouterr().out.splitlines()[:-1])
    assert len(printed[0]) == len(printed[1]) == 15
    assert [line.split()[:2] for line in printed[0]] == [line.split()[:2] for line in printed[1]]


def test_it_says_how_far_it_is_off(capsys, noise, tmp_path):
    path = tmp_path / "step.onnx"
    assert export(noise, RUN, path, "--int8") == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}: a step in int8 of {RUN.name}, ")
    assert 0 < float(out.split("within ")[1].split()[0]) <= 0.05
    assert err == ""


def test_what_drifts_is_not_kept(capsys, monkeypatch, noise, tmp_path):
    """Calibrated on frames without contrast, so that what is seen later lies outside of all ranges."""
    path, whole = tmp_path / "step.onnx", int8.Footage.to_calibrate
    monkeypatch.setattr(int8.Footage, "to_calibrate", lambda self, card: (0.01 * one for one in whole(self, card)))
    assert export(noise, RUN, path, "--int8") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rcn-bench: {path}: not kept: over 200 frames its logits are off by ")
    assert line.endswith(", more than 0.05; export it without --int8")
    assert [each.name for each in tmp_path.iterdir()] == ["step.yaml"]


@pytest.mark.parametrize("arguments", [("rcn18", "--format", "onnx"), ("model.safetensors", "--format", "onnx")])
def test_without_a_runs_videos_it_is_refused(capsys, arguments):
    assert cli.main(["export", *arguments, "--int8"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rcn-bench: export: --int8 goes with --format onnx and the --config of a run")


def test_without_training_videos_it_is_refused(capsys, noise, tmp_path, monkeypatch):
    cache = noise.paths.cache("train")
    missing = tmp_path / cache.name
    whole = int8.Cache
    monkeypatch.setattr(int8, "Cache", lambda path: whole(missing if path == cache else path))
    assert export(noise, RUN, tmp_path / "step.onnx", "--int8") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rcn-bench: {missing}: ")
    assert not (tmp_path / "step.onnx").exists()
