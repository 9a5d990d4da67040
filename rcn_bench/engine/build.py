"""From a run to its model: the plugins that register a user's own models, options, initial or trained weights."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from rcn_bench.code import load_plugins
from rcn_bench.engine.room import room_for
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model, model_options, require_options
from rcn_bench.models.init import read_state_dict
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import OPTION_WORDS, Run
from rcn_bench.records.weights import Card


class Weights(NamedTuple):
    """A network with the weights of a file, the card of that file and its sha256."""

    model: nn.Module
    card: Card
    sha256: str


def require_model(run: Run, experiment: Experiment) -> None:
    """Errors: InputError for an unknown model, or an option or init that it does not have; nothing is built."""
    load_plugins(experiment.plugins)
    require_options(run.model, architecture(run, experiment.stem_pool) | _start(run, experiment))


def build_model(run: Run, experiment: Experiment, num_classes: int) -> nn.Module:
    """The model of a run with its initial weights; draws from torch's global generator.

    Errors: InputError for an unknown model or init, or a weights file that is missing or of another architecture.
    """
    load_plugins(experiment.plugins)
    return create_model(run.model, num_classes, **architecture(run, experiment.stem_pool), **_start(run, experiment))


def architecture(run: Run, stem_pool: bool) -> dict[str, Any]:
    """The options of a run that shape its network, whatever its weights. Its plugins must have been loaded."""
    options: dict[str, Any] = {}
    if "stem_pool" in model_options(run.model):
        options["stem_pool"] = stem_pool
    for word in run.options:
        options |= OPTION_WORDS[word]
    return options


def _start(run: Run, experiment: Experiment) -> dict[str, Any]:
    """The options of a run that say where its weights start."""
    options: dict[str, Any] = {}
    if "w_xh" in model_options(run.model):
        options = {"w_xh": run.w_xh, "weights_file": initial_weights_file(run, experiment)}
    elif run.w_xh != "random":
        raise InputError(f"{run.name}: {run.model} has no 2D weights to start from; its only w_xh is random")
    if run.w_hh is not None:
        if "w_hh" not in model_options(run.model):
            raise InputError(f"{run.name}: {run.model} has no w_hh to choose; leave it out of models.{run.variant}")
        options["w_hh"] = run.w_hh
    return options


def initial_weights_file(run: Run, experiment: Experiment) -> Path | None:
    """The file that a run's w_xh comes from: None for random weights and for a download by torchvision."""
    if run.w_xh == "stills":
        return experiment.paths.pretrained(experiment.trunk(run.model))
    if run.w_xh == "imagenet":
        path = experiment.weights_files.get(experiment.trunk(run.model))
        return None if path is None else Path(path)
    return None


def load_weights(path: Path) -> Weights:
    """The network of a run's model.safetensors, as its card says.

    Errors: InputError for any other file, or if there is too little memory.
    """
    with room_for(f"{path}: the network of these weights", "use a machine with more"):
        return _weights(path)


def _weights(path: Path) -> Weights:
    sha256 = weights_hash(path)
    card = Card.of(path)
    try:
        run = Run.parse(card.run)
    except InputError as error:
        raise InputError(f"{path}: not the model.safetensors of a run") from error
    try:
        load_plugins(card.plugins)
        model = create_model(run.model, len(card.labels), **architecture(run, card.stem_pool))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    state = read_state_dict(path)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path}: not the weights of {run.name} ({str(error).splitlines()[-1].strip()})") from error
    require_unchanged(path, sha256)
    return Weights(model, card, sha256)


def weights_hash(path: Path) -> str:
    """The sha256 of a weights file. Errors: InputError if it is not there."""
    try:
        return file_hash(path)
    except OSError as error:
        raise InputError(f"{path}: no such weights file ({error.strerror})") from error


def require_unchanged(path: Path, sha256: str) -> None:
    """So that the file that was read is the one that was hashed. Errors: InputError."""
    if weights_hash(path) != sha256:
        raise InputError(f"{path}: changed while it was read; give the command again")
