"""What a machine can run: each thing that is needed, or that something needs, tried and not looked up where it can."""

import fcntl
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rcn_bench.errors import reason
from rcn_bench.files import MORE_SHARED_MEMORY, SHARED_MEMORY, size_text
from rcn_bench.provenance import installed_version, start

if TYPE_CHECKING:
    from rcn_bench.data.frames import Frames

PACKAGE = "rcn_bench"
DECODED = {  # codecs, by what is lost without them
    "h264": "Kinetics, Diving48 and the embedded data set",
    "vp9": "Something-Something v2",
    "mpeg4": "UCF101 and HMDB51",
    "av1": "videos in AV1",
    "hevc": "videos in H.265",
    "mjpeg": "folders of JPEG pictures, as of Jester",
}
LITTLE_MEMORY, LITTLE_SHARED, LITTLE_DISK = 4 * 10**9, 10**9, 5 * 10**9  # bytes
TIMEOUT = 10  # seconds, for an answer from the network
WIDTHS = (64, 128, 256, 512)  # channels of a ResNet-18's stages
ROUNDING = 0.01  # of a recurrence in bfloat16, relative to its norm; 0.002 on an NVIDIA H200
DO_WITHOUT = "train.autocast: none does without"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing. missing: what is required and not there; lacking: what something needs, not all.

    do: what to do about it.
    """

    verdict: Literal["ok", "lacking", "missing", "not tried"]
    name: str
    found: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:<9}  {self.name:<14}  {self.found}{f'; {self.do}' if self.do else ''}"


def examine(results: Path, *, network: bool) -> Iterator[Finding]:
    """results: the folder that is to hold results. network: whether to ask for weights that would be downloaded."""
    machine = start(with_torch=False).machine
    yield Finding("ok", "Python", machine.python)
    yield from _packages()
    yield from _torch()
    yield Finding("ok", "processor", f"{machine.cpu}, {machine.cores} cores for this process")
    yield _memory()
    yield _shared_memory()
    yield from _disk(results)
    yield from _video()
    yield _jpeg()
    yield from _tools()
    yield _weights() if network else Finding("not tried", "network", "whether ImageNet weights come", "add --network")


def _packages() -> Iterator[Finding]:
    """Those that this package names, with their versions."""
    try:
        from packaging.requirements import Requirement

        needed = [Requirement(text) for text in requires(PACKAGE) or []]
    except (PackageNotFoundError, ImportError):
        yield Finding("missing", "packages", f"{PACKAGE} is not installed here", "pip install -e . in its checkout")
        return
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    fitting = 0
    for each in needed:
        found = installed_version(each.name)
        if found and each.specifier.contains(found):
            fitting += 1
        else:
            yield Finding("missing", each.name, found or "not installed", f'pip install "{each}"')
    yield Finding("ok", "packages", f"{fitting} of {len(needed)} that are required, in versions that fit")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: for a library that it lacks
        yield Finding("missing", "torch", reason(error), "install it as https://pytorch.org says for this machine")
        return
    built_for = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPUs alone"
    yield Finding("ok", "torch", f"{torch.__version__}, built for {built_for}")
    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi"):
            yield Finding(
                "lacking", "GPU", "none that torch sees, though nvidia-smi is there", "install a torch for its driver"
            )
        else:
            yield Finding("lacking", "GPU", "none, so all is trained on the processor", "fine for mini and smoke")
        return
    for number in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(number)
        told = f"{card.name}, {size_text(card.total_memory)}"
        try:
            torch.ones(2, 2, device=f"cuda:{number}").square().sum().item()
        except (RuntimeError, AssertionError) as error:
            yield Finding("missing", "GPU", f"{told}: {reason(error)}", "install a torch that still knows this card")
        else:
            yield Finding("ok", "GPU", told)
            yield recurrence_on(f"cuda:{number}")


def recurrence_on(device: str) -> Finding:
    """The recurrence in bfloat16, held against float64, since its kernels meet cards that nobody has tried."""
    import torch

    from rcn_bench.ops import recurrent_scan
    from rcn_bench.ops.choice import fused_kernels
    from rcn_bench.ops.reference import reference_scan

    fused = []
    for channels in WIDTHS:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(8, 64, channels, generator=generator).to(device, torch.bfloat16)
        w_hh = (torch.randn(channels, channels, generator=generator) / channels**0.5).to(device, torch.bfloat16)
        try:
            wanted = reference_scan(x.double(), w_hh.double())
            off = ((recurrent_scan(x, w_hh).double() - wanted).norm() / wanted.norm()).item()
        except Exception as error:  # of the compiler, the launch or the products, as without bfloat16
            return Finding("lacking", "recurrence", f"{channels} channels on {device}: {reason(error)}", DO_WITHOUT)
        if not off < ROUNDING:
            found = f"{channels} channels on {device}: off by {off:.1%}"
            return Finding("missing", "recurrence", found, f"report it; {DO_WITHOUT}")
        fused += [channels] * (fused_kernels(x) is not None)
    if len(fused) == len(WIDTHS):
        return Finding("ok", "recurrence", f"in bfloat16 by fused kernels on {device}")
    others = ", ".join(str(channels) for channels in WIDTHS if channels not in fused)
    found = f"in bfloat16 on {device}: a matrix product per step for {others} channels"
    return Finding("lacking", "recurrence", found, "slower than fused kernels, as exact")


def _memory() -> Finding:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = min([free, *_limit_of_container()])
    return _room("memory", free, LITTLE_MEMORY, "lower train.frames_per_batch, or run fewer jobs at a time")


def _limit_of_container() -> Iterator[int]:
    """What is left of it, where there is one."""
    folder = Path("/sys/fs/cgroup")
    try:
        yield int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # none, or "max"
        return


def _shared_memory() -> Finding:
    if not SHARED_MEMORY.is_dir():
        return Finding("lacking", "shared memory", f"no {SHARED_MEMORY}", "leave train.workers at 0")
    free = shutil.disk_usage(SHARED_MEMORY).free
    return _room("shared memory", free, LITTLE_SHARED, f"use few train.workers, or {MORE_SHARED_MEMORY}")


def _room(name: str, free: int, little: int, do: str) -> Finding:
    enough = free >= little
    return Finding("ok" if enough else "lacking", name, f"{size_text(free)} free", "" if enough else do)


def _disk(results: Path) -> Iterator[Finding]:
    folder = next(path for path in (results, *results.absolute().parents) if path.exists())
    do = "name another folder with --results; `rcn-bench check` says what an experiment takes"
    yield _room("disk", shutil.disk_usage(folder).free, LITTLE_DISK, do)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        yield Finding("missing", "results", f"{folder}: no file can be written and locked there ({error.strerror})", do)
    else:
        yield Finding("ok", "results", f"{folder}: files can be written and locked")


def _video() -> Iterator[Finding]:
    try:
        import av
    except (ImportError, OSError) as error:
        yield Finding("missing", "video", reason(error), 'pip install "av>=18.1"')
        return
    lacking = {codec: of for codec, of in DECODED.items() if not _has(av.codec.Codec, codec)}
    if known := [codec for codec in DECODED if codec not in lacking]:
        yield Finding("ok", "video", f"PyAV {av.__version__} decodes {', '.join(known)}")
    for codec, of in lacking.items():
        yield Finding("lacking", "video", f"no decoder of {codec}, for {of}", "install PyAV from PyPI, which has all")
    yield _lossless()


def _has(codec: Callable[..., Any], name: str) -> bool:
    try:
        codec(name, "r")
    except ValueError:
        return False
    return True


def _lossless() -> Finding:
    """Of the embedded data set, a video and its reversal, which must be each other's to the bit."""
    name = "embedded data"
    try:
        import numpy as np

        frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
        forth, back = _written_and_read(frames), _written_and_read(frames[::-1])
    except Exception as error:  # FFmpeg fails in many ways
        return Finding("missing", name, f"no H.264 can be written ({reason(error)})", "install PyAV from PyPI")
    if not np.array_equal(forth, back[::-1]):
        return Finding("missing", name, "a reversed video is not the reverse of its frames", "install PyAV from PyPI")
    return Finding("ok", name, "lossless H.264 is written and read, and reversed videos are exact")


