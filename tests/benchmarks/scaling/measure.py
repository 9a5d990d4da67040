"""Training steps of one process and of several, in turns; torchrun starts this, a process a GPU.

    PYTHONPATH=.:tests torchrun --standalone --nproc-per-node 2 \
        tests/benchmarks/scaling/measure.py rcn18:8 i3d18:16 --output FILE

The steps are those of training: compiled, one CUDA graph, gradients averaged in it. ``one`` is the first process alone,
while the others wait; ``side by side`` all of them, each for itself; ``together`` all of them on shared batches.
Side by side against one is what GPUs of one machine take from each other; together against that, what gradients cost.
"""

import argparse
import gc
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

import torch
from parts import experiment, keep, with_rates
from torch import Tensor, distributed, nn

from rcn_bench.analysis.steps import network_of
from rcn_bench.cli.options import positive
from rcn_bench.data.batches import AHEAD, TrainingBatches
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EpochOrder, TrainingClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.cuda_graph import captured
from rcn_bench.engine.device import place
from rcn_bench.engine.optimisation import build_step, train_one_epoch
from rcn_bench.engine.repeatable import repeatable
from rcn_bench.engine.step import TrainingStep
from rcn_bench.engine.stops import outlive_term
from rcn_bench.files import SHARED_MEMORY
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.plain import to_plain

LR = 1e-4
GPU = torch.cuda.is_available()
ROUNDS, STEPS = 5, 25 if GPU else 2  # of each way in turn; of a round
EPOCHS, BATCHES = 2, 150 if GPU else 3  # from the cache; of an epoch
SUMS = 200 if GPU else 2  # of gradients, of a round
Way = Callable[[], float]  # returns the seconds of a step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", metavar="MODEL:FRAMES")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results"), help="with the cache of the experiment")
    parser.add_argument("--until", type=float, default=float("inf"), help="start no setting after this time.time()")
    parser.add_argument("--cores", type=positive, help="of each process; then epochs from the cache alone are measured")
    parser.add_argument("--compile-only", action="store_true", help="leave compiled steps for a later call")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    whole = experiment(options.tiny, options.results)
    torch.set_num_threads(whole.train.threads)
    if GPU:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    here = machine(whole)  # with all of its cores
    if options.cores:
        keep_to_cores(options.cores)
    distributed.init_process_group("nccl" if GPU else "gloo")
    process = Process.here()
    if process.is_main and not options.compile_only:
        keep(options.output, process.world, "machine", here)
    rows: list[dict[str, Any]] = []
    bench = Bench(whole, process, options.cores)
    part = f"epochs on {options.cores} cores each" if options.cores else f"steps from {options.settings[0]}"
    for setting in options.settings:
        if process.from_main(time.time() > options.until):
            process.print(f"{setting}: no time left")
            continue
        model, frames = setting.split(":")
        run = Run(model, int(frames), "random", None, 0)
        with repeatable(False, whole.train.compile, process.device):
            measured = bench.compile(run) if options.compile_only else bench.measure(run)
        rows += [with_rates(row, process.world) for row in measured]
        if process.is_main and not options.compile_only:
            keep(options.output, process.world, part, rows)
            print(*map(line, rows[-len(measured) :]), sep="\n", flush=True)
    forget()
    distributed.destroy_process_group()


def keep_to_cores(cores: int) -> None:
    """This process and all that it starts, to a part of the machine's that no other process of the training has."""
    first, all_of_them = cores * int(os.environ["LOCAL_RANK"]), sorted(os.sched_getaffinity(0))
    if len(own := all_of_them[first : first + cores]) < cores:
        raise SystemExit(f"--cores {cores}: the machine has {len(all_of_them)}; give fewer")
    os.sched_setaffinity(0, own)


