"""One process alone changes nothing; several add up their tensors."""

import subprocess
import sys

import pytest
import torch

from rcn_bench.process import Process

CPU = torch.device("cpu")


def test_alone_it_is_the_main_one_on_the_best_device():
    process = Process.alone()
    assert (process.rank, process.world, process.is_main) == (0, 1, True)
    assert process.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_alone_a_sum_is_the_tensor_itself_and_its_number_the_largest():
    tensor = torch.tensor([0.1, float("nan")])
    assert Process.alone().reduce(tensor) is tensor
    assert Process.alone().largest(0.1) == 0.1


@pytest.mark.parametrize("seed", [0, 7, 3 * 1_000_003 + 89])
def test_the_main_process_keeps_the_seed_and_every_other_has_its_own(seed):
    assert Process.alone().own_seed(seed) == seed
    seeds = [Process(rank, 8, CPU).own_seed(seed + epoch) for rank in range(8) for epoch in range(500)]
    assert len(set(seeds)) == len(seeds)
    draws = []
    for rank in range(3):
        torch.manual_seed(Process(rank, 3, CPU).own_seed(seed))
        draws.append(float(torch.rand(())))
    assert len(set(draws)) == 3


def test_only_the_main_process_prints(capsys):
    for rank in range(3):
        Process(rank, 3, CPU).print(f"line of {rank}")
    assert capsys.readouterr().out == "line of 0\n"


ONE_OF_TWO = """
import sys
import torch
from torch import distributed
from rcn_bench.process import Process

store, rank = sys.argv[1], int(sys.argv[2])
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
tensor = torch.tensor([1.0, 10.0]) * (rank + 1)
total = Process(rank, 2, torch.device("cpu")).reduce(tensor)
print(total.tolist(), tensor.tolist())
distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs gloo")
def test_two_processes_add_up_their_tensors(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO, str(tmp_path / "store"), str(rank)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert [out.strip() for out, _ in results] == ["[3.0, 30.0] [1.0, 10.0]", "[3.0, 30.0] [2.0, 20.0]"]


AVERAGED = """
import sys
import torch
from torch import distributed
from rcn_bench.process import Process

def of(rank):
    generator = torch.Generator().manual_seed(rank)
    return [
        torch.randn(4, 3, 2, 5, generator=generator),
        torch.randn(4, 3, 2, 5, generator=generator).to(memory_format=torch.channels_last),
        torch.randn(2, 3, 2, 2, 2, generator=generator).to(memory_format=torch.channels_last_3d),
        torch.randn(1, 3, 1, 1, generator=generator).to(memory_format=torch.channels_last),
        torch.randn(3, 6, generator=generator).t(),
        torch.randn((), generator=generator),
        torch.randn(0, 3, generator=generator),
        torch.randn(5, generator=generator, dtype=torch.float64),
        torch.randn(6, 6, generator=generator)[::2, ::3],
    ]

store, rank = sys.argv[1], int(sys.argv[2])
distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
own = [torch.nn.Parameter(torch.zeros_like(tensor)) for tensor in of(rank)]
for parameter, gradient in zip(own, of(rank), strict=True):
    parameter.grad = gradient
own.insert(1, torch.nn.Parameter(torch.zeros(3)))  # which no loss has reached
strides = [parameter.grad.stride() for parameter in own if parameter.grad is not None]
Process(rank, 2, torch.device("cpu")).average_gradients(own)
assert own.pop(1).grad is None
for parameter, first, second in zip(own, of(0), of(1), strict=True):
    assert torch.equal(parameter.grad, (first + second) / 2), parameter.grad.stride()
# Of what lies without gaps, as gradients do; the last does not.
assert strides[:-1] == [parameter.grad.stride() for parameter in own[:-1]]
distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs gloo")
def test_two_processes_average_gradients_however_they_lie_in_memory(tmp_path):
    command = [sys.executable, "-c", AVERAGED, str(tmp_path / "store")]
    both = [subprocess.Popen([*command, str(rank)], stderr=subprocess.PIPE, text=True) for rank in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
