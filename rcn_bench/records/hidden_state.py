"""The file of a run's hidden-state matrices w_hh: by layer, at the start of training and after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rcn_bench.errors import InputError, refusing
from rcn_bench.records.base import Record, read_hashed
from rcn_bench.records.plain import Signed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MatrixStatistics:
    """Of all elements of a square matrix, and of its diagonal. std: that of the population (divided by n)."""

    mean: Signed
    std: float
    diagonal_mean: Signed
    diagonal_std: float


@dataclass(frozen=True)
class HiddenLayer:
    """w_hh of a recurrent layer. layer: from 1, in the network's order. name: of the parameter.

    relative_change: the Frobenius norm of what training added, as a share of that of the start; None from zero.
    """

    layer: int
    name: str
    channels: int
    trained: MatrixStatistics
    start: MatrixStatistics
    relative_change: float | None


@dataclass(frozen=True, kw_only=True)
class HiddenState(Record):
    """w_hh.json of a run. weights_sha256: of the weights read. matrices_sha256: of w_hh.safetensors, beside it."""

    made_by: ClassVar[str] = "rcn-bench w-hh {path.parent.name}"
    subject: ClassVar[str] = "run"
    beside: ClassVar[Mapping[str, str]] = {"matrices_sha256": "w_hh.safetensors"}

    run: str
    layers: list[HiddenLayer]
    weights_sha256: str
    matrices_sha256: str

    def check(self) -> None:
        numbers = [layer.layer for layer in self.layers]
        if not numbers or numbers != [*range(1, len(numbers) + 1)]:
            raise ValueError(f"layers: numbers {numbers} cannot be")

    def matrices(self, path: Path) -> "list[NDArray[np.float16]]":
        """Those after training, by layer, of a w_hh.safetensors. Errors: InputError if they are not this record's."""
        from safetensors.numpy import load

        again = f"run `{self.command(path)}` again"
        content = read_hashed(path, self.matrices_sha256, self.command(path))
        with refusing(lambda why: InputError(f"{path}: not the matrices of its record ({why}); {again}")):
            tensors = load(content)
            matrices = [tensors[layer.name] for layer in self.layers]
        for layer, matrix in zip(self.layers, matrices, strict=True):
            if matrix.shape != (layer.channels, layer.channels):
                raise InputError(f"{path}: {layer.name}: {matrix.shape} of {layer.channels} channels; {again}")
        return matrices
