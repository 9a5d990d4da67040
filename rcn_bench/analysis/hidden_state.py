"""Statistics of the hidden-state matrices w_hh, layer by layer (supplement section 3)."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open

Matrix = NDArray[np.floating]


def hidden_matrices(weights: Path) -> list[Matrix]:
    """The w_hh matrices of a trained model's file, from the first recurrent layer to the last.

    Read without torch, so that a figure is drawn in a moment. Errors: OSError if the file is missing.
    """
    with safe_open(weights, framework="numpy") as file:
        names = sorted((name for name in file.keys() if name.endswith(".w_hh")), key=_place_in_network)  # noqa: SIM118
        return [file.get_tensor(name) for name in names]


def _place_in_network(name: str) -> list[tuple[int, str]]:
    """Numbers in a name by value, so that layer1.10 follows layer1.9; the file sorts its names as text."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


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