def _written_and_read(frames: "Frames") -> list[Any]:
    import av

    from rcn_bench.data.media.files import write_lossless

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write_lossless(path, frames, 8)
        with av.open(str(path)) as container:
            return [frame.to_ndarray() for frame in container.decode(video=0)]


def _jpeg() -> Finding:
    """As a cache with data.jpeg_quality is written and read."""
    import io

    try:
        import torch
        from PIL import Image
        from torchvision.io import decode_jpeg

        buffer = io.BytesIO()
        Image.new("RGB", (16, 16)).save(buffer, "JPEG")
        decode_jpeg(torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8))
    except (ImportError, OSError, RuntimeError) as error:
        return Finding("lacking", "JPEG", f"torchvision reads none ({reason(error)})", "leave data.jpeg_quality out")
    return Finding("ok", "JPEG", "written by Pillow, read by torchvision")


def _tools() -> Iterator[Finding]:
    """Programs that something uses; Snakemake lies beside this Python, activated or not."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for program, why, do in (
        ("snakemake", "runs the workflow", "pip install snakemake"),
        ("git", "commits stand in the records of results", "install it, if you change the code"),
        ("c++", "torch.compile on a processor (train.compile)", "install g++, or leave train.compile at false"),
        ("make", "`make all` and the like", "call snakemake itself"),
    ):
        found = shutil.which(program, path=places)
        yield Finding("ok", program, why) if found else Finding("lacking", program, f"not found; {why}", do)


def _weights() -> Finding:
    do = "download the file elsewhere and name it under weights_files"
    try:
        from torchvision.models import ResNet18_Weights

        url = ResNet18_Weights.IMAGENET1K_V1.url
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT):
            return Finding("ok", "network", f"{url} can be downloaded")
    except (ImportError, OSError) as error:
        return Finding("lacking", "network", f"no ImageNet weights ({reason(error)})", do)
