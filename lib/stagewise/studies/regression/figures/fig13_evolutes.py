"""Evolutes of a trajectory in every plane, and whether all planes turn about one point (Fig. 13)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

LEVEL = 0.05
"""Share of random walks whose centres agree better than the drawn bound."""

REACH = 0.35
"""Room around the trajectory for its evolute, as a share of its extent."""

KINDS = {"vertex": "D", "cusp": "X"}


@style.context()
def draw(*, forms: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the evolute of every plane with its cusps, and how far the planes' centres are apart.

    Parameters
    ----------
    forms : Dataset
        Layout `development.layout.FORMS`, with lifts along training.
    stages : DataFrame
        Of the same run, drawn behind the curves over time.

    Returns
    -------
    Drawn
        Table of the trajectory, the centres and the cusps in each plane by step, and of the distances
        and the residual over time; bounds of the walks' line are its quantiles from `LEVEL` to a half.
    """
    pairs = [str(pair) for pair in forms["pair"].to_numpy() if int(pair.split("-")[1]) <= 3]
    setting = stages["setting"].iloc[0]
    title = f"Run {forms.attrs['run']}: {_agreement(forms)}\nStages by {setting!r}"
    figure = style.new_figure(style.FULL_WIDTH, 5.2, title)
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    planes, bottom = halves
    ledger = Ledger()
    row = planes.subplots(1, len(pairs), squeeze=False)[0]
    for ax, pair in zip(row, pairs, strict=True):
        _plane(ledger, ax, forms, pair)
    last = float(forms["step"].max())
    colors = ScalarMappable(_clock(forms), style.SEQUENCE)
    planes.colorbar(colors, ax=row, label="Training step t", aspect=20, shrink=0.75, pad=0.01)
    gaps, residual = bottom.subplots(1, 2)
    for ax in (gaps, residual):
        style.log_step_axis(ax, last)
        ax.set_yscale("log", nonpositive="mask")
        ax.set_ylim(1e-3, 30)
    _gaps(ledger, gaps, forms)
    _residual(ledger, residual, forms)
    for ax in (gaps, residual):
        style.shade_stages(ax, stages, names=True)
    gaps.set_ylabel("Distance of the planes'\ncentres (share of size)")
    gaps.set_title("(d) distance along each component", pad=10)
    residual.set_ylabel("Residual of the lift\n(share of size)")
    residual.set_title("(e) residual, and that of random walks", pad=10)
    style.bottom_legend(bottom, _handles(forms), columns=4)
    return Drawn(figure, ledger.table())


def _agreement(forms: xr.Dataset) -> str:
    """Say how often the centres agree, in the run and in its random walks."""
    limit = float(forms.attrs["max_lift_residual"])

    def share(name: str) -> str:
        known = forms[name].to_numpy()[np.isfinite(forms[name].to_numpy())]
        return f"{100 * np.mean(known <= limit):.0f} % of times" if known.size else "no time"

    return (
        f"planes' centres agree to {limit:g} at {share('moment_residual')}, those of random walks "
        f"at its pace at {share('null_residual')}"
    )


def _clock(forms: xr.Dataset) -> LogNorm:
    steps = forms["step"].to_numpy()
    first = max(float(steps[steps > 0].min()), float(steps.max()) * style.FIRST_SHARE)
    return LogNorm(first, float(steps.max()))


