"""The LLC by position: exact in a quadratic, and of the same chains as the LLC itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.along import llc_shard
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.regression.figures import fig24_position_llc
from stagewise.studies.regression.llc_by_position import llc_by_position, squared_errors
from stagewise.studies.regression.model import initial_parameters, predictions
from stagewise.studies.regression.position_layout import LLC_BY_POSITION
from stagewise.studies.regression.task import sample_contexts
from tests.layouts import assert_keeps
from tests.unit.studies.regression.planted import NETWORK, TASK
from tests.unit.studies.regression.test_figures import STEPS, metrics_of, stages_of

CURVATURES = torch.tensor([0.0, 1.0, 4.0])
CONFIG = SGLDConfig(
    *(0.2, 20.0, 10.0, 4, 50, 400, 8),
    preconditioner="hessian",
    start="gaussian",
    integrator="averaged",
)


def of_a_quadratic(params, batch):
    """Losses at three positions, each of which looks at one parameter alone."""
    return (CURVATURES * params["w"] ** 2).expand(len(batch[0]), 3)


def mean_of_a_quadratic(params, batch):
    return of_a_quadratic(params, batch).mean()


def test_positions_count_their_own_directions() -> None:
    """The posterior of w_k has variance 1 / (2 n_beta a_k / 3 + gamma), by which L_k rises."""
    subject = Subject.of_checkpoints(
        "small", {0: {"w": torch.zeros(3)}}, mean_of_a_quadratic, (torch.zeros(32),)
    )
    found = LLC_BY_POSITION.check(llc_by_position(subject, of_a_quadratic, [0], CONFIG))
    precision = 2 * CONFIG.n_beta * CURVATURES / 3 + CONFIG.localization
    exact = (CONFIG.n_beta * CURVATURES / precision).numpy()
    llc, error = found["llc"].to_numpy()[0], found["llc_stderr"].to_numpy()[0]
    assert llc[0] == 0  # nothing looks at the first parameter
    assert (abs(llc - exact) <= 4 * error + 1e-6).all()
    assert (error[1:] < 0.15 * exact[1:]).all()
    assert found["verdict"].values.tolist() == ["ok"]


@pytest.fixture(scope="module")
def network_along() -> Subject:
    key = StreamKey(3)
    checkpoints = {
        step: initial_parameters(NETWORK, TASK, key.child(step)) for step in (0, int(STEPS[-1]))
    }

    def loss(params, batch):
        return (predictions(params, NETWORK, *batch) - batch[1]).square().mean()

    samples = sample_contexts(TASK, 32, key.child("contexts").generator())
    return Subject.of_checkpoints("base-s1", checkpoints, loss, samples[:2], untrained_loss=5.0)


CHAINS = SGLDConfig(1e-5, 10.0, 100.0, 3, 2, 6, 8)


@pytest.fixture(scope="module")
def by_position(network_along) -> xr.Dataset:
    losses = squared_errors(NETWORK)
    return llc_by_position(network_along, losses, list(network_along.steps), CHAINS)


def test_their_mean_is_the_llc_of_the_same_chains(network_along, by_position) -> None:
    alone = llc_shard(network_along, network_along.steps, CHAINS)
    for name, stored in (("llc_mean", "llc_mean"), ("llc_stderr", "llc_mean_stderr")):
        np.testing.assert_allclose(by_position[stored], alone[name], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        by_position["llc"].mean("position"), by_position["llc_mean"], rtol=1e-3, atol=1e-3
    )


def test_a_store_keeps_what_was_estimated(by_position) -> None:
    assert_keeps(by_position, LLC_BY_POSITION)


def test_chains_that_all_ran_away_have_no_value(network_along) -> None:
    wild = SGLDConfig(1e3, 10.0, 0.0, 2, 0, 6, 8)
    step = network_along.steps[0]
    found = llc_by_position(network_along, squared_errors(NETWORK), [step], wild)
    assert found["verdict"].values.tolist() == ["diverged"]
    assert found["llc"].isnull().all()
    assert found["llc_stderr"].isnull().all()


def test_fig24_shows_every_position_and_their_mean(by_position) -> None:
    metrics = metrics_of()
    rows = fig24_position_llc.draw(by_position=by_position, metrics=metrics, stages=stages_of())
    data = rows.data
    positions = by_position["position"].values.tolist()
    for panel, shown in (("LLC", by_position["llc"]), ("loss", metrics["token_loss"])):
        for k in positions[: shown.sizes["position"]]:
            line = data[(data["panel"] == panel) & (data["series"] == f"k = {k}")]
            np.testing.assert_allclose(line["y"], shown.sel(position=k), rtol=1e-6)
    with pytest.raises(ValueError, match="base-s0"):
        fig24_position_llc.draw(
            by_position=by_position, metrics=metrics_of("base-s0"), stages=stages_of()
        )
