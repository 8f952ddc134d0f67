"""What figures of the modular-addition study share that follow runs along training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Ledger

LIGHT: dict[str, Any] = {"linewidth": 0.6, "alpha": 0.35}
BOLD: dict[str, Any] = {"linewidth": 1.3}
"""Looks of the other seeds and of the shown one."""

FIRST_SHARE = 1 / 500
"""Share of training at which axes begin: losses and modes hardly change before."""

_MEMORISED: dict[str, Any] = {"color": style.MAIN, "linestyle": "--", "linewidth": 0.8}
_RISE: dict[str, Any] = {"color": style.LAST, "linestyle": ":", "linewidth": 0.8}


def first_case(runs: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return the runs of a setting's first learning rate, decay and scale, indexed by seed.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`, in which the first case of a setting comes first.
    setting : str
    """
    return runs[runs["setting"] == setting].drop_duplicates("seed").set_index("seed")


def kept_seeds(runs: pd.DataFrame, followed: Iterable[int]) -> list[int]:
    """Return the seeds that were followed and did not diverge; `runs` is from `first_case`."""
    return [int(seed) for seed in followed if not runs.loc[seed, "diverged"]]


def curve_of(curves: xr.Dataset, seed: int) -> xr.Dataset:
    """Return the curves of one seed of the first case; layout `modular.layout.CURVES`."""
    return curves.isel(replica=int(np.flatnonzero(curves["seed"].to_numpy() == seed)[0]))


def seed_lines(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    series: str,
    lines: dict[int, tuple[np.ndarray, np.ndarray]],
    shown: int,
    **look: Any,
) -> None:
    """Draw steps and values of each seed: the shown one bold and last, the others light."""
    for seed in sorted(lines, key=lambda one: one == shown):
        weight = BOLD if seed == shown else LIGHT
        ledger.line(ax, panel, f"{series}, seed {seed}", *lines[seed], **{**look, **weight})


def step_axis(ax: Axes, last: float, label: bool) -> None:
    """Make the x axis the logarithm of the step, from `FIRST_SHARE` of training or step 1 on."""
    style.log_step_axis(ax, last, label)
    ax.set_xlim(left=max(1.0, last * FIRST_SHARE))


def mark_times(ax: Axes, run: pd.Series) -> None:
    """Mark when a run memorises, and the rise of its test accuracy; call it on a finished step axis."""
    if run["memorised_step"] > 0:
        ax.axvline(run["memorised_step"], zorder=1, **_MEMORISED)
    start, end = float(run["rise_start"]), float(run["rise_end"])
    for step in (start, end):
        if step > 0:
            ax.axvline(step, zorder=1, **_RISE)
    if start < end:
        ax.axvspan(start, end, color=style.LAST, alpha=0.12, linewidth=0, zorder=0)


def missing(run: pd.Series) -> str:
    """Say which of the times of `mark_times` a run does not have; "" if it has all."""
    words = []
    if not np.isfinite(run["memorised_step"]):
        words.append("the training set is not learned")
    if not np.isfinite(run["rise_end"]):
        words.append("test accuracy does not rise")
    return "\n".join(words)


def note_diverged(ax: Axes, runs: pd.DataFrame, followed: Iterable[int], shown: int) -> None:
    """Say how many of the followed runs diverged and are left out, and whether the shown one did."""
    lost = [int(seed) for seed in followed if runs.loc[seed, "diverged"]]
    if lost:
        which = f"; the shown seed {shown} is one" if shown in lost else ""
        style.note(ax, f"{len(lost)} diverged, left out{which}", y=0.2)


def time_handles() -> list[Artist]:
    """Return legend entries for `mark_times`."""
    return [
        Line2D([], [], label=r"shown seed memorises ($t_{\mathrm{mem}}$)", **_MEMORISED),
        Patch(color=style.LAST, alpha=0.25, linewidth=0, label="rise of its test accuracy"),
    ]


def seed_handles(shown: int) -> list[Artist]:
    """Return legend entries for `seed_lines`."""
    return [
        Line2D([], [], color=style.MAIN, label=f"seed {shown}", **BOLD),
        Line2D([], [], color=style.MAIN, label="other seeds", **LIGHT),
    ]
