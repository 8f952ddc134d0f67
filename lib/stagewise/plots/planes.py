"""Essential dynamics in the planes of the leading components, with evolutes and forms."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.lines import Line2D

from stagewise.development import plane_curves
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

MARGIN = 0.12
"""Room around the trajectory, as a share of its extent; what lies outside is cut off."""

SPACING, STRIDE = 0.01, 15
"""Distance between samples in units of the curve's size, and how many of them lie between the three
points of a circle: turns on a smaller scale than their product are noise."""

NUM_CIRCLES = 40

EVOLUTE = "#6a3d9a"


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the smoothed trajectory of one run in every plane of its leading three components.

    Parameters
    ----------
    ed : Dataset
        Principal components, with ``explained_variance_ratio``.
    forms : Dataset
        Forms of the same run, with ``smoothed`` scores.
    stages : DataFrame
        Stages that colour the trajectory; they say which sampler setting they come from.

    Returns
    -------
    Drawn
        Table with the trajectory, the evolute inside the frame, the forms and their centres.

    Raises
    ------
    ValueError
        If the stores belong to two runs or their steps differ.
    """
    check_pair(ed, forms)
    setting = stages["setting"].iloc[0]
    pcs = forms["pc"].to_numpy()[:3]
    pairs = [(int(x), int(y)) for x, y in combinations(pcs, 2)]
    run = forms.attrs["run"]
    title = f"Run {run}: smoothed essential dynamics; stages by {setting!r}; {looked_for(forms)}"
    figure = style.new_figure(style.FULL_WIDTH, 2.8, title)
    axes = figure.subplots(1, len(pairs), squeeze=False)[0]
    ledger = Ledger()
    shares = dict(zip(ed["pc"].to_numpy(), ed["explained_variance_ratio"].to_numpy(), strict=True))
    for ax, (i, j) in zip(axes, pairs, strict=True):
        panel = f"PC{j}-PC{i}"
        x, y = (forms["smoothed"].sel(pc=pc).to_numpy() for pc in (i, j))
        steps = forms["step"].to_numpy()
        ledger.add(panel, "trajectory", x, y, step=steps)
        _frame(ax, x, y)
        _evolute(ledger, ax, panel, x, y, steps)
        _trajectory(ax, x, y, steps, stages)
        _forms(ledger, ax, panel, forms, i, j)
        ax.set_xlabel(f"PC {i} score ({100 * shares[i]:.0f} % of variance)")
        ax.set_ylabel(f"PC {j} score ({100 * shares[j]:.0f} % of variance)")
    style.bottom_legend(
        figure, [*style.stage_handles(stages), *style.soundness_handles(stages)], _handles(forms)
    )
    return Drawn(figure, ledger.table())


def check_pair(ed: xr.Dataset, forms: xr.Dataset) -> None:
    """Raise ValueError unless the components and the forms are those of one trajectory."""
    if ed.attrs["run"] != forms.attrs["run"]:
        raise ValueError(
            f"components of {ed.attrs['run']} and forms of {forms.attrs['run']} "
            "cannot be drawn together"
        )
    if not np.array_equal(ed["step"].to_numpy(), forms["step"].to_numpy()):
        raise ValueError(f"components and forms of {ed.attrs['run']} were recorded at other steps")


def looked_for(forms: xr.Dataset) -> str:
    """Say how many forms there are, what a form is, and how often random walks have one."""
    count, null = forms.sizes["form"], forms["null_extent"].to_numpy()
    found = f"{count} form{'s' * (count != 1)} found" if count else "no form found"
    if count and null.size:
        found += f" (p = {', '.join(f'{value:.2g}' for value in forms['p_value'].to_numpy())})"
    walks = f"{100 * np.mean(null > 0):.0f} %" if null.size else "not asked how many"
    return (
        f"{found}\nForm: all planes turn about one point within {forms.attrs['cluster_width']:g} in log "
        f"time; of random walks at this pace {walks} have one"
    )


