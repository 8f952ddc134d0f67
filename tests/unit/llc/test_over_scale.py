"""In a quadratic loss the LLC over the scale is the soft count and what the gradient adds."""

import numpy as np
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.over_scale import cells_of, llc_over_scale
from stagewise.llc.scale_layout import LLC_SCALE
from stagewise.llc.scale_meaning import meaning_table, statement_table
from stagewise.llc.scale_settings import CurvatureSizes
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.regression.figures import llc_over_scale as figure

SIZES = CurvatureSizes(num_contexts=400, num_directions=6, num_probes=4, num_nodes=10)
BASE = SGLDConfig(
    *(0.2, 10.0, 20.0, 4, 30, 150, 50),
    preconditioner="lanczos",
    start="gaussian",
    integrator="averaged",
)
DATA = torch.randn(400, 30, generator=StreamKey(5).generator()) * torch.linspace(0.05, 3, 30)
HESSIAN = (2 * DATA.T @ DATA / 400).double().numpy()


def quadratic(params, batch):
    return (batch[0] @ params["w"]).square().mean()


def subject():
    checkpoints = {step: {"w": torch.full((30,), level)} for step, level in ((0, 0.02), (5, 0.0))}
    return Subject.of_checkpoints("small", checkpoints, quadratic, (DATA,), untrained_loss=50.0)


@pytest.fixture(scope="module")
def store():
    return llc_over_scale(subject(), (0, 5), BASE, (0.5, 2.0), SIZES)


def test_cells_divide_the_scale_in_both_ways():
    cells = [(cell.n_beta, cell.localization) for cell in cells_of(BASE, (0.5, 2.0))]
    assert cells == [(10, 20), (5, 20), (20, 20), (10, 40), (10, 10)]


def test_estimates_are_those_of_the_quadratic(store):
    LLC_SCALE.check(store)
    expected = store["soft_count"] + store["gradient_part"]
    error = np.hypot(store["llc_stderr"], store["soft_count_stderr"])
    assert (abs(store["llc_mean"] - expected) < 4 * error).all()


def test_counts_and_gradient_parts_are_exact_up_to_their_errors(store):
    values = np.linalg.eigvalsh(HESSIAN)
    gradient = HESSIAN @ np.full(30, 0.02)
    for cell in range(store.sizes["cell"]):
        here = store.isel(cell=cell, step=0)
        n_beta, scale = float(here["n_beta"]), float(here["localization"] / here["n_beta"])
        exact = (values / (2 * (values + scale))).sum()
        assert abs(here["soft_count"] - exact) < 3 * here["soft_count_stderr"]
        moved = np.linalg.solve(HESSIAN + scale * np.eye(30), gradient)
        added = n_beta * (-gradient @ moved + moved @ HESSIAN @ moved / 2)
        assert float(here["gradient_part"]) == pytest.approx(added, rel=1e-3)


def test_trace_and_eigenvalues_are_those_of_the_hessian(store):
    assert (abs(store["trace"] - np.trace(HESSIAN)) < 4 * store["trace_stderr"]).all()
    top = np.linalg.eigvalsh(HESSIAN)[::-1][: store.sizes["rank"]]
    for step in store["step"].values:
        np.testing.assert_allclose(store["eigenvalue"].sel(step=step), top, rtol=0.02)


def test_figure_shows_every_cell_once_by_each_way(store):
    drawn = figure.draw(
        store=store, meaning=meaning_table(store, 0.25), statements=statement_table(store)
    )
    rows = drawn.data
    for way in ("n beta", "gamma"):
        shown = rows[
            (rows["series"] == f"LLC, by {way}, estimates")
            & (rows["panel"] == "over the scale, step 5")
        ]
        assert shown["x"].tolist() == [1, 2, 4]
    told = rows[rows["panel"] == "statements"]
    assert set(told["series"]) == {
        f"scales that tell {change}, {name}"
        for change in ("a rise", "a fall")
        for name in ("llc", "soft_count")
    }
