"""Figures 8, 39 and the comparison of settings: what they draw is in their tables, and is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.llc.agreement import agreement_table, compare_order
from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.regression.figures import fig08_two_losses, fig39_noise, llc_settings
from stagewise.studies.regression.figures.fig39_noise import changes

STEPS = np.r_[0, np.unique(np.geomspace(1, 2000, 14).round()).astype(int)]


def llc_of(setting: str = "local", seed: int = 0, run: str = "base-s1", chains: int = 4):
    """Return judged estimates: a hump with noise, the first two checkpoints saturated."""
    rng = np.random.default_rng(seed)
    hump = 50 * np.sin(np.pi * np.log1p(STEPS) / np.log1p(2000)) ** 2
    each = hump[:, None] + rng.standard_normal((STEPS.size, chains))
    loss = np.linspace(4.4, 2.0, STEPS.size)
    stderr = each.std(1, ddof=1) / 2 if chains > 1 else np.full(STEPS.size, np.nan)
    return xr.Dataset(
        {
            "llc": (("step", "chain"), each),
            "llc_mean": ("step", each.mean(1)),
            "llc_stderr": ("step", stderr),
            "init_loss": ("step", loss),
            "mean_loss": ("step", loss + each.mean(1) / 60),
            "diverged": (("step", "chain"), np.zeros(each.shape, dtype=bool)),
            "saturated": ("step", np.arange(STEPS.size) < 2),
            "verdict": ("step", ["saturated"] * 2 + ["ok"] * (STEPS.size - 2)),
            "untrained_loss": 4.4,
            "constant_loss": 4.125,
        },
        coords={"step": STEPS},
        attrs={
            "run": run,
            "setting": setting,
            "n_beta": 60.0,
            "step_size": 1e-5,
            "localization": 100.0,
        },
    )


def failed(llc: xr.Dataset, where: slice) -> xr.Dataset:
    llc = llc.copy(deep=True)
    for name in ("llc_mean", "llc_stderr", "mean_loss"):
        llc[name][where] = np.nan
    llc["diverged"][where] = True
    llc["verdict"] = llc["verdict"].astype(object)
    llc["verdict"][where] = "diverged"
    return llc


def agreement(one: xr.Dataset, two: xr.Dataset) -> pd.DataFrame:
    """Return how two curves compare, as the workflow does."""
    names = [one.attrs["setting"], two.attrs["setting"]]
    return agreement_table(one.attrs["run"], dict(zip(names, (one, two), strict=True)), [names], 0)


def losses_compared(one: xr.Dataset, two: xr.Dataset) -> Drawn:
    two = two.assign_attrs(setting="likelihood")
    return fig08_two_losses.draw(
        loss_based=one, likelihood_based=two, agreement=agreement(one, two)
    )


def noise_compared(one: xr.Dataset, two: xr.Dataset) -> Drawn:
    two = two.assign_attrs(setting="fresh")
    return fig39_noise.draw(shared=one, fresh=two, agreement=agreement(one, two))


SOME, ALL = slice(3, 5), slice(None)
CASES: dict[str, Callable[[], Drawn]] = {
    "08": lambda: losses_compared(llc_of(), llc_of(seed=1)),
    "08, NaN": lambda: losses_compared(failed(llc_of(), SOME), llc_of(seed=1)),
    "08, nothing": lambda: losses_compared(failed(llc_of(), ALL), failed(llc_of(), ALL)),
    "08, one chain": lambda: losses_compared(llc_of(chains=1), llc_of(chains=1)),
    "39": lambda: noise_compared(llc_of(), llc_of(seed=1)),
    "39, NaN": lambda: noise_compared(failed(llc_of(), SOME), llc_of(seed=1)),
    "39, nothing": lambda: noise_compared(failed(llc_of(), ALL), failed(llc_of(), ALL)),
    "39, one chain": lambda: noise_compared(llc_of(chains=1), llc_of(chains=1)),
    "settings": lambda: llc_settings.draw(
        llcs={name: llc_of(name) for name in ("published", "local")}
    ),
    "settings, NaN": lambda: llc_settings.draw(llcs={"local": failed(llc_of(), SOME)}),
}


@pytest.mark.parametrize("case", CASES)
def test_figures_draw_with_labelled_axes(case: str) -> None:
    drawn = CASES[case]()
    if "," in case:  # the arrangement is that of the full figure, and slow to work out
        drawn.figure.set_layout_engine("none")
    drawn.figure.draw_without_rendering()
    assert drawn.figure.get_size_inches()[0] == style.FULL_WIDTH
    for ax in drawn.figure.axes:
        grid = ax.get_subplotspec()
        assert grid is None or ax.get_xlabel() or not grid.is_last_row()
        assert grid is None or ax.get_ylabel() or not grid.is_first_col()
    lines = [line for ax in drawn.figure.axes for line in ax.lines if line.get_gid()]
    rows = dict(list(drawn.data.groupby(["panel", "series"])))
    for line in lines:
        part = rows[tuple(line.get_gid().split("/"))]
        np.testing.assert_array_equal(line.get_xdata(), part["x"])
        np.testing.assert_array_equal(line.get_ydata(), part["y"])


def test_figure_8_prints_the_claims_correlation() -> None:
    one, two = llc_of(), llc_of(seed=1)
    (text,) = (t.get_text() for t in losses_compared(one, two).figure.axes[1].texts)
    order = compare_order(one, two, 0)
    assert f"{order.correlation:.3f}" in text
    assert f"{order.low:.3f}, {order.high:.3f}" in text
    assert f"{STEPS.size - 2} checkpoints" in text  # without the saturated ones


def test_figure_8_pairs_checkpoints_by_step() -> None:
    one, two = llc_of(), llc_of(seed=1)
    data = losses_compared(one.isel(step=slice(2, None)), two.isel(step=slice(None, -1))).data
    pairs = data[data["series"] == "checkpoints"].set_index("step")
    common = STEPS[2:-1]
    np.testing.assert_array_equal(pairs.index, common)
    np.testing.assert_array_equal(pairs["x"], one["llc_mean"].sel(step=common))
    np.testing.assert_array_equal(pairs["y"], two["llc_mean"].sel(step=common))


def test_figure_8_marks_the_more_severe_verdict() -> None:
    one, two = failed(llc_of(), SOME), llc_of(seed=1)
    two["verdict"][5:7] = "drifting"
    drawn = losses_compared(one, two)
    points = drawn.figure.axes[1].collections
    sizes = sorted(len(part.get_offsets()) for part in points if len(part.get_offsets()) > 1)
    pairs = drawn.data[drawn.data["series"] == "checkpoints"]
    expected = ["saturated"] * 2 + ["ok"] + ["diverged"] * 2 + ["drifting"] * 2
    assert pairs["verdict"].tolist()[:7] == expected
    assert sizes == [2, 2, STEPS.size - 6]  # saturated, drifting, ok; none without a value


@pytest.mark.parametrize("draw", [losses_compared, noise_compared])
def test_axes_leave_out_escaped_estimates_and_an_inset_shows_them(draw) -> None:
    one, two = llc_of(), llc_of(seed=1)
    assert not any(ax.child_axes for ax in draw(one, two).figure.axes)
    one["verdict"] = one["verdict"].astype(object)
    one["verdict"][:3], one["llc"][:3], one["llc_mean"][:3] = "escaped", -500.0, -500.0
    drawn = draw(one, two)
    panels = [ax for ax in drawn.figure.axes if ax.child_axes]
    assert len(panels) == 2
    for ax in panels:
        low, high = ax.get_ylim()
        assert -60 < low < high < 70
        (inset,) = ax.child_axes
        assert max(np.abs(inset.get_ylim())) > 400 or inset.get_xlim()[0] < -400


def test_changes_are_paired_by_chain() -> None:
    """Errors that all checkpoints share cancel from the change, and from its error bar."""
    llc = llc_of()
    llc["llc"] = (("step", "chain"), np.add.outer(np.arange(STEPS.size), 10 * np.arange(4.0)))
    step, change, error = changes(llc)
    np.testing.assert_array_equal(step, STEPS[1:])
    np.testing.assert_allclose(change, 1.0)
    np.testing.assert_allclose(error, 0.0, atol=1e-12)


def test_changes_leave_out_diverged_chains_and_failed_checkpoints() -> None:
    llc = failed(llc_of(), slice(3, 4))
    llc["llc"][6, 0] = np.inf
    llc["diverged"][6, 0] = True
    each = llc["llc"].to_numpy()
    _, change, error = changes(llc)
    assert np.isnan(change[2:4]).all()
    np.testing.assert_allclose(change[5], (each[6, 1:] - each[5, 1:]).mean())
    np.testing.assert_allclose(error[5], (each[6, 1:] - each[5, 1:]).std(ddof=1) / np.sqrt(3))
    assert np.isfinite(np.delete(change, [2, 3])).all()


def test_chains_that_end_at_the_untrained_loss_lie_on_the_line() -> None:
    llc = llc_of()
    llc["llc_mean"] = 60.0 * (4.4 - llc["init_loss"])
    data = llc_settings.draw(llcs={"local": llc}).data.set_index("series")
    line = data.loc["chains at the untrained loss"].sort_values("x")
    points = data.loc["estimates"]
    points = points[points["panel"] == "LLC and loss, local"]
    np.testing.assert_allclose(np.interp(points["x"], line["x"], line["y"]), points["y"])


@pytest.mark.parametrize(
    "act",
    [
        lambda other: losses_compared(llc_of(), other),
        lambda other: noise_compared(llc_of(), other),
        lambda other: llc_settings.draw(llcs={"published": llc_of(), "local": other}),
    ],
)
def test_runs_are_not_mixed(act: Callable[[xr.Dataset], Drawn]) -> None:
    with pytest.raises(ValueError, match=r"of one run can be compared, not of \['base-s0', 'base"):
        act(llc_of(run="base-s0"))


def test_agreement_of_other_curves_is_refused() -> None:
    one, two, other = llc_of(), llc_of("likelihood", 1), llc_of("fresh", 2)
    with pytest.raises(ValueError, match="has 0 rows of"):
        fig08_two_losses.draw(loss_based=one, likelihood_based=two, agreement=agreement(one, other))
