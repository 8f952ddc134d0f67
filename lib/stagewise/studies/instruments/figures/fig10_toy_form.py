"""A form that gradient flow makes on a toy loss, and that the instruments find (Fig. 10)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from stagewise.development import plane_curves, toy_form
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

FIRST = 2.0
"""Time from which the vertex is looked for: before it the flow falls into the valley."""

NEAREST = 0.03
"""Least time from the vertex that is shown: nearer, the spacing of points tells where it is."""

BESIDE = 0.5
"""Another point on the normal at the vertex, as a share of the radius there."""


@style.context()
def draw() -> Drawn:
    """Draw the flow with its evolute, the loss over time, and how flat the form potential is.

    Returns
    -------
    Drawn
        Table of the flow, its evolute, the loss and the potentials by time.
    """
    flow, ledger = toy_form.flow(), Ledger()
    x, y = flow.points.T
    centres, radii = plane_curves.osculating_circles(x, y)
    turns = plane_curves.vertices(x, y)
    vertex = int(turns[flow.time[turns] > FIRST][0])
    figure = style.new_figure(style.FULL_WIDTH, 2.9)
    axes = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    _plane(ledger, axes[0], flow, centres, radii, vertex)
    losses = toy_form.loss(x, y)
    ledger.line(axes[1], "loss", "loss", flow.time, losses, color=style.MAIN)
    axes[1].axvline(flow.time[vertex], color=style.ACCENT, linewidth=0.9, linestyle=(0, (4, 2)))
    axes[1].set(xlabel="Time", ylabel="Loss", ylim=(-1.6, 2.5), title="(b) loss over time")
    beside = flow.points[vertex] + BESIDE * (centres[vertex] - flow.points[vertex])
    for name, centre, color in (
        ("form", centres[vertex], style.ACCENT),
        ("another point", beside, style.SERIES[0]),
    ):
        _potential(ledger, axes[2], flow, vertex, name, centre, color)
    axes[2].set(xscale="log", yscale="log", xlabel="Time since the vertex", ylim=(1e-9, 3))
    axes[2].set_ylabel("Change of the squared\ndistance from the point")
    axes[2].set_title("(c) form potential")
    style.bottom_legend(figure, _handles(), columns=4)
    return Drawn(figure, ledger.table())


def _plane(
    ledger: Ledger,
    ax: Axes,
    flow: toy_form.Flow,
    centres: np.ndarray,
    radii: np.ndarray,
    vertex: int,
) -> None:
    """Draw level sets of the loss, the flow, its evolute and the circle at its vertex."""
    side = np.linspace(-1.5, 1.5, 121)
    grid = np.meshgrid(side, np.linspace(-0.4, 2.2, 121))
    levels = [-1.5, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 20, 40]
    ax.contour(
        *grid,
        toy_form.loss(*grid),
        levels=levels,
        colors="#c8c8c8",
        linewidths=0.5,
        linestyles="solid",
    )
    x, y = flow.points.T
    ledger.line(ax, "plane", "flow", x, y, color=style.MAIN, linewidth=1.6, zorder=3)
    late = flow.time > FIRST
    shown = late & (np.abs(centres[:, 0]) < 1.4) & (centres[:, 1] < 2.1)
    u, v = centres[shown].T
    ledger.add("plane", "evolute", u, v, radius=radii[shown])
    ax.plot(u, v, color=style.SERIES[2], linewidth=1.0, zorder=2)
    centre = centres[vertex]
    ledger.add("plane", "form", [centre[0]], [centre[1]], radius=[radii[vertex]])
    circle = Circle((centre[0], centre[1]), radii[vertex], fill=False, color=style.ACCENT)
    ax.add_patch(circle)
    ax.plot(*centre, "x", color=style.ACCENT, markersize=5, zorder=5)
    ax.plot(x[vertex], y[vertex], "o", color="white", markeredgecolor=style.MAIN, zorder=5)
    ax.plot(x[0], y[0], "^", color=style.MAIN, markersize=4, zorder=4)
    ax.set(xlabel="First output", ylabel="Second output", aspect="equal")
    ax.set(xlim=(-1.5, 1.5), ylim=(-0.4, 2.2), title="(a) flow on the toy loss")


def _potential(
    ledger: Ledger,
    ax: Axes,
    flow: toy_form.Flow,
    vertex: int,
    name: str,
    centre: np.ndarray,
    color: str,
) -> None:
    """Draw the squared distance from a point against the time since the vertex, on both sides of it."""
    values = toy_form.potential(flow.points, centre)
    since = flow.time - flow.time[vertex]
    for side, mark, where in (
        ("after", "-", since > NEAREST),
        ("before", "--", (since < -NEAREST) & (flow.time > FIRST)),
    ):
        change = np.abs(values[where] - values[vertex])
        ledger.line(
            ax, "potential", f"{name}, {side}", np.abs(since[where]), change,
            color=color, linestyle=mark,
        )  # fmt: skip
    reach = np.array([0.03, 0.3])
    order = 4 if name == "form" else 2
    level = 0.3 * np.abs(values[np.abs(since - 0.3).argmin()] - values[vertex])
    ax.plot(reach, level * (reach / 0.3) ** order, color=color, linewidth=0.6, linestyle=":")
    ax.annotate(
        f"slope {order}", (0.1, level / 3**order), color=color, fontsize=7,
        textcoords="offset points", xytext=(5, -7),
    )  # fmt: skip


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=style.MAIN, linewidth=1.6, label="gradient flow"),
        Line2D([], [], color=style.SERIES[2], label="its evolute"),
        Line2D([], [], color=style.ACCENT, marker="x", label="form: cusp of the evolute"),
        Line2D([], [], color=style.SERIES[0], label="another point on the normal"),
        Line2D([], [], color="#c8c8c8", linewidth=0.5, label="levels of the loss"),
        Line2D([], [], color=style.MUTED, linestyle="-", label="after the vertex"),
        Line2D([], [], color=style.MUTED, linestyle="--", label="before it"),
    ]
