"""SGLD against Hamiltonian Monte Carlo on the same posteriors, with both errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

SGLD, HMC = style.SERIES[0], style.SERIES[1]

ROW_HEIGHT = 0.26
"""Height in inches of one model."""

AGREES = 2.0
"""Joint standard errors within which the two samplers agree."""


@style.context()
def draw(*, table: pd.DataFrame) -> Drawn:
    """Draw both estimates of every model, and their difference in joint standard errors.

    Parameters
    ----------
    table : DataFrame
        Layout `exact.layout.SECOND_OPINION`.

    Returns
    -------
    Drawn
        Table of every estimate, of the exact values known, and of the differences.
    """
    agree = int((table["z_score"].abs() <= AGREES).sum())
    # Independent differences of one standard error each: a common sign shows in their sum first.
    together = float(table["z_score"].sum() / np.sqrt(table["z_score"].notna().sum()))
    figure = style.new_figure(
        style.FULL_WIDTH,
        1.35 + ROW_HEIGHT * len(table),
        f"{agree} of {len(table)} models: samplers agree within {AGREES:g} joint standard errors; "
        f"all together they differ by {together:+.1f}",
    )
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    ledger = Ledger()
    _estimates(ledger, left, table)
    _differences(ledger, right, table)
    place = np.arange(len(table))
    left.set_yticks(place, table["case"])
    left.set_ylim(len(table) - 0.4, -0.6)
    left.tick_params(axis="y", length=0)
    right.tick_params(axis="y", length=0)
    style.bottom_legend(figure, _handles(table), columns=4)
    return Drawn(figure, ledger.table())


def _estimates(ledger: Ledger, ax: Axes, table: pd.DataFrame) -> None:
    """Draw estimates relative to that of Hamiltonian Monte Carlo, whose own error is drawn too."""
    place = np.arange(len(table))
    reference = table["hmc"].to_numpy()
    for offset, name, color, marker in ((-0.14, "sgld", SGLD, "o"), (0.14, "hmc", HMC, "s")):
        x = 100 * (table[name].to_numpy() / reference - 1)
        error = 100 * (table[f"{name}_stderr"] / table["hmc"].abs()).to_numpy()
        flagged = table[f"{name}_verdict"].ne("ok").to_numpy()
        ledger.add(
            "a",
            name,
            x,
            place,
            x - error,
            x + error,
            case=table["case"],
            estimate=table[name],
            verdict=table[f"{name}_verdict"],
        )
        y = place + offset
        ax.errorbar(x, y, xerr=error, fmt="none", ecolor=color, elinewidth=0.9, zorder=2)
        for flag, face in ((False, color), (True, "white")):
            chosen = flagged == flag
            ax.plot(
                x[chosen],
                y[chosen],
                marker,
                color=color,
                markerfacecolor=face,
                markeredgewidth=0.8,
                markersize=3.6,
                zorder=3,
            )
    known = table["exact"].notna().to_numpy()
    x = 100 * (table["exact"].to_numpy() / reference - 1)[known]
    ledger.add("a", "exact", x, place[known], estimate=table["exact"].to_numpy()[known])
    ax.plot(x, place[known], "|", color=style.ACCENT, markersize=11, markeredgewidth=1.1, zorder=4)
    ax.axvline(0, color=style.MUTED, linewidth=0.5, zorder=1)
    estimates = [rf"$\hat\lambda$ = {value:.2f}" for value in reference]
    _write_in_rows(ax, 1.0, estimates, ha="right", va="bottom", fontsize=6)
    ax.margins(x=0.25)
    ax.set_xlabel("Difference from the HMC estimate, %")
    ax.set_title("(a) Estimates, one standard error")


def _differences(ledger: Ledger, ax: Axes, table: pd.DataFrame) -> None:
    place = np.arange(len(table))
    x = table["z_score"].to_numpy()
    ledger.add("b", "z-score", x, place, case=table["case"], acceptance=table["acceptance"])
    ax.axvspan(-AGREES, AGREES, color=style.MUTED, alpha=0.15, linewidth=0, zorder=0)
    ax.axvline(0, color=style.MUTED, linewidth=0.5, zorder=1)
    ax.plot(x, place, "D", color=style.MAIN, markersize=3.6, zorder=3)
    shown = [x]
    for offset, name, color, marker in ((-0.25, "sgld", SGLD, "o"), (0.25, "hmc", HMC, "s")):
        away = ((table[name] - table["exact"]) / table[f"{name}_stderr"]).to_numpy()
        ledger.add("b", f"{name} less exact", away, place, case=table["case"])
        ax.plot(away, place + offset, marker, color=color, markersize=2.8, zorder=3)
        shown.append(away)
    furthest = max(1.3 * AGREES, 1.1 * float(np.nanmax(np.abs(shown), initial=0)))
    ax.set_xlim(-furthest, furthest)
    accepted = [f"{100 * share:.0f} %" for share in table["acceptance"]]
    _write_in_rows(ax, 1.02, accepted, ha="left", va="center", fontsize=6.5)
    ax.annotate(
        "accepted", (1.02, 1.0), xycoords="axes fraction", ha="left", va="bottom", fontsize=6.5
    )
    ax.set_xlabel("Difference / its standard error")
    ax.set_title("(b) Differences")


def _write_in_rows(ax: Axes, x: float, texts: list[str], **look: Any) -> None:
    """Write a text in the row of each model, at a place across the panel."""
    for row, text in enumerate(texts):
        ax.annotate(text, (x, row), xycoords=("axes fraction", "data"), **look)


def _handles(table: pd.DataFrame) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=SGLD, marker="o", label="SGLD, minibatches"),
        Line2D([], [], color=HMC, marker="s", label="HMC, all samples"),
        Line2D([], [], color=style.ACCENT, marker="|", linestyle="", markersize=8, label="exact"),
        Line2D([], [], color=style.MAIN, marker="D", linestyle="", label="(b) SGLD - HMC"),
        Patch(color=style.MUTED, alpha=0.15, linewidth=0, label=f"(b) {AGREES:g} standard errors"),
    ]
    if table[["sgld_verdict", "hmc_verdict"]].ne("ok").to_numpy().any():
        handles.append(
            Line2D(
                [],
                [],
                marker="o",
                linestyle="",
                color=style.MAIN,
                markerfacecolor="white",
                label="hollow: flagged",
            )
        )
    return handles
