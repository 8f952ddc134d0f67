"""One trace each of the failures of an LLC estimate, with the verdict on it (Fig. 41)."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import SymmetricalLogLocator

from stagewise.plots import style
from stagewise.plots.chains import coloured_chains, running_llc
from stagewise.plots.drawn import Drawn, Ledger

TITLE_WIDTH, TITLE_LINES = 30, 2
"""Characters in a line of a verdict's reason, and lines that are kept for it."""


@style.context()
def draw(*, estimates: xr.Dataset) -> Drawn:
    """Draw the losses of chains above their running estimates: a column a failure.

    Parameters
    ----------
    estimates : Dataset
        Layout `llc.layout.LLC_FAILURES`, with attribute ``run``.

    Returns
    -------
    Drawn
        Table of every trace and running estimate.
    """
    names = [str(name) for name in estimates["failure"].values]
    figure = style.new_figure(
        style.FULL_WIDTH,
        2 * style.PANEL_HEIGHT + 0.95,
        f"Run {estimates.attrs['run']}: estimates made to fail",
    )
    axes = figure.subplots(2, len(names), squeeze=False, sharex=True)
    ledger = Ledger()
    for column, name in enumerate(names):
        estimate = estimates.isel(failure=column)
        top, bottom = axes[:, column]
        _losses(ledger, top, f"loss, {name}", estimate)
        _running(ledger, bottom, f"running LLC, {name}", estimate)
        top.set_title(_title("abcdefgh"[column], estimate))
        bottom.set_xlabel("SGLD step")
    axes[0, 0].set_ylabel("Minibatch loss\n(squared error per label)")
    axes[1, 0].set_ylabel("Running LLC\n" r"$\hat\lambda_\tau$ (dimensionless)")
    style.bottom_legend(figure, _handles(), columns=4)
    return Drawn(figure, ledger.table())


def _title(letter: str, estimate: xr.Dataset) -> str:
    """Return the verdict, its reason and the settings that led there."""
    setting = (
        rf"$\epsilon$ = {float(estimate['step_size']):g}, "
        rf"$n\beta$ = {float(estimate['n_beta']):g}, "
        rf"$\gamma$ = {float(estimate['localization']):g}"
    )
    verdict = str(estimate["verdict"].item())
    head = f"({letter}) {verdict}, t = {style.short_step(float(estimate['step']))}"
    reason = textwrap.wrap(str(estimate["reason"].item()), TITLE_WIDTH)
    blank = [" "] * (TITLE_LINES - len(reason))  # so that all panels begin at one height
    return "\n".join([head, setting, *reason, *blank])


def _losses(ledger: Ledger, ax: Axes, panel: str, estimate: xr.Dataset) -> None:
    losses = _finite(estimate["loss"].to_numpy().astype(float))
    tau = np.arange(1, losses.shape[1] + 1)
    for color, chain, loss in coloured_chains(losses):
        ledger.line(ax, panel, f"chain {chain}", tau, loss, color=color, linewidth=0.5, alpha=0.8)
    ledger.line(ax, panel, "mean", tau, _mean(losses), color=style.MAIN, linewidth=1.0, zorder=3)
    level = float(estimate["init_loss"])
    ledger.add(panel, "L(w*)", [tau[-1]], [level])
    ax.axhline(level, color=style.ACCENT, linewidth=0.9, linestyle="--", zorder=4)
    if bool(estimate["diverged"].any()):
        ax.set_yscale("log")
    ax.set_xlim(0, tau[-1])


def _running(ledger: Ledger, ax: Axes, panel: str, estimate: xr.Dataset) -> None:
    running = _finite(running_llc(estimate, float(estimate["n_beta"])))
    tau = np.arange(1, running.shape[1] + 1)
    for color, chain, values in coloured_chains(running):
        ledger.line(ax, panel, f"chain {chain}", tau, values, color=color, linewidth=0.5)
    ledger.line(ax, panel, "mean", tau, _mean(running), color=style.MAIN, linewidth=1.3, zorder=3)
    if bool(estimate["diverged"].any()):
        ax.set_yscale("symlog", linthresh=1.0)
        locator = SymmetricalLogLocator(base=10, linthresh=1.0)
        locator.set_params(numticks=6)
        ax.yaxis.set_major_locator(locator)
        ax.set_ylim(bottom=0)
    ax.axhline(0, color=style.MUTED, linewidth=0.5)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over chains where all of them are finite."""
    return values.mean(axis=0)


def _handles() -> list[Artist]:
    single = mpl.colormaps[style.SEQUENCE](0.4)
    return [
        Line2D([], [], color=single, linewidth=0.7, label="single chains"),
        Line2D([], [], color=style.MAIN, linewidth=1.3, label="mean over chains"),
        Line2D([], [], color=style.ACCENT, linestyle="--", label="loss of the checkpoint, L(w*)"),
    ]
