"""Captures of functions as CUDA graphs."""

import pytest
import torch

from rcn_bench.engine.cuda_graph import captured, captured_if_possible

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@needs_gpu
def test_a_graph_computes_what_its_function_does_on_new_inputs():
    weight = torch.randn(64, 64, device="cuda")
    graph = captured(lambda x, y: x @ weight + y, [torch.zeros(8, 64, device="cuda")] * 2)
    for _ in range(3):
        x, y = torch.randn(2, 8, 64, device="cuda")
        torch.testing.assert_close(graph(x, y), x @ weight + y)


@needs_gpu
def test_captures_one_after_the_other_take_no_more_memory():
    def allocated():
        x = torch.randn(256, 256, device="cuda")
        captured(lambda x: x @ x, [x])(x)
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    first = allocated()
    assert [allocated() for _ in range(3)] == [first] * 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_the_function_itself_runs_and_a_line_says_so(capsys):
    def double(x):
        return x * 2

    assert captured_if_possible(double, [torch.ones(1)], "doubling") is double
    assert capsys.readouterr().err == "doubling runs without a CUDA graph, which cannot run here: no GPU\n"
