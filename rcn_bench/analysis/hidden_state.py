"""Statistics of the hidden-state matrices w_hh, layer by layer (supplement section 3)."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open

from rcn_bench.errors import InputError, refusing
from rcn_bench.records.weights import Card

Matrix = NDArray[np.floating]


def hidden_matrices(weights: Path) -> list[Matrix]:
    """The w_hh matrices of a run's model.safetensors, first recurrent layer to last, as its card has them.

    Read without torch, so that a figure is drawn in a moment. Errors: InputError if it is missing or any other file, or
    if a number in one is not finite.
    """
    layers = Card.of(weights).recurrent_layers
    foreign = f"{weights}: other layers than its card names"
    with refusing(lambda why: InputError(f"{foreign} ({why}); train the run again")):
        with safe_open(weights, framework="numpy") as file:
            matrices = [file.get_tensor(layer) for layer in layers]
        for layer, matrix in zip(layers, matrices, strict=True):
            if matrix.shape != (len(matrix), len(matrix)):
                raise ValueError(f"{layer} is no square matrix")
            if not np.isfinite(matrix).all():
                raise InputError(f"{weights}: {layer}: not all of its values are finite; train the run again")
    return matrices


def hidden_state_statistics(matrices: list[Matrix]) -> pd.DataFrame:
    """One row a recurrent layer, from 1: its width, mean and std of w_hh, mean and std of w_hh's diagonal.

    std is that of the population (divided by n), as for the identity: sqrt(1/C - 1/C^2).
    """
    rows = []
    for layer, w_hh in enumerate(matrices, start=1):
        diagonal = np.diagonal(w_hh)
        rows.append(
            {
                "layer": layer,
                "channels": len(w_hh),
                "mean": float(w_hh.mean()),
                "std": float(w_hh.std()),
                "diagonal_mean": float(diagonal.mean()),
                "diagonal_std": float(diagonal.std()),
            }
        )
    return pd.DataFrame(rows)


def expected_at_start(trained: pd.DataFrame, w_hh: str | None) -> pd.DataFrame:
    """The same statistics before training, in expectation: what trained values must be compared with.

    trained: as returned by hidden_state_statistics; only its widths are read. w_hh: ``random`` or ``identity``.
    """
    c = trained["channels"]
    if w_hh == "identity":
        columns = {"mean": 1 / c, "std": (1 / c - 1 / c**2) ** 0.5, "diagonal_mean": 1.0, "diagonal_std": 0.0}
    else:
        columns = {"mean": 0.0, "std": (2 / c) ** 0.5, "diagonal_mean": 0.0, "diagonal_std": (2 / c) ** 0.5}
    return pd.DataFrame(columns, index=trained.index)