def machine(whole: Experiment) -> dict[str, Any]:
    """Where it is measured, and what NCCL was told."""
    told = {name: value for name, value in sorted(os.environ.items()) if name.startswith(("NCCL_", "TORCH_NCCL_"))}
    nccl = ".".join(map(str, torch.cuda.nccl.version())) if GPU else None
    return {"origin": to_plain(begin(whole, "steps")), "nccl": nccl, "nccl_settings": told}


def line(row: dict[str, Any]) -> str:
    gradients = row.get("seconds_for_gradients")
    cost = "" if gradients is None else f", gradients {1e3 * gradients:.2f} ms"
    name = f"{row['model']} {row['frames']} frames {row['scaling']} {row['data']}"
    return f"{name}: efficiency {row['efficiency']:.3f}{cost}"


class Bench:
    """The measurements of one process, which all processes make at the same time."""

    def __init__(self, whole: Experiment, process: Process, cores: int | None = None) -> None:
        """cores: that each process keeps to."""
        self.whole, self.process, self.cores = whole, process, cores
        self.alone = Process(0, 1, process.device)
        self.waiting = distributed.new_group(backend="gloo")  # NCCL would let a kernel spin on the GPUs that wait

    def compile(self, run: Run) -> list[dict[str, Any]]:
        self._steps(run)
        return []

    def measure(self, run: Run) -> list[dict[str, Any]]:
        process = self.process
        model, steps, batches, of_steps = self._steps(run)
        whole, share = len(batches["weak"][-1]), len(batches["strong"][-1])
        common = {"model": run.model, "frames": run.frames, "clips_of_one": whole, **of_steps, **self._reduction(model)}
        rows = []
        for scaling, clips in () if self.cores else (("weak", whole), ("strong", share)):
            ways = {
                "one": partial(self._seconds, steps["one", "weak"], batches["weak"]),
                "side by side": partial(self._seconds, steps["one", scaling], batches[scaling]),
                "together": partial(self._seconds, steps["together", scaling], batches[scaling]),
            }
            seconds = self._in_turns(ways, ROUNDS)
            rows.append({**common, "scaling": scaling, "data": "resident", "clips": clips, "seconds": seconds})
        if self.whole.paths.cache("train").is_file():
            workers = process.from_main(self._workers(batches["weak"]))
            ways = {
                "one": self._epochs(run, self.alone, steps["one", "weak"], workers),
                "together": self._epochs(run, process, steps["together", "weak"], workers),
            }
            seconds = self._in_turns(ways, EPOCHS)
            kept = {"data": "cache", "workers_of_each": workers, "clips": whole, "seconds": seconds}
            rows.append({**common, "scaling": "weak", **kept})
        return rows

    def _steps(self, run: Run) -> tuple[nn.Module, dict[tuple[str, str], TrainingStep], dict[str, list[Tensor]], dict]:
        """The model, its steps by who takes them and how batches are shared, the batches, and what rows say of them."""
        forget()
        torch.manual_seed(0)
        model = place(network_of(run, self.whole), self.process.device).train()
        whole = self._batch(run)
        share = [part[: len(part) // self.process.world].clone() for part in whole]
        batches = {"weak": whole, "strong": share}
        steps, peaks = {}, {}
        for scaling in batches:
            for name, process in (("one", self.alone), ("together", self.process)):
                steps[name, scaling], bytes_more = self._built(model, process, batches[scaling])
                peaks[f"{name}, {scaling}"] = bytes_more and bytes_more + bytes_of(model, batches[scaling])
        ways = {"compiled": lambda step: step._forward != step._loss_and_right}
        ways["cuda_graph"] = lambda step: step._step != step._plain_step
        built = {name: all(map(way, steps.values())) for name, way in ways.items()}  # which a machine can refuse
        return model, steps, batches, {"peak_memory_bytes": peaks, **built}

    def _batch(self, run: Run) -> list[Tensor]:
        device, clips = self.process.device, self.whole.clips_per_batch(run)
        box = Augmentation.of(self.whole).box
        boxes = torch.randint(0, 256, (clips, run.frames, box, box, 3), dtype=torch.uint8, device=device)
        return [boxes, torch.eye(2, 3, device=device).repeat(clips, 1, 1), torch.arange(clips, device=device) % 8]

    def _built(self, model: nn.Module, process: Process, batch: Sequence[Tensor]) -> tuple[TrainingStep, int | None]:
        """A step that is compiled and captured, and the most bytes that it has taken beside what was there."""
        before = 0
        if GPU:
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
        step = build_step(model, self.whole, process)
        step(batch, LR)
        return step, torch.cuda.max_memory_allocated() - before if GPU else None

    def _seconds(self, step: TrainingStep, batch: Sequence[Tensor]) -> float:
        return seconds_of(lambda: step(batch, LR), STEPS)

    def _reduction(self, model: nn.Module) -> dict[str, Any]:
        """Bytes of gradients, and seconds to average them, and to add them up alone, with nothing to wait for."""
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        gradients = [torch.zeros_like(parameter) for parameter in weights]

        def average() -> None:
            for parameter, gradient in zip(weights, gradients, strict=True):
                parameter.grad = gradient
            self.process.average_gradients(weights)

        flat = torch.cat([parameter.flatten() for parameter in weights]).zero_()
        calls = {
            "average_seconds": average,
            "all_reduce_seconds": partial(distributed.all_reduce, flat),
        }
        if GPU:
            calls = {name: captured(call, []) for name, call in calls.items()}
        ways = {name: partial(seconds_of, call, SUMS) for name, call in calls.items()}
        return {"gradient_bytes": flat.nbytes, **self._in_turns(ways, ROUNDS)}

    def _workers(self, batch: Sequence[Tensor]) -> int:
        """Of each process: its share of the cores, but for itself and one that is left; fewer if memory is short."""
        cores = (self.cores or len(os.sched_getaffinity(0)) // self.process.world) - 2
        room = disk_usage(SHARED_MEMORY).free / (2 * self.process.world * sum(part.nbytes for part in batch))
        return max(min(cores, int(room - 1) // AHEAD), 1)

    def _epochs(self, run: Run, process: Process, step: TrainingStep, workers: int) -> Way:
        """An epoch of training on as many clips of each process as one has alone, read from the cache."""
        clips = self.whole.clips_per_batch(run)
        layout = ClipLayout(run.frames, self.whole.clip.stride)
        shown = TrainingClips(Cache(self.whole.paths.cache("train")), layout, Augmentation.of(self.whole), seed=0)
        wanted = BATCHES * clips * process.world
        shown.videos = (shown.videos * -(-wanted // len(shown.videos)))[:wanted]
        own = {"workers": workers, "pinned": GPU, "worker_init": outlive_term}
        made = TrainingBatches(EpochOrder(shown), clips * process.world, rank=process.rank, world=process.world, **own)
        return lambda: train_one_epoch(step, made, [LR] * BATCHES, 1, run.name).seconds / BATCHES

    def _in_turns(self, ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
        """Seconds of a step by way, of the slowest process, one for each round after one to warm up."""
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds + 1):
            for name, way in ways.items():
                distributed.barrier(self.waiting)
                own = way() if self.process.is_main or name != "one" else 0.0
                of_all = [0.0] * self.process.world
                distributed.all_gather_object(of_all, own, self.waiting)
                seconds[name].append(max(of_all))
        return {name: of_rounds[1:] for name, of_rounds in seconds.items()}


def forget() -> None:
    """The steps before, what was compiled for them, and their graphs, which hold the group of processes."""
    torch.compiler.reset()
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()


def seconds_of(function: Callable[[], object], calls: int) -> float:
    synchronize()
    begun = time.perf_counter()
    for _ in range(calls):
        function()
    synchronize()
    return (time.perf_counter() - begun) / calls


def synchronize() -> None:
    if GPU:
        torch.cuda.synchronize()


def bytes_of(model: nn.Module, batch: Sequence[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in (*model.state_dict().values(), *batch))


if __name__ == "__main__":
    main()
