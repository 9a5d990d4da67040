"""What other counters say of four networks, in 1e9 of their units; the table of docs/counting.md.

pip install --target others --no-deps fvcore==0.1.5.post20221221 iopath==0.1.10 yacs==0.1.8 portalocker termcolor
pip install --target others --no-deps ptflops==0.7.5 thop==0.1.1.post2209072238 torchinfo==1.8.0
pip install --target others --no-deps calflops==0.3.2 accelerate
pip install --target others transformers huggingface_hub  # which calflops imports
PYTHONPATH=.:others python tests/gmacs_of_others.py
"""

import contextlib
import logging
import warnings
from importlib.metadata import version

import torch
from torchvision.models.video import r2plus1d_18, r3d_18

from rcn_bench.analysis.cost import count_gmacs
from rcn_bench.models import create_model

CLIP = (3, 8, 112, 112)
MODELS = {
    "r3d_18": r3d_18,
    "r2plus1d_18": r2plus1d_18,
    "rcn18": lambda: create_model("rcn18"),
    "i3d50_nl": lambda: create_model("i3d50_nl"),
}


def of_torch(model, clip):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(clip)
    return counter.get_total_flops()


def of_fvcore(model, clip):
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(model, clip).total()


def of_ptflops(backend):
    from ptflops import get_model_complexity_info

    return lambda model, clip: get_model_complexity_info(model, CLIP, False, False, backend=backend)[0]


def of_thop(model, clip):
    from thop import profile

    return profile(model, (clip,), verbose=False)[0]


def of_torchinfo(model, clip):
    from torchinfo import summary

    return summary(model, input_data=clip, verbose=0).total_mult_adds


def of_calflops(model, clip):
    from calflops import calculate_flops

    return calculate_flops(model, tuple(clip.shape), output_as_string=False, print_results=False)[1]


COUNTERS = {
    "rcn_bench": lambda model, clip: 1e9 * count_gmacs(model, clip),
    f"torch {version('torch')}, FlopCounterMode, FLOPs": of_torch,
    f"fvcore {version('fvcore')}": of_fvcore,
    f"ptflops {version('ptflops')}": of_ptflops("pytorch"),
    f'ptflops {version("ptflops")}, backend="aten"': of_ptflops("aten"),
    f"thop {version('thop')}": of_thop,
    f"torchinfo {version('torchinfo')}": of_torchinfo,
    f"calflops {version('calflops')}, MACs": of_calflops,  # the last, since it patches torch
}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    print("| counter |", " | ".join(f"`{name}`" for name in MODELS), "|")
    print("|---" * (1 + len(MODELS)) + "|")
    for counter, count in COUNTERS.items():
        counts = []
        for build in MODELS.values():
            with contextlib.redirect_stdout(None):
                counts.append(count(build().eval(), torch.zeros(1, *CLIP)) / 1e9)
        print(f"| {counter} |", " | ".join(f"{value:.3f}" for value in counts), "|", flush=True)


if __name__ == "__main__":
    main()
