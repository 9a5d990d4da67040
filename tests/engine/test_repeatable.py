"""Trainings that give the same bits again."""

import os

import pytest
import torch
from safetensors.torch import load_file
from tiny import C2D, RCN, changed, interrupt_after, linked
from torch import nn

import rcn_bench.engine.repeatable as repeatable_module
from rcn_bench.engine.repeatable import repeatable
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Trained


def test_a_training_on_a_cpu_is_recorded_as_repeatable(trained):
    record = Trained.read(trained.paths.training(C2D))
    assert record.deterministic == (not torch.cuda.is_available())


def test_without_it_the_fastest_algorithms_are_found_by_timing():
    with repeatable(False, False, torch.device("cuda")):
        assert torch.backends.cudnn.benchmark
        assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("compiled", [False, True])
def test_on_a_gpu_only_repeatable_algorithms_are_used_until_it_ends(compiled, monkeypatch):
    monkeypatch.setitem(os.environ, "CUBLAS_WORKSPACE_CONFIG", "")
    with repeatable(True, compiled, torch.device("cuda")):
        assert not torch.backends.cudnn.benchmark
        assert torch.are_deterministic_algorithms_enabled()
        assert torch._inductor.config.deterministic or not compiled
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch._inductor.config.deterministic


def test_an_operation_that_cannot_repeat_itself_is_named():
    with (
        pytest.raises(InputError, match=r"^train.deterministic: max_pool3d.*; set it to false, or replace that layer$"),
        repeatable(True, False, torch.device("cuda")),
    ):
        raise RuntimeError("max_pool3d_with_indices_backward_cuda does not have a deterministic implementation, but")


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="no such thing"), repeatable(True, False, torch.device("cuda")):
        raise RuntimeError("no such thing")


def test_a_compiler_that_chooses_by_timing_is_refused(monkeypatch):
    monkeypatch.setattr(repeatable_module, "_compiler", object)
    refused = pytest.raises(InputError, match=r"train.deterministic: .* update torch, or set train.compile: false")
    with refused, repeatable(True, True, torch.device("cuda")):
        raise AssertionError("went on")


def test_ways_to_compute_the_same_count_only_where_the_last_bit_does(trained):
    for deterministic in (False, True):
        plain, compiled = (
            dependencies(changed(trained, {"train.deterministic": deterministic, **change}), "train", C2D.name)
            for change in ({}, {"train.compile": True})
        )
        assert bool(plain.differences(compiled.parts())) == deterministic


@pytest.mark.slow
@pytest.mark.parametrize("model", ["s3d", "r2plus1d18"])
def test_gradients_in_bfloat16_are_the_same_twice_where_maps_are_shorter_than_kernels(model):
    def gradients():
        torch.manual_seed(0)
        net, clips = create_model(model, 5).train(), torch.randn(2, 3, 8, 32, 32)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(clips)
        nn.functional.cross_entropy(logits.float(), torch.arange(2)).backward()
        return {name: parameter.grad for name, parameter in net.named_parameters()}

    first, second = gradients(), gradients()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_a_run_gives_the_same_bits_however_it_is_trained(tiny, tmp_path, monkeypatch):
    """Twice, with workers, and stopped and resumed with a fresh cache of the compiler."""

    def weights(name, **changes):
        own = linked(tiny, tmp_path / name, "data", "cache", "pretrained")
        ways = {"train.deterministic": True, "train.compile": True, "train.cuda_graph": True, **changes}
        experiment = changed(own, {"train.autocast": "bfloat16", "train.epochs": 3, **ways})
        torch._dynamo.reset()
        with monkeypatch.context() as patch:
            patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / f"cache of {name}"))
            if name == "resumed":
                interrupt_after(patch, epochs=1)
                with pytest.raises(KeyboardInterrupt):
                    train(RCN, experiment)
                patch.undo()
                torch._dynamo.reset()
            train(RCN, experiment)
        assert Trained.read(experiment.paths.training(RCN)).deterministic
        return load_file(experiment.paths.weights(RCN))

    first = weights("first")
    for name, changes in {"again": {}, "workers": {"train.workers": 2}, "resumed": {}}.items():
        other = weights(name, **changes)
        assert [key for key in first if not torch.equal(first[key], other[key])] == [], name
