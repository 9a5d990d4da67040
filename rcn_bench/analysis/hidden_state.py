"""Statistics of the hidden-state matrices w_hh, layer by layer (supplement section 3)."""

import pandas as pd
import torch
from torch import Tensor


def hidden_state_statistics(matrices: list[Tensor]) -> pd.DataFrame:
    """One row a recurrent layer, from 1: its width, mean and std of w_hh, mean and std of w_hh's diagonal.

    std is that of the population (divided by n), as for the identity: sqrt(1/C - 1/C^2).
    """
    rows = []
    for layer, w_hh in enumerate(matrices, start=1):
        diagonal = w_hh.diagonal()
        rows.append(
            {
                "layer": layer,
                "channels": len(w_hh),
                "mean": float(w_hh.mean()),
                "std": float(torch.std(w_hh, correction=0)),
                "diagonal_mean": float(diagonal.mean()),
                "diagonal_std": float(torch.std(diagonal, correction=0)),
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
