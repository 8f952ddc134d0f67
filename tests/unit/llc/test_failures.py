"""Bad settings on a small model fail as they should, and figure 41 says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.failures import failing_estimate
from stagewise.llc.layout import LLC_FAILURES
from stagewise.llc.settings import SGLDConfig
from stagewise.plots import style
from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures import fig41_failures

KEY = StreamKey(0, ("test",))
DATA = (torch.randn(500, 4, generator=KEY.child("data").generator()),)


def loss(params: Params, batch: Batch) -> Tensor:
    """Return the mean square of what 20 weights make of four inputs, least at zero."""
    return (batch[0] @ params["w"].reshape(4, 5)).square().sum(1).mean()


SETTINGS = {
    "diverged": (0.0, {"step_size": 1.0, "n_beta": 100.0}),
    "drifting": (0.0, {"step_size": 1e-5, "n_beta": 100.0}),
    "escaped": (1.0, {"step_size": 1e-4, "n_beta": 100.0}),
    "ok": (0.0, {"step_size": 1e-3, "n_beta": 100.0}),
}
"""Where each estimate begins, and its sampler; the last one is a sound estimate of the same model."""


def estimate_of(name: str) -> xr.Dataset:
    level, changed = SETTINGS[name]
    params = {"w": torch.full((20,), level)}
    burnin = 200 if name == "ok" else 0
    config = SGLDConfig(
        **changed, localization=1.0, num_chains=8, num_burnin=burnin, num_draws=200, batch_size=50
    )
    untrained = loss({"w": torch.full((20,), 3.0)}, DATA).item()
    subject = Subject.of_checkpoints("small", {7: params}, loss, DATA)
    return failing_estimate(subject, 7, config, untrained_loss=untrained, key=KEY)


@pytest.fixture(scope="module")
def joined() -> xr.Dataset:
    names = ["diverged", "drifting", "escaped"]
    parts = [estimate_of(name) for name in names]
    store = xr.concat(parts, pd.Index(names, name="failure"))
    return store.assign_attrs(run="base-s1")


def test_bad_settings_give_the_verdicts_they_are_named_for(joined):
    assert joined["verdict"].values.tolist() == ["diverged", "drifting", "escaped"]
    mean = joined["llc_mean"].values
    assert np.isnan(mean[0])
    assert mean[2] < 0
    assert all(joined["reason"].values)


def test_the_same_model_is_sound_under_good_settings():
    assert str(estimate_of("ok")["verdict"].item()) == "ok"


def test_store_keeps_its_layout(joined, tmp_path):
    LLC_FAILURES.write(tmp_path / "failures.nc", joined, {})
    back = read_dataset(tmp_path / "failures.nc")
    assert back["verdict"].values.tolist() == joined["verdict"].values.tolist()
    np.testing.assert_array_equal(back["step_size"], joined["step_size"])


def test_figure_shows_verdicts_and_ends_at_the_estimate(joined):
    drawn = fig41_failures.draw(estimates=joined)
    drawn.figure.draw_without_rendering()
    assert drawn.figure.get_size_inches()[0] == style.FULL_WIDTH
    titles = [ax.get_title(loc="left") for ax in drawn.figure.axes[:3]]
    for title, verdict, reason in zip(titles, joined["verdict"], joined["reason"], strict=True):
        assert f") {verdict.item()}, t = 7" in title
        assert str(reason.item()) in " ".join(title.split())
    data = drawn.data.set_index(["panel", "series"])
    for name in ("drifting", "escaped"):
        ends = data.loc[(f"running LLC, {name}", "mean"), "y"]
        expected = float(joined["llc_mean"].sel(failure=name))
        assert ends.iloc[-1] == pytest.approx(expected, rel=1e-3)
    scales = [ax.get_yscale() for ax in drawn.figure.axes]
    assert scales == ["log", "linear", "linear", "symlog", "linear", "linear"]
