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
