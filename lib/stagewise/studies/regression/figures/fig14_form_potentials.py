"""Form potentials along training, and how flat each is beside that of an ordinary pass (Fig. 14)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.plots.planes import check_pair

NUM_SHOWN = 4
"""Points whose potential is drawn, as many as there are colours of series."""

FARTHEST, NEAREST = 1.0, 0.02
"""Distances in log time from its minimum at which the growth of a potential is drawn."""


class Point(NamedTuple):
    """A point in component space about which planes turn, when, and how well they agree on it."""

    step: float
    place: np.ndarray
    residual: float


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the potential of every form or, without one, of the points on which planes agree best.

    Parameters
    ----------
    ed : Dataset
        Scores of the run.
    forms : Dataset
        Of the same run; layout `development.layout.FORMS`, with lifts along training.
    stages : DataFrame
        Of the same run, drawn behind the potentials.

    Returns
    -------
    Drawn
        Table of the potentials by step, and of their growth by the distance in log time from the
        minimum.

    Raises
    ------
    ValueError
        If the stores belong to two runs or their steps differ.
    """
    check_pair(ed, forms)
    kind, points = _points(forms)
    setting = stages["setting"].iloc[0]
    title = f"Run {forms.attrs['run']}: potentials of {kind}; stages by {setting!r}"
    figure = style.new_figure(style.FULL_WIDTH, 2.9, title)
    along, growth = figure.subplots(1, 2, width_ratios=[1.5, 1])
    ledger = Ledger()
    style.log_step_axis(along, float(forms["step"].max()))
    for color, point in zip(style.SERIES, points, strict=False):
        _potential(ledger, along, growth, ed, forms, point, color)
    size = float(forms.attrs["trajectory_size"])
    for order, level in ((2, 1.0), (4, 1.0)):
        u = np.geomspace(NEAREST, FARTHEST, 20)
        growth.plot(u, level * u**order, color=style.MUTED, linewidth=0.7, linestyle=":")
        growth.annotate(
            f"slope {order}", (0.12, level * 0.12**order), color=style.MUTED, fontsize=6.5,
            textcoords="offset points", xytext=(4, -8),
        )  # fmt: skip
    along.set(yscale="log", ylabel="Form potential (squared output)")
    along.axhline(size**2, color=style.MUTED, linewidth=0.7, linestyle=(0, (4, 2)))
    style.shade_stages(along, stages, names=True)
    along.set_title("(a) squared distance of the scores from the point", pad=10)
    growth.set(xscale="log", yscale="log", ylim=(1e-7, 10), xlim=(NEAREST, FARTHEST))
    growth.set_xlabel("Distance in log time from the minimum")
    growth.set_ylabel("Growth of the potential\n(share of squared size)")
    growth.set_title("(b) its growth, smoothed", pad=10)
    style.bottom_legend(figure, _handles(points), columns=4)
    return Drawn(figure, ledger.table())


def _points(forms: xr.Dataset) -> tuple[str, list[Point]]:
    """Return the forms, the largest first, or else where planes agree best; and what they are."""
    if forms.sizes["form"]:
        order = np.argsort(-forms["extent"].to_numpy(), kind="stable")[:NUM_SHOWN]
        chosen = [
            Point(
                float(forms["form_step"][n]),
                forms["centre"][n].to_numpy(),
                float(forms["lift_residual"][n]),
            )
            for n in sorted(order)
        ]
        return "its forms", chosen
    return "points that all planes turn about best; no form found", _best(forms)


def _best(forms: xr.Dataset) -> list[Point]:
    """Return lifts of least residual that are a cluster width or more apart in log time."""
    steps, residual = forms["moment_step"].to_numpy(), forms["moment_residual"].to_numpy()
    pairs = [tuple(map(int, pair.split("-"))) for pair in forms["pair"].to_numpy()]
    axes = np.array(pairs).ravel() - 1
    centres = forms["plane_centre"].to_numpy().reshape(len(steps), -1)
    width, found = float(forms.attrs["cluster_width"]), list[Point]()
    for n in np.argsort(residual, kind="stable"):
        time = np.log1p(steps[n])
        apart = all(abs(time - np.log1p(other.step)) > 3 * width for other in found)
        if np.isfinite(residual[n]) and apart and len(found) < NUM_SHOWN:
            place = np.bincount(axes, centres[n]) / np.bincount(axes)
            found.append(Point(float(steps[n]), place, float(residual[n])))
    return sorted(found, key=lambda point: point.step)


def _potential(
    ledger: Ledger,
    along: Axes,
    growth: Axes,
    ed: xr.Dataset,
    forms: xr.Dataset,
    point: Point,
    color: str,
) -> None:
    steps, name = forms["step"].to_numpy(), f"step {point.step:g}"
    pcs = forms["pc"].to_numpy()
    raw = ((ed["scores"].sel(pc=pcs).to_numpy() - point.place) ** 2).sum(axis=1)
    ledger.line(along, "potential", name, steps, raw, color=color, linewidth=0.9)
    along.axvline(point.step, color=color, linewidth=0.8, linestyle=(0, (3, 2)))
    smooth = ((forms["smoothed"].to_numpy() - point.place) ** 2).sum(axis=1)
    log_steps = np.log1p(steps)
    near = np.abs(log_steps - np.log1p(point.step)) <= float(forms.attrs["cluster_width"])
    lowest = np.flatnonzero(near)[smooth[near].argmin()]
    u = log_steps - log_steps[lowest]
    rise = (smooth - smooth[lowest]) / float(forms.attrs["trajectory_size"]) ** 2
    for side, look, where in (("after", "-", u > 0), ("before", "--", u < 0)):
        where &= np.abs(u) <= FARTHEST
        ledger.line(
            growth, "growth", f"{name}, {side}", np.abs(u[where]), rise[where],
            color=color, linewidth=0.9, linestyle=look,
        )  # fmt: skip


def _handles(points: list[Point]) -> list[Line2D]:
    return [
        *(
            Line2D([], [], color=color,
                   label=f"{style.short_step(one.step)}, residual {one.residual:.2f}")
            for color, one in zip(style.SERIES, points, strict=False)
        ),
        Line2D([], [], color=style.MUTED, linestyle=(0, (4, 2)), label="squared size"),
        Line2D([], [], color=style.MUTED, linestyle="-", label="(b) after the minimum"),
        Line2D([], [], color=style.MUTED, linestyle="--", label="(b) before it"),
    ]  # fmt: skip
