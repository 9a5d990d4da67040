"""The hidden-state matrices w_hh, layer by layer, and what training made of them (supplement section 3)."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from rcn_bench.engine.build import build_model, require_unchanged, weights_hash
from rcn_bench.engine.room import room_for
from rcn_bench.errors import InputError, refusing
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.base import write_hashed
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState, MatrixStatistics
from rcn_bench.records.origins import begin, require_own
from rcn_bench.records.plain import Signed
from rcn_bench.records.weights import Card

Matrix = NDArray[np.floating]


def measure_hidden_state(run: Run, experiment: Experiment) -> None:
    """Compare a run's w_hh with those that it started from; writes w_hh.safetensors and, last, w_hh.json.

    The matrices after training are kept as float16, statistics are of the weights themselves.
    Errors: InputError for a run without w_hh, weights that are missing, not finite, too large for float16 or of
    another config, or if there is too little memory.
    """
    with room_for(f"the network of {run.name}", "use a machine with more"):
        _measure(run, experiment)


def _measure(run: Run, experiment: Experiment) -> None:
    path, place = experiment.paths.weights(run), experiment.paths.hidden_state(run)
    sha256, card = weights_hash(path), Card.of(path)
    require_own(card.origin, experiment, "train", run.name, path)
    if not card.recurrent_layers:
        raise InputError(f"{run.name}: {run.model} has no w_hh; take a run of a recurrent model")
    origin = begin(experiment, "w_hh", run.name, [(path, sha256)])
    trained, start = hidden_matrices(path), matrices_at_start(run, experiment, card)
    require_unchanged(path, sha256)
    layers = [
        HiddenLayer(
            layer=number,
            name=name,
            channels=len(after),
            trained=statistics(after),
            start=statistics(before),
            relative_change=relative_change(before, after),
        )
        for number, (name, before, after) in enumerate(zip(card.recurrent_layers, start, trained, strict=True), start=1)
    ]
    halves = {name: _halved(w_hh, f"{path}: {name}") for name, w_hh in zip(card.recurrent_layers, trained, strict=True)}
    HiddenState(
        origin=origin,
        run=run.name,
        layers=layers,
        weights_sha256=sha256,
        matrices_sha256=write_hashed(place.with_suffix(".safetensors"), save(halves)),
    ).write(place)


def hidden_matrices(weights: Path) -> list[Matrix]:
    """The w_hh matrices of a run's model.safetensors, first recurrent layer to last, as its card has them.

    Errors: InputError if it is missing or any other file, or if a number in one is not finite.
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


def matrices_at_start(run: Run, experiment: Experiment, card: Card) -> list[Matrix]:
    """Those that the run's training started from, drawn as it draws them: after its seed, nothing but the network."""
    torch.manual_seed(run.seed)
    parameters = dict(build_model(run, experiment, len(card.labels)).named_parameters())
    return [parameters[layer].detach().numpy() for layer in card.recurrent_layers]


def statistics(w_hh: Matrix) -> MatrixStatistics:
    """Summed in float64."""
    diagonal = np.diagonal(w_hh)
    return MatrixStatistics(
        mean=Signed(float(w_hh.mean(dtype=np.float64))),
        std=float(w_hh.std(dtype=np.float64)),
        diagonal_mean=Signed(float(diagonal.mean(dtype=np.float64))),
        diagonal_std=float(diagonal.std(dtype=np.float64)),
    )


def relative_change(before: Matrix, after: Matrix) -> float | None:
    """||after - before|| / ||before||, Frobenius norms in float64; None from zero."""
    start = before.astype(np.float64)
    norm = np.linalg.norm(start)
    return float(np.linalg.norm(after - start) / norm) if norm > 0 else None


def _halved(w_hh: Matrix, what: str) -> NDArray[np.float16]:
    largest = float(np.abs(w_hh).max())
    if largest > (most := float(np.finfo(np.float16).max)):
        raise InputError(f"{what}: {largest:g} is beyond float16's {most:g}; train the run again with a lower train.lr")
    return w_hh.astype(np.float16)