def _frame(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Set square limits around the trajectory, so that circles are round."""
    half = (0.5 + MARGIN) * max(np.ptp(x), np.ptp(y), 1e-9)
    for values, limit in ((x, ax.set_xlim), (y, ax.set_ylim)):
        middle = (values.min() + values.max()) / 2
        limit(middle - half, middle + half)
    ax.set_aspect("equal")


def _inside(ax: Axes, points: np.ndarray) -> np.ndarray:
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x, y = points.T
    return (x >= left) & (x <= right) & (y >= low) & (y <= high)


def _evolute(
    ledger: Ledger, ax: Axes, panel: str, x: np.ndarray, y: np.ndarray, steps: np.ndarray
) -> None:
    """Draw thin osculating circles and, as dots, their centres."""
    fine = plane_curves.coarsen(x, y, SPACING * plane_curves.curve_size(x, y))
    pieces = [(fine[k::STRIDE], fine[k::STRIDE][1:-1]) for k in range(STRIDE)]
    pieces = [(piece, inner) for piece, inner in pieces if inner.size]
    if not pieces:
        return
    circles = [plane_curves.osculating_circles(x[piece], y[piece]) for piece, _ in pieces]
    kept = np.concatenate([inner for _, inner in pieces])
    order = kept.argsort()
    kept = kept[order]
    centres = np.concatenate([centre[1:-1] for centre, _ in circles])[order]
    radii = np.concatenate([radius[1:-1] for _, radius in circles])[order]
    shown = np.isfinite(radii)
    shown[shown] = _inside(ax, centres[shown])
    ledger.add(panel, "evolute", *centres[shown].T, step=steps[kept][shown], radius=radii[shown])
    ax.plot(*centres[shown].T, ".", color=EVOLUTE, markersize=1.3, zorder=2.2)
    few = np.flatnonzero(shown)
    few = few[np.unique(np.linspace(0, few.size - 1, min(NUM_CIRCLES, few.size)).astype(int))]
    ax.add_collection(
        EllipseCollection(
            2 * radii[few],
            2 * radii[few],
            np.zeros(few.size),
            units="xy",
            offsets=centres[few],
            offset_transform=ax.transData,
            facecolors="none",
            edgecolors="#9a9a9a",
            linewidths=0.3,
            alpha=0.6,
            zorder=1,
        ),
        autolim=False,
    )


def _trajectory(
    ax: Axes, x: np.ndarray, y: np.ndarray, steps: np.ndarray, stages: pd.DataFrame
) -> None:
    """Draw the curve in the colours of the stages, with its start and its end marked."""
    points = np.column_stack([x, y])
    segments = np.stack([points[:-1], points[1:]], axis=1)
    middle = (steps[:-1] + steps[1:]) / 2
    colors = [
        style.paler(color, style.stage_strength(stages)) for color in style.stage_colors(stages)
    ]
    which = np.searchsorted(stages["end"].to_numpy(), middle).clip(max=len(colors) - 1)
    ax.add_collection(
        LineCollection(
            list(segments),
            colors=[colors[stage] for stage in which],
            linewidths=1.8,
            capstyle="round",
            zorder=3,
        ),
        autolim=False,
    )
    ax.plot(x[0], y[0], "^", color=style.MAIN, markersize=4, zorder=4)
    ax.plot(x[-1], y[-1], "s", color=style.MAIN, markersize=3.5, zorder=4)


def _forms(ledger: Ledger, ax: Axes, panel: str, forms: xr.Dataset, i: int, j: int) -> None:
    """Mark each form on the trajectory and at its centre, with its number."""
    for number in forms["form"].to_numpy():
        form = forms.sel(form=number)
        step = form["form_step"].item()
        at = forms["smoothed"].sel(step=step)
        here = np.array([at.sel(pc=i).item(), at.sel(pc=j).item()])
        centre = np.array([form["centre"].sel(pc=i).item(), form["centre"].sel(pc=j).item()])
        ledger.add(panel, f"form {number}", [here[0]], [here[1]], step=[step])
        ledger.add(panel, f"centre {number}", [centre[0]], [centre[1]], step=[step])
        ax.plot(*here, "o", color="white", markeredgecolor=style.MAIN, markersize=4, zorder=5)
        ax.annotate(
            str(number),
            (here[0], here[1]),
            xytext=_away(here, centre),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            zorder=6,
            ha="center",
            va="center",
        )
        if _inside(ax, centre[None])[0]:
            ax.plot(*zip(here, centre, strict=True), color=style.MAIN, linewidth=0.5, zorder=4)
            ax.plot(*centre, "x", color=style.ACCENT, markersize=5, zorder=5)


def _away(here: np.ndarray, centre: np.ndarray) -> tuple[float, float]:
    """Place for a number, in points: on the side of the curve where the centre is not."""
    length = float(np.hypot(*(here - centre)))
    x, y = (here - centre) / length if length > 0 else (1.0, 1.0)
    return 8 * float(x), 8 * float(y)


def _handles(forms: xr.Dataset) -> list[Artist]:
    def mark(marker: str, color: str, label: str, **look: Any) -> Line2D:
        return Line2D([], [], marker=marker, linestyle="", color=color, label=label, **look)

    handles: list[Artist] = [
        mark("^", style.MAIN, "start", markersize=4),
        mark("s", style.MAIN, "end", markersize=3.5),
        Line2D([], [], color="#9a9a9a", linewidth=0.5, label="osculating circles"),
        mark(".", EVOLUTE, "their centres (evolute)"),
    ]
    if forms.sizes["form"]:
        handles += [
            mark("o", style.MAIN, "form", markerfacecolor="white", markersize=4),
            mark("x", style.ACCENT, "its centre", markersize=5),
        ]
    return handles
