"""The notebook runs as it stands, draws its three figures, and is committed without what a run leaves in it.

Its code cells are run in one namespace, in its own folder: it uses nothing of IPython's, so that a kernel would only
add packages.
"""

import os
import re
from pathlib import Path

import matplotlib as mpl
import nbformat
import numpy as np
import pytest

NOTEBOOK = Path("notebooks/results.ipynb")
CELLS = nbformat.read(NOTEBOOK, as_version=4).cells
CODE = [cell for cell in CELLS if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def ran():
    """The names that the notebook's cells leave behind."""
    import matplotlib.pyplot as plt

    names, here, backend = {}, os.getcwd(), mpl.get_backend()
    mpl.use("Agg")
    os.chdir(NOTEBOOK.parent)
    try:
        for cell in CODE:
            exec(cell.source, names)
    finally:
        os.chdir(here)
    yield names | {"figures": [plt.figure(number) for number in plt.get_fignums()]}
    plt.close("all")
    mpl.use(backend)


@pytest.mark.slow
def test_three_figures_are_drawn(ran):
    assert len(ran["figures"]) == 3
    for figure in ran["figures"]:
        figure.canvas.draw()


@pytest.mark.slow
def test_the_points_are_those_of_table_1(ran):
    axes = ran["figures"][0].axes
    for axis, folder in zip(axes, ("mini", "standard"), strict=True):
        drawn = sorted(float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() == "o")
        table = ran["results"].tables["table1_init"]
        assert drawn == sorted(table[table.results == folder]["video acc %"])


@pytest.mark.slow
def test_the_curves_of_four_starts_are_learnt(ran):
    curves = [line.get_ydata() for line in ran["figures"][1].axes[0].lines]
    assert len(curves) == 4
    assert all(len(curve) == 30 and curve[-1] > 0.7 > 0.2 > curve[0] for curve in curves)


@pytest.mark.slow
def test_a_state_outlives_a_clip_only_where_it_was_trained_to(ran):
    means = {line.get_label().partition(",")[0]: line.get_ydata() for line in ran["figures"][2].axes[0].lines}
    assert np.asarray(means["rcn18"])[-1] < 0.2 < 0.7 < np.asarray(means["rcn18+carried"])[-1]


def test_it_is_committed_without_outputs_or_paths_of_a_machine():
    assert all(cell.outputs == [] and cell.execution_count is None for cell in CODE)
    assert not re.search(r"/(home|root|tmp|Users|work)/", NOTEBOOK.read_text())


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.cell_type == "markdown"], ids=lambda cell: cell.id)
def test_its_links_lead_to_files(cell):
    for target in re.findall(r"\]\(([^)#]+)\)", cell.source):
        assert (NOTEBOOK.parent / target).is_file(), target
