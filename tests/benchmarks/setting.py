"""Where the benchmarks run."""

import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
GPU = DEVICE.type == "cuda"


def synchronize():
    if GPU:
        torch.cuda.synchronize()
