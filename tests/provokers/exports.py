"""Networks on video: exporting them, running what was exported, drawing what was seen."""

import sys
from pathlib import Path

import pytest
import torch

from provokers.user import RUN, Met, User, provoker
from rcn_bench.engine.export import formats, int8


def _streams(user: User, path: Path) -> Met:
    return user.runs("stream", "videos/val/0.mp4", "--model", path)


@provoker
def exported_file_missing(user: User) -> Met:
    return _streams(user, Path("none.onnx")).naming("none.onnx")


@provoker
def exported_file_unreadable(user: User) -> Met:
    return _streams(user, user.file("step.onnx", b"<html>404 not found</html>")).naming("step.onnx")


def _an_identity(card: str | None) -> Path:
    """An ONNX file that is no network of ours."""
    onnx = pytest.importorskip("onnx")
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    opset = [onnx.helper.make_opsetid("", 18)]
    graph = onnx.helper.make_graph([node], "identity", values[:1], values[1:])
    model = onnx.helper.make_model(graph, ir_version=9, opset_imports=opset)
    if card is not None:
        onnx.helper.set_model_props(model, {"rcn_bench": card})
    onnx.save(model, "other.onnx")
    return Path("other.onnx")


@provoker
def exported_file_without_a_card(user: User) -> Met:
    return _streams(user, _an_identity(None)).naming("other.onnx")


@provoker
def exported_card_damaged(user: User) -> Met:
    return _streams(user, _an_identity('{"network": "rcn18"}')).naming("other.onnx")


@provoker
def package_for_exports_missing(user: User) -> Met:
    user.monkeypatch.setitem(sys.modules, "onnxruntime", None)
    return _streams(user, user.file("step.onnx")).naming("onnxruntime")


@provoker
def export_of_which_run(user: User) -> Met:
    return user.runs("export", RUN, "--format", "onnx").naming(RUN)


@provoker
def export_of_a_clip(user: User) -> Met:
    return user.runs("export", "rcn18", "--format", "onnx", "--clip", 8).naming("--clip")


@provoker
def export_in_the_way(user: User) -> Met:
    user.file("notes.txt", "mine")
    return user.runs("export", "rcn18", "--format", "onnx", "--output", "notes.txt").naming("notes.txt")


@provoker
def export_in_int8_of_what(user: User) -> Met:
    return user.runs("export", "rcn18", "--format", "onnx", "--int8").naming("--int8")


@provoker
def int8_that_drifts(user: User) -> Met:
    """Its ranges are taken from frames without contrast."""
    user.has_finished()
    whole = int8.Footage.to_calibrate
    user.monkeypatch.setattr(int8.Footage, "to_calibrate", lambda self, card: (0.01 * one for one in whole(self, card)))
    met = user.runs("export", RUN, "--config", "own.yaml", "--format", "onnx", "--int8").naming(f"{RUN}.onnx")
    assert not Path(f"{RUN}.onnx").exists()
    return met


@provoker
def strip_in_the_way(user: User) -> Met:
    user.file("notes.txt", "mine")
    weights = ("--weights", "model.safetensors")
    return user.runs("stream", "video.mp4", *weights, "--strip", "notes.txt").naming("notes.txt")


@provoker
def export_that_drifts(user: User) -> Met:
    """Its w_hh changes while it is written."""
    user.has_finished()
    whole = formats.traced

    def spoilt(step: formats.Step, frame: torch.Tensor) -> torch.export.ExportedProgram:
        with torch.no_grad():
            step.net.trunk[3].w_hh.mul_(1.5)
        return whole(step, frame)

    user.monkeypatch.setattr(formats, "traced", spoilt)
    met = user.runs("export", RUN, "--config", "own.yaml", "--format", "torch").naming(f"{RUN}.pt2")
    assert not Path(f"{RUN}.pt2").exists()
    return met


@provoker
def export_that_cannot_be_compiled(user: User) -> Met:
    """There is no compiler."""
    user.has_finished()
    user.monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no-such-g++",))
    met = user.runs("export", RUN, "--config", "own.yaml", "--format", "aoti").naming("no-such-g++")
    assert not Path(f"{RUN}.pt2").exists()
    return met
