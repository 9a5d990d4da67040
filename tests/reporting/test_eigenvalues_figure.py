"""The figure of w_hh's eigenvalues and the half-lives they give the state."""

import numpy as np
import pytest
from written import drawn_figure

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged, update
from rcn_bench.plan.products import find_product
from rcn_bench.reporting.eigenvalues import eigenvalues, half_lives
from results import write_own_hidden_state

RNG = np.random.default_rng(0)


def rotation(size, angle):
    c, s = size * np.cos(angle), size * np.sin(angle)
    return np.array([[c, -s], [s, c]])


def of_eigenvalues(*blocks):
    """A matrix of these blocks in another basis, which leaves its eigenvalues."""
    channels = sum(map(len, blocks))
    matrix, at = np.zeros((channels, channels)), 0
    for block in blocks:
        matrix[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    turn, _ = np.linalg.qr(RNG.normal(size=matrix.shape))
    return (turn @ matrix @ turn.T).astype(np.float32)


LAYERS = [
    np.diag([2 * 2**-0.5, 1.0, 0.5]).astype(np.float32),  # half-lives of 2, 1 and 1/2 frames
    of_eigenvalues(rotation(1.0, 0.3), rotation(2 * 2**-0.1, 1.0)),  # 1 and 10
    of_eigenvalues(rotation(2.1, 0.5), rotation(1.0, 0.2), [[1.0]]),  # never, and 1
]


@pytest.fixture
def make(tmp_path):
    """A function: an experiment that draws the figure, its runs with LAYERS after training."""

    def make(section, changes=None):
        config = merged(["config/mini.yaml"])
        update(config, {"figures": {"figure2": None, "eigenvalues": section}} | (changes or {}))
        experiment = check_config(config, "config", tmp_path)
        for run in find_product(experiment, "eigenvalues", "figure").runs():
            write_own_hidden_state(experiment, run, [np.eye(len(w), dtype=np.float32) for w in LAYERS], LAYERS)
        return experiment

    return make


@pytest.mark.slow
def test_half_lives_are_those_of_known_eigenvalues(make):
    numbers = drawn_figure(make({"model": "rcn18", "frames": 8, "w_hh": ["identity"]}), "eigenvalues")
    assert list(numbers["layer"]) == [1, 2, 3]
    np.testing.assert_allclose(numbers["half_life_median"], [1, (1 / -np.log2((1 + 2**0.9) / 4)), 1], rtol=2e-3)
    np.testing.assert_allclose(numbers["half_life_longest"], [2, 10, np.inf], rtol=1e-2)
    np.testing.assert_allclose(numbers["largest_modulus"], [2**0.5, 2**0.9, 2.1], rtol=1e-3)
    np.testing.assert_allclose(numbers["largest_imaginary_part"], [0, 2**0.9 * np.sin(1), 2.1 * np.sin(0.5)], rtol=2e-3)
    assert set(numbers["run"]) == {"rcn18-t8-xh_stills-hh_identity-s0"}


def test_a_plain_sum_is_not_halved(make):
    listed = {"models": {"rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}}}
    experiment = make({"model": "rcn18+sum", "frames": 8, "w_hh": ["identity"]}, listed)
    numbers = eigenvalues(find_product(experiment, "eigenvalues", "figure")).numbers
    assert np.isinf(numbers["half_life_longest"]).all()


@pytest.mark.parametrize(("modulus", "frames"), [(0, 0), (0.5, 0.5), (1, 1), (2**0.5, 2), (2, np.inf), (3, np.inf)])
def test_half_lives(modulus, frames):
    assert half_lives(np.array(float(modulus)), 2.0) == pytest.approx(frames)


def test_each_start_has_a_row_with_the_first_a_middle_and_the_last_layer(make):
    experiment = make({"model": "rcn18", "frames": 8, "seeds": 2}, {"seeds": [0, 1, 2]})
    product = find_product(experiment, "eigenvalues", "figure")
    assert [run.seed for run in product.rows()["random"]] == [0, 1]
    drawing = eigenvalues(product)
    titles = [axis.get_title() for axis in drawing.figure.axes]
    layers = ["layer 1, 3 channels", "layer 2, 4 channels", "layer 3, 5 channels"]
    assert titles == 2 * [*layers, "half-life of the state, frames"]
    points = drawing.figure.axes[1].collections[0].get_offsets()
    found = sorted(np.hypot(*np.asarray(points).T))
    np.testing.assert_allclose(found, [1, 1, 2**0.9, 2**0.9], rtol=1e-3)
    assert drawing.figure.get_supxlabel().endswith("Arrows: layers where a state never halves.")


def test_what_does_not_recur_has_none(make):
    with pytest.raises(InputError, match=r"models\.c2d18\.w_hh lacks random, which figures\.eigenvalues needs"):
        make({"model": "c2d18", "frames": 8})
