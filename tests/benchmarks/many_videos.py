"""Many videos through the whole road: check, cache, training, evaluation; the time and memory of each.

    python tests/benchmarks/many_videos.py FOLDER 200 2000

writes so many videos of 10 seconds below FOLDER (about 1 GB a thousand), and a table in Markdown.
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from footage import write_footage

from rcn_bench.cli.options import positive

REPOSITORY = Path(__file__).parents[2]
SECONDS, LABELS = 10, 4
RUN = "rcn18-t8-xh_random-hh_identity-s0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("counts", type=positive, nargs="+", metavar="VIDEOS")
    parser.add_argument("--workers", type=positive, default=2)
    options = parser.parse_args()
    make_videos(options.folder, max(options.counts), options.workers)
    rows = {count: stages(options.folder, count, options.workers) for count in options.counts}
    print("| stage |" + "".join(f" {count} videos: seconds | peak MiB |" for count in rows))
    print("|---|" + "---|---|" * len(rows))
    for stage in rows[options.counts[0]]:
        cells = (f" {row[stage][0]:.1f} | {row[stage][1]:.0f} |" for row in rows.values())
        print(f"| {stage} |" + "".join(cells))


def make_videos(folder: Path, count: int, workers: int) -> None:
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not path_of(folder, number).is_file()]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(partial(make_video, folder), missing, chunksize=4))


def path_of(folder: Path, number: int) -> Path:
    return folder / "videos" / f"{number:06d}.mp4"


def make_video(folder: Path, number: int) -> None:
    temporary = folder / f"{number:06d}.part"
    write_footage(temporary, seed=number, seconds=SECONDS)
    temporary.rename(path_of(folder, number))


def stages(folder: Path, count: int, workers: int) -> dict[str, tuple[float, float]]:
    """Seconds and the memory of the largest process of every command."""
    config, val = experiment(folder, count), count // 10
    for split, numbers in (("train", range(val, count)), ("val", range(val))):
        rows = "".join(f"{number:06d}.mp4,{number % LABELS}\n" for number in numbers)
        (folder / f"{split}{count}.csv").write_text(f"path,label\n{rows}")
    own = ["--config", str(config), "--results", str(folder / "results")]
    threads = ["--workers", str(workers)]
    lists = ["--annotations", str(folder / f"train{count}.csv"), "--root", str(folder / "videos")]
    report = ["--report", str(folder / f"check{count}.csv")]
    return {
        "check": command("data", "check", *lists, *report, *threads),
        "cache of train, with its check": command("data", "cache", *own, "--split", "train", *threads),
        "cache of val, with its check": command("data", "cache", *own, "--split", "val", *threads),
        "verify": command("data", "cache", *own, "--split", "train", "--verify"),
        "train": command("train", RUN, *own),
        "evaluate": command("evaluate", RUN, *own),
    }


def experiment(folder: Path, count: int) -> Path:
    config = yaml.safe_load((REPOSITORY / "config" / "kinetics.yaml").read_text())
    config["name"] = f"many{count}"
    config["data"] |= {
        "annotations": {split: str(folder / f"{split}{count}.csv") for split in ("train", "val")},
        "videos": str(folder / "videos"),
        "max_bad": 0,
        "shard_videos": 100,
    }
    config["clip"] |= {"crop": 64, "evaluation_clips": 4}
    config["train"] |= {"epochs": 1, "frames_per_batch": 64, "autocast": "none", "threads": 1, "workers": 1}
    config["train"] |= {"compile": False, "cuda_graph": False}
    config["tables"]["table3"]["frames"] = [8]
    path = folder / f"many{count}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def command(*arguments: str) -> tuple[float, float]:
    """In a process of its own, which waits for no other, so that its children's peak is this command's."""
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    started = time.perf_counter()
    called = [sys.executable, "-c", measured, sys.executable, "-m", "rcn_bench.cli", *arguments]
    peak = int(subprocess.run(called, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"{' '.join(arguments[:2])}: {time.perf_counter() - started:.1f} s, {peak / 1024:.0f} MiB", file=sys.stderr)
    return time.perf_counter() - started, peak / 1024


if __name__ == "__main__":
    main()
