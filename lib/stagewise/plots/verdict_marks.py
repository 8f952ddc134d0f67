"""Marks of LLC estimates by their verdict: what cannot be trusted is drawn, and drawn as such."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.llc.estimate_layout import VERDICTS_OF_ESTIMATES
from stagewise.plots import style

LOOKS = {
    "ok": ("o", True, "estimate ok"),
    "saturated": ("o", False, "saturated"),
    "drifting": ("^", False, "drifting"),
    "escaped": ("s", False, "escaped"),
    "diverged": ("x", True, "diverged, no value"),
}
"""Marker, whether it is filled, and name of each verdict of `llc.diagnostics.judge`."""

SEVERITY = ("ok", "drifting", "saturated", "escaped", "diverged")
"""Verdicts from the mildest on, in the order opposite to that in which `judge` looks for them."""

FOOT = 0.03
"""Height of the crosses, as a share of the panel."""


def verdicts_of(judged: xr.Dataset) -> np.ndarray:
    """Return the verdicts of estimates along ``step`` as an array of str.

    Raises
    ------
    ValueError
        If a verdict is unknown.
    """
    verdicts = judged["verdict"].to_numpy().astype(str)
    unknown = sorted(set(verdicts.tolist()) - set(VERDICTS_OF_ESTIMATES))
    if unknown:
        raise ValueError(f"verdicts {unknown} are none of {', '.join(VERDICTS_OF_ESTIMATES)}")
    return verdicts


def short_chains(judged: xr.Dataset) -> str:
    """Say so if chains are shorter than the pull to the checkpoint takes, 2 / (epsilon gamma) steps.

    Parameters
    ----------
    judged : xarray.Dataset
        Estimates with the sampler's settings as attributes. With a preconditioner epsilon is no length
        of a step in the parameters, and nothing is said.

    Returns
    -------
    str
        Empty where chains are long enough, or the settings are not known.
    """
    known = judged.attrs
    names = ("step_size", "localization", "num_burnin", "num_draws", "steps_per_draw")
    if known.get("preconditioner") != "none" or any(name not in known for name in names):
        return ""
    step_size, localization, num_burnin, num_draws, steps_per_draw = (
        float(known[name]) for name in names
    )
    made, pull = num_burnin + num_draws * steps_per_draw, step_size * localization / 2
    if pull == 0 or made * pull >= 1:
        return ""
    return f"chains of {made:.0f} steps, too short:\nthe pull to w* takes {1 / pull:,.0f}"


def more_severe(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the more severe of two verdicts, one by one."""
    rank = {verdict: place for place, verdict in enumerate(SEVERITY)}
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return np.array([max(pair, key=rank.__getitem__) for pair in pairs], dtype=str)


def mark(
    ax: Axes, x: np.ndarray, y: np.ndarray, verdicts: np.ndarray, color: str = style.MAIN
) -> None:
    """Draw estimates as marks of their verdicts; those without a value as crosses at the foot.

    Parameters
    ----------
    ax : Axes
    x, y : array, shape (estimate,)
    verdicts : array of str, shape (estimate,)
    color : str

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    x, y, verdicts = np.asarray(x), np.asarray(y), np.asarray(verdicts)
    if not x.shape == y.shape == verdicts.shape:
        raise ValueError(
            f"points and verdicts differ in length: {x.shape}, {y.shape} and {verdicts.shape}"
        )
    for verdict in LOOKS:
        chosen = verdicts == verdict
        if not chosen.any():
            continue
        shape = look(verdict, color)
        if verdict == "diverged":
            shape["transform"] = ax.get_xaxis_transform()
            ax.plot(x[chosen], np.full(chosen.sum(), FOOT), **shape)
        else:
            ax.plot(x[chosen], y[chosen], **shape)


def handles(verdicts: Collection[str], color: str = style.MAIN) -> list[Artist]:
    """Return one legend entry for each verdict that occurs."""
    return [
        Line2D([], [], label=label, **look(verdict, color))
        for verdict, (_, _, label) in LOOKS.items()
        if verdict in verdicts
    ]


def counts(verdicts: np.ndarray) -> str:
    """Say how many of the estimates carry which flag: "12 of 33 saturated, 1 drifting"; "" for none."""
    found = [(int((verdicts == verdict).sum()), verdict) for verdict in LOOKS if verdict != "ok"]
    parts = [f"{count} {verdict}" for count, verdict in found if count]
    if parts:
        number, _, verdict = parts[0].partition(" ")
        parts[0] = f"{number} of {verdicts.size} {verdict}"
    return ", ".join(parts)


def look(verdict: str, color: str) -> dict[str, Any]:
    """Return how a verdict's mark is plotted, as arguments of ``Axes.plot``."""
    marker, filled, _ = LOOKS[verdict]
    return {
        "marker": marker,
        "linestyle": "",
        "color": color,
        "markerfacecolor": color if filled else "white",
        "markeredgewidth": 0.7,
        "markersize": 2.6 if marker == "o" else 3.4,
        "zorder": 4,
    }
