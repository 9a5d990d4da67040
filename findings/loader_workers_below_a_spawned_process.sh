#!/usr/bin/env bash
# torch 2.14.1: below a process that torch.multiprocessing.spawn has started, a DataLoader's workers are spawned too.
#
# Guess: on Linux, with Python 3.11 to 3.13, a DataLoader forks its workers, whoever started the process that asks for
# them, since nobody told it otherwise.
# Seen: a spawned process takes over the start method that it was itself started by as its default. Each worker of its
# loaders is then a new interpreter that imports torch and the script once more, for seconds at the start of an epoch;
# with torch's launchers for several GPUs it is so in every process.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.6

cat > loader.py <<'P'
import sys

import torch.multiprocessing
from torch.utils.data import DataLoader, Dataset


class Here(Dataset):
    """Whether the process that loads was forked from one that had marked itself, or started anew."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return int(hasattr(sys, "mark"))


def load(rank=0, *_):
    sys.mark = True
    (forked,) = DataLoader(Here(), num_workers=1)
    print("forked" if forked.item() else "spawned", flush=True)


if __name__ == "__main__":
    load()
    torch.multiprocessing.spawn(load, nprocs=1)
P
said=$(venv/bin/python loader.py | paste -sd' ')
[ "$said" = "forked spawned" ] || { echo "changed: $said"; exit 1; }
echo "torch 2.14.1: a loader's worker is forked in the main process, and spawned below one that was spawned"