def _plane(ledger: Ledger, ax: Axes, forms: xr.Dataset, pair: str) -> None:
    """Draw the curve of one plane, the centres of its circles by time, and the evolute's cusps."""
    i, j = map(int, pair.split("-"))
    panel = f"PC{j}-PC{i}"
    x, y = (forms["smoothed"].sel(pc=pc).to_numpy() for pc in (i, j))
    ledger.line(ax, panel, "trajectory", x, y, color=style.MUTED, linewidth=1.2, zorder=2)
    half = (0.5 + REACH) * max(np.ptp(x), np.ptp(y), 1e-9)
    limits = [(np.ptp(v) / 2 + v.min() - half, np.ptp(v) / 2 + v.min() + half) for v in (x, y)]
    ax.set(xlim=limits[0], ylim=limits[1], aspect="equal")
    steps = forms["moment_step"].to_numpy()
    centres = forms["plane_centre"].sel(pair=pair).to_numpy()
    ledger.add(panel, "centres", *centres.T, step=steps)
    look: dict[str, Any] = {"cmap": style.SEQUENCE, "norm": _clock(forms), "linewidths": 0.6}
    ax.plot(*centres.T, color="#d0d0d0", linewidth=0.4, zorder=1)
    u, v = centres.T
    # Step 0 has the colour of the first step that a logarithm can show.
    ax.scatter(u, v, c=np.maximum(steps, 1), s=5, zorder=3, **look)
    here = (forms["event_pair"] == pair).to_numpy()
    for kind, mark in KINDS.items():
        chosen = here & (forms["event_kind"] == kind).to_numpy()
        u, v = forms["event_centre"].to_numpy()[chosen].T
        when = forms["event_step"].to_numpy()[chosen]
        ledger.add(panel, kind, u, v, step=when)
        look |= {"marker": mark, "edgecolors": style.MAIN}
        ax.scatter(u, v, c=np.maximum(when, 1), s=22, zorder=4, **look)
    letter = "abc"[["1-2", "1-3", "2-3"].index(pair)]
    ax.set(xlabel=f"PC {i} score", ylabel=f"PC {j} score", title=f"({letter})")


def _gaps(ledger: Ledger, ax: Axes, forms: xr.Dataset) -> None:
    """Draw how far apart, along each component, the centres are that planes with it have."""
    steps, size = forms["moment_step"].to_numpy(), float(forms.attrs["trajectory_size"])
    pairs = [tuple(map(int, pair.split("-"))) for pair in forms["pair"].to_numpy()]
    centres = forms["plane_centre"].to_numpy()
    for color, pc in zip(style.SERIES, forms["pc"].to_numpy(), strict=False):
        seen = [centres[:, n, pair.index(pc)] for n, pair in enumerate(pairs) if pc in pair]
        gap = np.ptp(np.stack(seen), axis=0) / size
        ledger.line(ax, "distance", f"PC {pc}", steps, gap, color=color, linewidth=0.9)


def _residual(ledger: Ledger, ax: Axes, forms: xr.Dataset) -> None:
    """Draw the residual of the lift over time, the walks' and the largest that a form may have."""
    steps, walks = forms["moment_step"].to_numpy(), forms["null_residual"].to_numpy()
    known = np.isfinite(walks).sum(axis=0) > 1 if len(walks) else np.zeros(steps.size, dtype=bool)
    if known.any():
        low, middle = np.nanquantile(walks[:, known], [LEVEL, 0.5], axis=0)
        ledger.line(
            ax, "residual", "random walks", steps[known], middle, low, middle,
            color=style.MUTED, linewidth=0.8, linestyle=(0, (3, 2)),
        )  # fmt: skip
    own = forms["moment_residual"].to_numpy()
    ledger.line(ax, "residual", "run", steps, own, color=style.MAIN, linewidth=1.2, zorder=3)
    ax.axhline(float(forms.attrs["max_lift_residual"]), color=style.ACCENT, linewidth=0.7)
    for number in forms["form"].to_numpy():
        at = float(forms["form_step"].sel(form=number))
        ax.axvline(at, color=style.MAIN, linewidth=0.8, linestyle=(0, (4, 2)))


def _handles(forms: xr.Dataset) -> list[Artist]:
    marks = {"vertex": "vertex: cusp of the evolute", "cusp": "cusp of the trajectory"}
    handles: list[Artist] = [
        Line2D([], [], color=style.MUTED, label="smoothed trajectory"),
        Line2D([], [], marker=".", linestyle="", color=style.SECOND, label="centres of its circles"),
        *(
            Line2D([], [], marker=KINDS[kind], linestyle="", color="white", markersize=4,
                   markeredgecolor=style.MAIN, label=text)
            for kind, text in marks.items()
        ),
        *style.color_handles([f"PC {pc}" for pc in forms["pc"].to_numpy()], linewidth=None),
        Line2D([], [], color=style.MAIN, label="residual of the run"),
        Line2D([], [], color=style.ACCENT, linewidth=0.7, label="largest of a form"),
    ]  # fmt: skip
    if forms["null_residual"].size:
        text = "random walks: 5 % to median"
        handles.append(Patch(color=style.MUTED, alpha=0.25, label=text))
    if forms.sizes["form"]:
        dashed = (0, (4, 2))
        handles.append(Line2D([], [], color=style.MAIN, linestyle=dashed, label="forms found"))
    return handles
