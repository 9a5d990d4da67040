"""Exported steps: they compute what the network does, are refused where they do not, and run on video without torch."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from provokers.user import forgetting
from tiny import save_weights
from torch import nn

from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.crops import MEAN, STD
from rcn_bench.data.examine import decode
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.export import formats, verify, write
from rcn_bench.engine.export.step import Step
from rcn_bench.models import create_model
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.plan.run import Run
from rcn_bench.records.exported import KEY, SUFFIXES
from rcn_bench.records.weights import Card

RUN = Run("rcn_pocket", 4, "random", "random", 0)  # that conftest trains
SLOW = pytest.mark.slow
FORMATS = ["onnx", pytest.param("torch", marks=SLOW), pytest.param("aoti", marks=SLOW)]

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def require_packages(format_name):
    if format_name == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    if format_name == "aoti" and not shutil.which("g++"):
        pytest.skip("needs g++")


@pytest.fixture(scope="module")
def step(weights, tmp_path_factory):
    """The run's, as ONNX."""
    require_packages("onnx")
    path = tmp_path_factory.mktemp("exported") / "step.onnx"
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        assert cli.main(["export", str(weights), "--format", "onnx", "--output", str(path)]) == 0
    return path


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    write_lossless(path, np.random.default_rng(1).integers(0, 256, (30, 24, 20)).astype(np.uint8), 8)
    return path


