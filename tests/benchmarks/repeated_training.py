"""Do trainings give the same bits twice, and what does it cost? Each model trained in processes of its own.

    python tests/benchmarks/repeated_training.py [MODEL ...] --output FILE

trains every model for some steps, compiled and in one CUDA graph where there is a GPU, twice as fast as it can and
twice with train.deterministic, each time with an empty cache of the compiler; compares the sha256 of all weights, then
times both ways. Prints a table in Markdown and writes its rows as JSON. --once: ways that need not be compared.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rcn_bench.cli.options import positive

MODELS = ["c2d18", "rcn18", "i3d18", "r2plus1d18", "i3d18_causal", "rcn34", "rcn50", "i3d50", "i3d50_nl", "s3d"]
MODELS += ["inception_i3d"]
STEPS, FRAMES = 12, 8
WAYS = {"fastest": False, "deterministic": True}
TIMED_SECONDS, ROUNDS = 2.0, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, metavar="MODEL")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--processes", type=positive, default=4)
    parser.add_argument("--frames-per-batch", type=positive, default=512)
    parser.add_argument("--crop", type=positive, default=112)
    parser.add_argument("--eager", action="store_true", help="neither compiled nor in a CUDA graph")
    parser.add_argument("--once", choices=WAYS, nargs="*", default=[])
    parser.add_argument("--one", metavar="WAY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        train_and_time(options.models[0], WAYS[options.one], options)
        return
    print("| model | same bits, fastest | same bits, deterministic | ms a step, fastest | deterministic | ratio |")
    print("|---|---|---|---|---|---|", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as caches, ThreadPoolExecutor(options.processes) as pool:
        times_each = {way: 1 if way in options.once else 2 for way in WAYS}
        jobs = [(model, way, i) for model in options.models for way in WAYS for i in range(times_each[way])]
        hashes = list(pool.map(lambda job: in_process(*job, options, Path(caches), timed=False), jobs))
        told = (f"{model} {way} {each.get('sha256', each)}" for (model, way, _), each in zip(jobs, hashes, strict=True))
        print(*told, sep="\n", file=sys.stderr)
        for model in options.models:
            found = {way: [h for job, h in zip(jobs, hashes, strict=True) if job[:2] == (model, way)] for way in WAYS}
            times = {way: in_process(model, way, 0, options, Path(caches), timed=True) for way in WAYS}
            rows.append(row(model, found, times))
            print(line(rows[-1]), flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=2) + "\n")


def row(model: str, found: dict, times: dict) -> dict:
    """found: by way, what two processes printed; times: by way, what a third one did."""
    all_hashes = {way: [each.get("sha256") for each in found[way]] for way in WAYS}
    result: dict = {"model": model}
    for way in WAYS:
        result[f"{way}_sha256"] = all_hashes[way]
        result[f"{way}_ms"] = times[way].get("ms")
        result[f"{way}_problem"] = next(
            (each["problem"] for each in [*found[way], times[way]] if "problem" in each), None
        )
    return result


def line(row: dict) -> str:
    hashes = [row[f"{way}_sha256"] for way in WAYS]
    same = ["-" if None in each or len(each) < 2 else len(set(each)) == 1 for each in hashes]
    fastest, deterministic = (row[f"{way}_ms"] for way in WAYS)
    ratio = f"{deterministic / fastest:.2f}" if fastest and deterministic else "-"
    words = {True: "yes", False: "no", "-": "-"}
    problem = row["deterministic_problem"] or row["fastest_problem"]
    cells = [
        row["model"],
        *(words[each] for each in same),
        *(f"{ms:.2f}" if ms else "-" for ms in (fastest, deterministic)),
    ]
    return "| " + " | ".join([*cells, ratio]) + f" |{f' {problem}' if problem else ''}"


def in_process(model: str, way: str, number: int, options: argparse.Namespace, caches: Path, *, timed: bool) -> dict:
    """What one process prints; each of the first two of a way has a compiler's cache of its own."""
    command = [sys.executable, __file__, model, "--one", way, "--crop", str(options.crop)]
    command += ["--frames-per-batch", str(options.frames_per_batch), *(["--eager"] if options.eager else [])]
    cache = caches / f"{model}-{way}-{number}"
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(cache), "TRITON_CACHE_DIR": str(cache / "triton")}
    environment |= {"TIMED": "1" if timed else "", "TORCHINDUCTOR_COMPILE_THREADS": "4"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return {"problem": (done.stderr.strip().splitlines() or ["died"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def train_and_time(model: str, deterministic: bool, options: argparse.Namespace) -> None:
    import torch

    from rcn_bench.data.transforms import warp
    from rcn_bench.engine.device import place
    from rcn_bench.engine.optimisation import parameter_groups
    from rcn_bench.engine.repeatable import repeatable
    from rcn_bench.engine.step import Autocast, TrainingStep
    from rcn_bench.models import create_model

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fast = device.type == "cuda" and not options.eager
    torch.manual_seed(0)
    torch.set_num_threads(1 if device.type == "cpu" else torch.get_num_threads())
    with repeatable(deterministic, fast, device):
        net = place(create_model(model, 400), device).train()
        groups = parameter_groups(net, 1e-4, 0.0)
        optimizer = torch.optim.SGD(groups, 0.05, 0.9, fused=True)
        prepare = partial(warp, crop=options.crop)
        step = TrainingStep(net, optimizer, Autocast("bfloat16", device), prepare, compiled=fast, cuda_graph=fast)
        clips, box = options.frames_per_batch // FRAMES, options.crop + 20
        generator = torch.Generator().manual_seed(1)
        boxes = torch.randint(0, 256, (STEPS, clips, FRAMES, box, box, 3), dtype=torch.uint8, generator=generator)
        maps = torch.eye(2, 3).repeat(clips, 1, 1) + 0.05 * torch.randn(clips, 2, 3, generator=generator)
        classes = torch.randint(0, 400, (STEPS, clips), generator=generator)
        for i in range(STEPS):
            step([boxes[i].to(device), maps.to(device), classes[i].to(device)], 0.05 * (i + 1) / STEPS)
        digest = hashlib.sha256()
        for name, tensor in sorted(net.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        ms = None
        if os.environ.get("TIMED"):
            batch = [boxes[0].to(device), maps.to(device), classes[0].to(device)]
            ms = timed(lambda: step(batch, 0.0), torch.cuda.synchronize if device.type == "cuda" else lambda: None)
    print(json.dumps({"sha256": digest.hexdigest(), "ms": ms}))


def timed(step, synchronize) -> float:
    """Milliseconds a step: the median of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        synchronize()
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < TIMED_SECONDS / ROUNDS:
            for _ in range(5):
                step()
            synchronize()
            count += 5
        rounds.append((time.perf_counter() - started) / count * 1000)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
