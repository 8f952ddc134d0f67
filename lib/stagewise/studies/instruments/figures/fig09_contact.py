"""Contact of a plane curve with circles, the level sets of the distance from a point (Fig. 9)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

VERTEX, ELSEWHERE = 0.0, 0.4
"""Points x of the parabola y = x^2: its vertex, and one that is none."""

DISTANCES = np.geomspace(1e-2, 0.5, 60)
"""Distances in x from the point of contact."""


class Contact(NamedTuple):
    """A circle through a point of the curve, and how often the curve meets it there."""

    name: str
    at: float
    centre: tuple[float, float]
    order: int


def contacts() -> tuple[Contact, ...]:
    """Return circles of rising contact with the parabola y = x^2.

    The osculating circle at x has its centre at (-4 x^3, 1/2 + 3 x^2), the evolute of the parabola.
    """
    x = ELSEWHERE
    normal = np.array([-2 * x, 1.0]) / np.hypot(2 * x, 1.0)
    near = (x + 0.35 * normal[0], x**2 + 0.35 * normal[1])
    return (
        Contact("crosses", VERTEX, (0.45, 0.25), 1),
        Contact("touches", ELSEWHERE, near, 2),
        Contact("osculates", ELSEWHERE, (-4 * x**3, 0.5 + 3 * x**2), 3),
        Contact("osculates at the vertex", VERTEX, (0.0, 0.5), 4),
    )


def potential(contact: Contact, x: np.ndarray) -> np.ndarray:
    """Squared distance of points of the parabola from a circle's centre, less its squared radius."""
    u, v = contact.centre
    at = contact.at
    return (x - u) ** 2 + (x**2 - v) ** 2 - (at - u) ** 2 - (at**2 - v) ** 2


@style.context()
def draw() -> Drawn:
    """Draw circles of contact 1 to 4, and how flat the distance from their centres is along the curve.

    Returns
    -------
    Drawn
        Table of the curve, of the centres, and of the change of the squared distance by contact.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2.75)
    plane, flat = figure.subplots(1, 2, width_ratios=[1.15, 1])
    ledger, found = Ledger(), contacts()
    x = np.linspace(-1.15, 1.15, 200)
    ledger.line(plane, "plane", "curve", x, x**2, color=style.MAIN, linewidth=1.8, zorder=3)
    for contact, color in zip(found, style.SERIES, strict=True):
        _circle(ledger, plane, contact, color)
        _flatness(ledger, flat, contact, color)
    slope = np.linspace(-0.72, 0.72, 100)
    ledger.line(
        plane, "plane", "evolute", -4 * slope**3, 0.5 + 3 * slope**2,
        color=style.MUTED, linewidth=0.9, linestyle=(0, (3, 2)),
    )  # fmt: skip
    plane.set(xlabel="x", ylabel="y", xlim=(-1.15, 1.15), ylim=(-0.35, 1.35), aspect="equal")
    plane.set_title("(a) circles through a point of the curve")
    flat.set(xscale="log", yscale="log", ylim=(1e-9, 3))
    flat.set_xlabel("Distance in x from the point of contact")
    flat.set_ylabel("Change of the squared\ndistance from the centre")
    flat.set_title("(b) how flat the potential is there")
    lines = [
        Line2D([], [], color=color, label=f"{one.name} ({one.order})")
        for one, color in zip(found, style.SERIES, strict=True)
    ]
    others = [
        Line2D([], [], color=style.MAIN, linewidth=1.8, label="curve"),
        Line2D([], [], color=style.MUTED, linestyle=(0, (3, 2)), label="evolute"),
        Line2D([], [], marker="x", linestyle="", color=style.MAIN, label="centres"),
    ]
    style.bottom_legend(figure, lines, others, columns=4)
    return Drawn(figure, ledger.table())


def _circle(ledger: Ledger, ax: Axes, contact: Contact, color: str) -> None:
    u, v = contact.centre
    radius = float(np.hypot(contact.at - u, contact.at**2 - v))
    ledger.add("plane", f"centre, contact {contact.order}", [u], [v], radius=[radius])
    ax.add_patch(Circle((u, v), radius, fill=False, color=color, linewidth=1.1, zorder=2))
    ax.plot(u, v, "x", color=color, markersize=4.5, zorder=4)
    ax.plot(contact.at, contact.at**2, "o", color="white", markeredgecolor=style.MAIN, zorder=5)


def _flatness(ledger: Ledger, ax: Axes, contact: Contact, color: str) -> None:
    change = np.abs(potential(contact, contact.at + DISTANCES))
    series = f"contact {contact.order}"
    ledger.line(ax, "potential", series, DISTANCES, change, color=color, linewidth=1.3)
    ax.annotate(
        f"slope {contact.order}", (DISTANCES[4], change[4]), color=color, fontsize=7,
        textcoords="offset points", xytext=(3, -8),
    )  # fmt: skip