def refused(capsys, *arguments):
    """The one line on stderr."""
    capsys.readouterr()
    assert cli.main([str(argument) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def streamed(capsys, video, *arguments):
    capsys.readouterr()
    assert cli.main(["stream", str(video), *map(str, arguments)]) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    assert end.startswith(f"{len(lines)} frames in ")
    return lines


@pytest.mark.parametrize("options", [(), pytest.param(("--restart", 0, "--last", 3), marks=SLOW)])
def test_an_onnx_file_streams_as_the_weights_do(capsys, weights, step, video, options):
    assert streamed(capsys, video, "--model", step, *options) == streamed(capsys, video, "--weights", weights, *options)


def test_an_onnx_file_runs_where_torch_cannot_be_imported(capsys, step, video, weights):
    """A package of that name that fails stands before torch."""
    script = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from rcn_bench import cli\n"
        f"code = cli.main(['stream', {str(video)!r}, '--model', {str(step)!r}])\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('torchvision', 'onnx', 'onnxscript')]\n"
        "sys.exit(code)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:-1] == streamed(capsys, video, "--weights", weights)


def test_the_file_says_how_it_is_fed(step, weights, video):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(step)
    card, trained = json.loads(session.get_modelmeta().custom_metadata_map[KEY]), Card.of(weights)
    for name in ("labels", "frames", "stride", "crop", "short_side", "frame_rate"):
        assert card[name] == getattr(trained, name)
    assert (card["network"], card["mean"], card["std"]) == (RUN.name, list(MEAN), list(STD))
    assert card["versions"]["torch"] == torch.__version__.split("+")[0]
    inputs = {each.name: each.shape for each in session.get_inputs()}
    assert list(inputs) == ["frame", "started", "state.3"]
    assert [shape[1:] for shape in inputs.values()] == [[3, 16, 16], [], [8, 4, 4]]
    assert all(isinstance(shape[0], str) for shape in inputs.values()), "any number of videos"
    assert [each.name for each in session.get_outputs()] == ["logits", "next.3"]
    model = load_weights(weights).model.eval()
    frames = to_input(torch.from_numpy(decode(video)[None, :3, 4:20, 2:18]))[0].transpose(0, 1)
    with torch.no_grad():
        expected = model.frame_logits(frames.transpose(0, 1)[None])[0]
    state, started = np.full((1, 8, 4, 4), np.nan, np.float32), np.zeros(1, bool)  # a first frame needs none
    for frame, logits in zip(frames, expected, strict=True):
        found, state = session.run(None, {"frame": frame[None].numpy(), "started": started, "state.3": state})
        started = np.ones(1, bool)
        torch.testing.assert_close(torch.from_numpy(found[0]), logits, rtol=1e-4, atol=1e-5)


NETWORKS = ["rcn18", "i3d18_causal", "c2d18", "tsm18", "rcn18_lstm", "rcn18_gru"]


@pytest.mark.slow
@pytest.mark.parametrize("format_name", formats.FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_models_with_random_weights_are_exported_and_hold(capsys, monkeypatch, tmp_path, format_name, name):
    require_packages(format_name)
    for module in (verify, write):
        monkeypatch.setattr(module, "FRAMES", 20)
    monkeypatch.setattr(verify, "RESTART", 10)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", name, "--format", format_name, "--size", "32", "--classes", "5"]) == 0
    (file,) = tmp_path.iterdir()
    assert file.name == f"{name}{SUFFIXES[format_name]}"
    assert f"{file.name}: a step of {name}, " in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_a_step_of_tensors_alone_is_the_models(mode):
    """Whatever stands in the place of a state that a video does not have."""
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU()]
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = make_recurrent(trunk, lambda name, convolution: True, w_hh="identity", mode=mode).eval()
    step = Step(model, torch.randn(2, 3, 16, 16))
    states = [torch.full_like(state, torch.nan) for state in step.states]

    def stepper(frames, started):
        nonlocal states
        spoilt = [torch.where(started.view(-1, 1, 1, 1), state, torch.nan) for state in states]
        logits, *states = step(frames, started, spoilt)
        return logits

    assert verify.largest_drift(model, stepper, verify.random_frames(16)) < 1e-5


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_drifts_is_not_kept(capsys, monkeypatch, noise, weights, tmp_path, format_name):
    """A network whose trained weights are changed as it is written."""
    require_packages(format_name)
    whole = formats.traced

    def spoilt(step, frame, **options):
        with torch.no_grad():
            step.net.trunk[3].w_hh.mul_(1.01)
        return whole(step, frame, **options)

    monkeypatch.setattr(formats, "traced", spoilt)
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, "export", weights, "--format", format_name)
    name = f"model{SUFFIXES[format_name]}"
    assert line.startswith(f"rcn-bench: {name}: not kept: over 200 frames its logits are off by ")
    assert list(tmp_path.iterdir()) == []


# Refusals


def test_a_model_that_is_not_causal_is_refused(capsys, noise_without_runs, with_window_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment, run = with_window_model(noise_without_runs), Run("window3d", 4, "random")
    load_plugins(experiment.plugins)
    save_weights(experiment, run, create_model("window3d", 2), ["a", "b"])
    path = experiment.paths.weights(run)
    assert f"{path}: window3d hands on no state" in refused(capsys, "export", path, "--format", "torch")
    assert "window3d hands on no state" in refused(capsys, "export", "window3d", "--format", "torch")


def test_what_is_there_under_that_name_is_left(capsys, weights, tmp_path):
    for name in ("folder.onnx", "notes.txt"):
        path = tmp_path / name
        path.write_text("mine") if name.endswith("txt") else path.mkdir()
        assert str(path) in refused(capsys, "export", weights, "--format", "onnx", "--output", path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_package_that_is_missing_is_named_with_what_installs_it(capsys, monkeypatch, weights, tmp_path, video):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, package, None)
            line = refused(capsys, "export", weights, "--format", "onnx", "--output", tmp_path / "step.onnx")
            assert line.endswith(f"the package {package} is not installed here; pip install 'rcn_bench[live]'")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "onnxruntime", None)
        assert "package onnxruntime" in refused(capsys, "stream", video, "--model", tmp_path / "step.onnx")


@pytest.mark.parametrize("content", [None, b"", b"not a network"], ids=repr)
def test_a_file_that_is_no_network_is_refused(capsys, tmp_path, video, content):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "step.onnx"
    if content is not None:
        path.write_bytes(content)
    assert refused(capsys, "stream", video, "--model", path).startswith(f"rcn-bench: {path}: ")


@pytest.mark.parametrize(
    "card", [None, "{", "[]", '{"network": "rcn18"}', {"crop": 0}, {"labels": []}, {"std": [1, 1, 0]}], ids=repr
)
def test_a_network_without_its_card_is_refused(capsys, step, tmp_path, video, card):
    onnx, path = pytest.importorskip("onnx"), tmp_path / "other.onnx"
    network = onnx.load(step)
    (own,) = [each for each in network.metadata_props if each.key == KEY]
    if card is None:
        network.metadata_props.remove(own)
    else:
        own.value = card if isinstance(card, str) else json.dumps(json.loads(own.value) | card)
    onnx.save(network, path)
    line = refused(capsys, "stream", video, "--model", path)
    assert line.startswith(f"rcn-bench: {path}: ")
    assert line.endswith("; write it with `rcn-bench export`")


def test_a_run_without_its_config_is_refused(capsys):
    assert refused(capsys, "export", RUN.name, "--format", "onnx").endswith(
        f"export: {RUN.name}: give the --config of a run, or its model.safetensors"
    )


@pytest.mark.parametrize("name", ["rcn_pocket", pytest.param("i3d18_causal", marks=SLOW)])
def test_a_clip_keeps_each_recurrence_as_one_node(capsys, noise, tmp_path, name):
    load_plugins(noise.plugins)
    path = tmp_path / "clip.pt2"
    arguments = ["export", name, "--format", "torch", "--clip", 6, "--size", 32, "--classes", 5, "--output", path]
    assert cli.main([str(argument) for argument in arguments]) == 0
    assert f"{path}: clips of 6 frames of {name}, " in capsys.readouterr().out
    extra = {KEY: ""}
    program = torch.export.load(str(path), extra_files=extra)
    assert json.loads(extra[KEY])["clip"] == 6
    nodes = [node for node in program.graph.nodes if "recurrent_scan" in str(node.target)]
    assert len(nodes) == (name == "rcn_pocket")
    torch.manual_seed(0)
    model, clips = create_model(name, 5).eval(), torch.randn(3, 3, 6, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(clips), model(clips), rtol=1e-4, atol=1e-5)
    with pytest.raises(Exception, match=r"(?i)shape|size|guard|equal"):
        program.module()(clips[:, :, :5])
