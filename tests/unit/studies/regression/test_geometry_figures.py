"""Figures of the geometry: evolutes, potentials and Lissajous figures, of known trajectories."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr

from stagewise.development.forms import detect_forms
from stagewise.development.settings import FormSettings
from stagewise.development.synthetic_trajectories import opening_cusp
from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.regression.figures import (
    fig11_lissajous,
    fig13_evolutes,
    fig14_form_potentials,
)
from tests.unit.studies.regression.test_figures import LAST, stages_of

STEPS = np.linspace(0, LAST, 300).round().astype(int)
AT = 400.0


@cache
def stores(kind: str, num_pcs: int = 3, walks: int = 3) -> tuple[xr.Dataset, xr.Dataset]:
    """Return ED and forms of a path with one form, or of a helix, which has none."""
    time = np.log1p(STEPS)
    helix = np.stack([np.cos(time), np.sin(time), time / 4], axis=1)
    curve = (opening_cusp(STEPS, AT) if kind == "form" else helix)[:, :num_pcs]
    settings = FormSettings(sigma_start=0.1, sigma_end=3.0, num_surrogates=walks)
    forms = detect_forms(curve, STEPS, settings).assign_attrs(
        run="base-s1", max_lift_residual=settings.max_lift_residual
    )
    ed = xr.Dataset(
        {"scores": (("step", "pc"), curve)},
        coords={"step": STEPS, "pc": forms["pc"]},
        attrs={"run": "base-s1"},
    )
    return ed, forms


def drawn(name: str, *which: object) -> Drawn:
    ed, forms = stores(*which)
    if name == "fig11":
        return fig11_lissajous.draw(ed=ed, forms=forms, root_seed=0)
    if name == "fig13":
        return fig13_evolutes.draw(forms=forms, stages=stages_of())
    return fig14_form_potentials.draw(ed=ed, forms=forms, stages=stages_of())


CASES = [("form",), ("helix",), ("helix", 3, 0), ("form", 2, 2)]


@pytest.mark.parametrize("which", CASES, ids=str)
@pytest.mark.parametrize("name", ["fig11", "fig13", "fig14"])
def test_they_draw_with_labelled_axes(name, which) -> None:
    figure = drawn(name, *which).figure
    if which != ("form",):  # the arrangement is slow to work out
        figure.set_layout_engine("none")
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == style.FULL_WIDTH
    for ax in figure.axes:
        grid = ax.get_subplotspec()
        if grid is not None and ax.get_label() != "<colorbar>":
            assert ax.get_xlabel() or not grid.is_last_row()
            assert ax.get_ylabel()


def test_residuals_and_centres_are_those_of_the_store() -> None:
    _, forms = stores("form")
    data = drawn("fig13", "form").data
    run = data[(data["panel"] == "residual") & (data["series"] == "run")]
    np.testing.assert_allclose(run["y"], forms["moment_residual"])
    assert run["y"].min() < 0.02
    seen = data[(data["panel"] == "PC3-PC2") & (data["series"] == "centres")]
    np.testing.assert_allclose(seen[["x", "y"]], forms["plane_centre"].sel(pair="2-3"))
    walks = data[data["series"] == "random walks"]
    assert (walks["low"] <= walks["y"]).all()
    # Each residual is the root mean square of half the distances along three components.
    gaps = [
        data[(data["panel"] == "distance") & (data["series"] == f"PC {n}")]["y"] for n in (1, 2, 3)
    ]
    rms = np.sqrt(np.mean(np.square(gaps), axis=0)) / 2
    np.testing.assert_allclose(rms, forms["moment_residual"], rtol=1e-9)


def test_the_title_tells_how_often_planes_agree() -> None:
    _, forms = stores("helix")
    residual = forms["moment_residual"].to_numpy()
    share = 100 * np.mean(residual[np.isfinite(residual)] <= 0.25)
    assert f"at {share:.0f} % of times" in drawn("fig13", "helix").figure.get_suptitle()
    assert "at no time" in drawn("fig13", "helix", 3, 0).figure.get_suptitle()


def test_the_potential_of_a_form_grows_as_its_fourth_power_would_at_a_cusp() -> None:
    """A cusp of second order: every score leaves the centre as the square of log time."""
    _, forms = stores("form")
    data = drawn("fig14", "form").data
    potential = data[data["panel"] == "potential"]
    np.testing.assert_allclose(potential["y"], forms["potential"].to_numpy()[0])
    after = data[(data["panel"] == "growth") & data["series"].str.endswith("after")]
    near, far = (after.iloc[np.abs(after["x"] - at).argmin()] for at in (0.2, 0.4))
    slope = np.log(far["y"] / near["y"]) / np.log(far["x"] / near["x"])
    assert slope == pytest.approx(4, abs=0.6)


def test_without_a_form_the_points_of_best_agreement_are_shown() -> None:
    _, forms = stores("helix")
    assert not forms.sizes["form"]
    shown = drawn("fig14", "helix")
    assert "no form found" in shown.figure.get_suptitle()
    best = float(forms["moment_step"][np.nanargmin(forms["moment_residual"].to_numpy())])
    assert f"step {best:g}" in set(shown.data["series"])


def test_even_walks_are_cosines_and_the_run_is_not() -> None:
    data = drawn("fig11", "form").data
    for name, (low, high) in {"walk, even steps": (0.98, 1), "run": (0, 0.95)}.items():
        first = data[(data["panel"] == f"{name}, over time") & (data["series"] == "PC 1")]
        alike = np.corrcoef(first["y"], np.cos(np.pi * first["x"]))[0, 1]
        assert low < alike <= high
