"""Essential dynamics of weights and gradients, on checkpoints whose way is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from stagewise.core.replicas import ParameterLayout
from stagewise.core.settings import TrainingSettings
from stagewise.studies.regression.ed_variants import ed_variants, gradient_vector
from stagewise.studies.regression.ed_variants_layout import ED_VARIANTS
from stagewise.studies.regression.figures import ed_variants as figure
from stagewise.studies.regression.model import initial_parameters
from stagewise.studies.regression.settings import NetworkSettings
from stagewise.studies.regression.study import RegressionRun
from tests.layouts import assert_keeps
from tests.unit.studies.regression.planted import TASK
from tests.unit.studies.regression.test_figures import LAST, stages_of

TRAINING = TrainingSettings(10, 4, 0.01, 0.5, (0.9, 0.999), 1e-8, 5)
SMALL = NetworkSettings(num_layers=1, num_heads=2, embed_dim=8, mlp_dim=8, residual="doubled")
RUN = RegressionRun("base-s1", TRAINING, 0, "cpu", TASK, SMALL)
CONTEXTS = RUN.fixed_contexts("trajectory", 4)
TIMES = np.linspace(0, 1, 6)


def checkpoints():
    """Weights that move along a parabola in the plane of two directions."""
    start, one, two = (initial_parameters(SMALL, TASK, RUN.key.child(n)) for n in range(3))
    for time in TIMES.tolist():
        moved = {
            name: value + time * one[name] + 0.5 * time**2 * two[name]
            for name, value in start.items()
        }
        yield int(LAST * time), moved


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return ed_variants(RUN, checkpoints(), CONTEXTS, 2)


def test_the_store_keeps_its_layout(found) -> None:
    assert_keeps(found, ED_VARIANTS)


def test_scores_of_weights_keep_the_distances_of_the_way(found) -> None:
    """A parabola is flat: two components have all the variance, and distances are those of weights."""
    layout = None
    rows = []
    for _, params in checkpoints():
        layout = ParameterLayout.of(params)
        rows.append(layout.flatten(params).double().numpy())
    weights = found.sel(variant="weights")
    assert float(weights["explained_variance_ratio"].sum()) == pytest.approx(1, abs=1e-6)
    scores = weights["scores"].to_numpy()
    for other in range(1, len(rows)):
        exact = np.linalg.norm(rows[other] - rows[0])
        assert np.linalg.norm(scores[other] - scores[0]) == pytest.approx(exact, rel=1e-4)


def test_gradients_are_derivatives_of_the_loss_in_the_order_of_the_weights() -> None:
    _, params = next(checkpoints())
    double = {name: value.double() for name, value in params.items()}
    contexts = tuple(part.double() for part in CONTEXTS)
    layout, gradient = ParameterLayout.of(double), gradient_vector(RUN, double, contexts)
    centre = layout.flatten(double)
    direction = torch.randn(centre.shape, generator=torch.Generator().manual_seed(0)).double()
    ends = [
        RUN.loss(layout.unflatten(centre + sign * 1e-5 * direction), contexts).item()
        for sign in (1, -1)
    ]
    slope = (ends[0] - ends[1]) / 2e-5
    assert float(gradient @ direction.numpy()) == pytest.approx(slope, rel=1e-4)


def test_outputs_and_gradients_are_those_of_their_vectors(found) -> None:
    for name, vector in (
        ("outputs", lambda params: RUN.function_vector(params, CONTEXTS)),
        ("gradients", lambda params: gradient_vector(RUN, params, CONTEXTS)),
    ):
        rows = np.stack([vector(params) for _, params in checkpoints()]).astype(float)
        centred = rows - rows.mean(axis=0)
        values = np.linalg.svd(centred, compute_uv=False)[:2] ** 2 / (centred**2).sum()
        shares = found["explained_variance_ratio"].sel(variant=name)
        np.testing.assert_allclose(shares, values, rtol=1e-4)


def test_the_figure_shows_every_kind_in_its_planes(found) -> None:
    drawn = figure.draw(variants=found, stages=stages_of())
    drawn.figure.draw_without_rendering()
    for name in ("outputs", "weights", "gradients"):
        plane = drawn.data[drawn.data["panel"] == f"{name}, PC2-PC1"]
        np.testing.assert_array_equal(plane["step"], found["step"])
        np.testing.assert_array_equal(plane[["x", "y"]], found["scores"].sel(variant=name))
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in drawn.figure.axes)
