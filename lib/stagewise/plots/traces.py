"""SGLD traces and running LLC estimates of three checkpoints, setting by setting (after Fig. 41)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.chains import coloured_chains, running_llc
from stagewise.plots.drawn import Drawn, Ledger

EARLY_SHARE = 0.01
"""Share of training at which the early checkpoint is taken."""


@style.context()
def draw(*, llcs: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw loss traces above running LLC estimates: a column a setting, a row a checkpoint.

    Parameters
    ----------
    llcs : mapping of str to Dataset
        Judged estimates of one run by setting; the first setting chooses the checkpoints: an early
        one, the one of the largest LLC, and the last.

    Returns
    -------
    Drawn
        Table of every trace and running estimate.

    Raises
    ------
    ValueError
        If the settings belong to different runs or lack a chosen checkpoint.
    """
    runs = {str(item.attrs["run"]) for item in llcs.values()}
    if len(runs) != 1:
        raise ValueError(f"traces of one run can be drawn together, not of {sorted(runs)}")
    chosen = chosen_steps(next(iter(llcs.values())))
    figure = style.new_figure(
        style.FULL_WIDTH,
        2.35 * len(chosen) + 0.5,
        f"Run {runs.pop()}: chains at {len(chosen)} checkpoints",
    )
    axes = figure.subplots(
        2 * len(chosen), len(llcs), squeeze=False, sharex="col", height_ratios=[1, 1] * len(chosen)
    )
    ledger = Ledger()
    for column, (setting, judged) in enumerate(llcs.items()):
        for row, (name, step) in enumerate(chosen.items()):
            if step not in judged["step"]:
                raise ValueError(f"setting {setting!r} has no estimate at step {step}")
            top, bottom = axes[2 * row : 2 * row + 2, column]
            estimate = judged.sel(step=step)
            panel = f"{setting}, {name}, step {step}"
            _losses(ledger, top, panel, estimate)
            _running(ledger, bottom, panel, estimate)
            top.set_title(f"{setting}, {name} checkpoint t = {step}\n{_verdict(estimate)}")
            if column == 0:
                top.set_ylabel("Minibatch loss")
                bottom.set_ylabel("Running LLC " r"$\hat\lambda_\tau$")
        axes[-1, column].set_xlabel("SGLD step (burn-in, then draws)")
    style.bottom_legend(figure, _handles(), columns=6)
    return Drawn(figure, ledger.table())


def chosen_steps(judged: xr.Dataset) -> dict[str, int]:
    """Return an early step, the one of the largest LLC and the last one, each once."""
    steps = judged["step"].to_numpy()
    early = int(steps[np.searchsorted(steps, EARLY_SHARE * steps[-1])])
    chosen = {"early": early}
    llc = judged["llc_mean"].to_numpy()
    if np.isfinite(llc).any():
        chosen["peak"] = int(steps[np.nanargmax(llc)])
    chosen["last"] = int(steps[-1])
    return {
        name: s
        for name, s in chosen.items()
        if list(chosen.values()).count(s) == 1 or name != "peak"
    }


def _verdict(estimate: xr.Dataset) -> str:
    """Say whether to trust the estimate, in one line."""
    if not np.isfinite(estimate["llc_mean"].item()):
        return f"no estimate: {int(estimate['diverged'].sum())} chains diverged"
    share = estimate["forgotten_share"].item()
    state = str(estimate["verdict"].item())
    if np.isfinite(share):
        state += f": {100 * share:.0f} % of gain lost"
    rhat, ess = estimate["rhat"].item(), estimate["ess"].item()
    diverged = int(estimate["diverged"].sum())
    more = f", {diverged} diverged" if diverged else ""
    return rf"{state}, $\hat R$ = {rhat:.2f}, ESS = {ess:.0f}{more}"


def _losses(ledger: Ledger, ax: Axes, panel: str, estimate: xr.Dataset) -> None:
    burnin, draws = estimate["burnin_loss"].to_numpy(), estimate["loss"].to_numpy()
    losses = np.concatenate([burnin, draws], axis=1)
    losses = np.where(np.isfinite(losses), losses, np.nan)
    tau = np.arange(1, losses.shape[1] + 1)
    for color, chain, loss in coloured_chains(losses):
        ledger.line(
            ax, panel, f"loss, chain {chain}", tau, loss, color=color, linewidth=0.45, alpha=0.8
        )
    ax.axhline(estimate["init_loss"].item(), color=style.MAIN, linewidth=0.9)
    ax.axhline(estimate["untrained_loss"].item(), color=style.MUTED, linewidth=0.9, linestyle=":")
    _burnin(ax, burnin.shape[1], tau[-1])


def _running(ledger: Ledger, ax: Axes, panel: str, estimate: xr.Dataset) -> None:
    """Draw the running estimate: the mean paired excess so far, times n_beta, of every kept chain."""
    num_burnin = estimate.sizes["burnin"]
    running = running_llc(estimate, float(estimate.attrs["n_beta"]))
    count = np.arange(1, running.shape[1] + 1)
    kept = running[~estimate["diverged"].to_numpy().astype(bool)]
    tau = num_burnin + count
    ax.set_xlim(0, tau[-1] * 1.01)
    _burnin(ax, num_burnin, tau[-1])
    ax.axhline(0, color=style.MUTED, linewidth=0.5)
    if not len(kept):
        ax.set_yticks([])
        style.note(ax, "every chain diverged")
        return
    for color, chain, values in coloured_chains(kept):
        ledger.line(
            ax, panel, f"running LLC, chain {chain}", tau, values, color=color, linewidth=0.5
        )
    mean = kept.mean(axis=0)
    spread = kept.std(axis=0, ddof=1) if len(kept) > 1 else np.zeros_like(mean)
    ledger.line(
        ax,
        panel,
        "running LLC, mean",
        tau,
        mean,
        mean - spread,
        mean + spread,
        color=style.MAIN,
        linewidth=1.3,
    )


def _burnin(ax: Axes, num_burnin: int, last: int) -> None:
    ax.set_xlim(0, last * 1.01)
    ax.axvspan(0, num_burnin, color=style.MUTED, alpha=0.15, linewidth=0, zorder=0)


def _handles() -> list[Artist]:
    return [
        Line2D(
            [], [], color=mpl.colormaps[style.SEQUENCE](0.4), linewidth=0.7, label="single chains"
        ),
        Line2D([], [], color=style.MAIN, linewidth=1.3, label="L(w*); mean over chains"),
        Line2D([], [], color=style.MUTED, linestyle=":", label="loss of the untrained network"),
        Patch(color=style.MAIN, alpha=0.25, linewidth=0, label="±1 sd over chains"),
        Patch(color=style.MUTED, alpha=0.15, linewidth=0, label="burn-in"),
    ]
