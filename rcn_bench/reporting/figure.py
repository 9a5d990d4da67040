"""A figure, and its files: PNG, PDF, SVG, the numbers behind it, and a record of where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from rcn_bench.plan.run import Run
from rcn_bench.provenance import Origin
from rcn_bench.records.base import write_hashed
from rcn_bench.records.products import FigureRecord

# By the suffix of a picture, what matplotlib is to write in it; not the time, so that the same figure is the same file.
PICTURES: Mapping[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "png": {}, "svg": {"Date": None}}


@dataclass(frozen=True)
class Drawing:
    """A figure and the numbers behind it. Make it with ``new_figure``, which needs no screen and nothing closed."""

    figure: Figure
    numbers: pd.DataFrame

    def write(self, path: Path, origin: Origin, runs: Sequence[Run]) -> None:
        """Write path.csv (the numbers, to six digits), path.pdf, path.png, path.svg and path.json (its record)."""
        contents = {"csv": self.csv().encode()}
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # places are found once, for all of them
        for suffix, metadata in PICTURES.items():
            drawn = BytesIO()  # on a full disk matplotlib's own clean-up would hide why it failed
            self.figure.savefig(drawn, format=suffix, metadata=metadata)
            contents[suffix] = _with_palette(drawn) if suffix == "png" else drawn.getvalue()
        FigureRecord(
            origin=origin,
            name=path.name,
            files={suffix: write_hashed(path.with_suffix(f".{suffix}"), one) for suffix, one in contents.items()},
            runs=[run.name for run in runs],
        ).write(path.with_suffix(".json"))

    def csv(self) -> str:
        """The numbers, to six digits."""
        return self.numbers.to_csv(index=False, float_format="%.6g")


def _with_palette(drawn: BytesIO) -> bytes:
    """A PNG in 256 colours, a third of its size: areas keep theirs, edges of lines and letters take the nearest."""
    with_palette = BytesIO()
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
        few.save(with_palette, "png", optimize=True, dpi=picture.info["dpi"])
    return with_palette.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in inches."""
    return Figure(figsize=(width, height), layout="constrained")
