"""A figure, and its files: PNG, PDF, the numbers behind it, and a record of where it comes from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from rcn_bench.plan.run import Run
from rcn_bench.provenance import Origin
from rcn_bench.records.base import write_hashed
from rcn_bench.records.products import FigureRecord


@dataclass(frozen=True)
class Drawing:
    """A figure and the numbers behind it. Make it with ``new_figure``, which needs no screen and nothing closed."""

    figure: Figure
    numbers: pd.DataFrame

    def write(self, path: Path, origin: Origin, runs: Sequence[Run]) -> None:
        """Write path.csv (the numbers, to six digits), path.pdf, path.png and path.json (its record)."""
        contents = {"csv": self.csv().encode()}
        for suffix in ("pdf", "png"):
            drawn = BytesIO()  # on a full disk matplotlib's own clean-up would hide why it failed
            self.figure.savefig(drawn, format=suffix, dpi=150)
            contents[suffix] = drawn.getvalue()
        FigureRecord(
            origin=origin,
            name=path.name,
            files={suffix: write_hashed(path.with_suffix(f".{suffix}"), one) for suffix, one in contents.items()},
            runs=[run.name for run in runs],
        ).write(path.with_suffix(".json"))

    def csv(self) -> str:
        """The numbers, to six digits."""
        return self.numbers.to_csv(index=False, float_format="%.6g")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


@contextmanager
def house_style() -> Iterator[None]:
    """While it holds, figures are drawn and written in the style that all of ours share."""
    with mpl.rc_context():
        sns.set_theme(style="whitegrid", palette="colorblind")
        yield
