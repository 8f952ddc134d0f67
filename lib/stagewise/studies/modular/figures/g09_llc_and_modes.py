"""LLC, loss, accuracy and learned modes along training, with a random table beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import along

SETTINGS = {"late": "(a + b) mod p", "random": "a random table"}
"""Settings beside each other, and what their labels are."""

_LABELS = (
    "Local learning coefficient\n" r"$\hat\lambda$ (dimensionless)",
    "Loss (nat)",
    "Accuracy",
    "Learned modes",
)
_PARTS = {"train": "--", "test": "-"}


@style.context()
def draw(
    *,
    llc: Mapping[str, xr.Dataset],
    modes: Mapping[str, xr.Dataset],
    curves: Mapping[str, xr.Dataset],
    runs: pd.DataFrame,
    shown_seed: int,
) -> Drawn:
    """Draw what is learned, and the LLC, for sums and for a random table.

    Parameters
    ----------
    llc : mapping of str to Dataset
        By setting and seed, as in ``late-s0``; layout `llc.layout.LLC`.
    modes, curves : mapping of str to Dataset
        By setting; layouts `modular.layout.MODES` and `modular.layout.CURVES`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    shown_seed : int
        The seed drawn bold.
    """
    figure = style.new_figure(style.FULL_WIDTH, 4 * 1.5 + 2.6)
    parts: Any = figure.subfigures(2, 1, height_ratios=(4 * 1.5, 1.8))
    axes = parts[0].subplots(4, len(SETTINGS), sharex="col", sharey="row")
    ledger = Ledger()
    for column, (name, labels) in enumerate(SETTINGS.items()):
        own, cases = axes[:, column], along.first_case(runs, name)
        panels = [f"{letter}, {name}" for letter in "abcdefgh"[column :: len(SETTINGS)]]
        followed = [int(key.partition("-s")[2]) for key in llc if key.partition("-s")[0] == name]
        seeds = along.kept_seeds(cases, followed)
        last = float(curves[name]["step"][-1])
        for ax in own:
            along.step_axis(ax, last, label=ax is own[-1])
        _estimates(
            ledger, own[0], panels[0], {seed: llc[f"{name}-s{seed}"] for seed in seeds}, shown_seed
        )
        lines = {seed: along.curve_of(curves[name], seed) for seed in seeds}
        _curves(ledger, own[1], panels[1], lines, "loss", shown_seed)
        _curves(ledger, own[2], panels[2], lines, "accuracy", shown_seed)
        _modes(ledger, own[3], panels[3], modes[name], seeds, shown_seed)
        own[0].set_title(f"({panels[0][0]}) {name}: labels are {labels}")
        for ax, panel in zip(own[1:], panels[1:], strict=True):
            ax.set_title(f"({panel[0]}) {name}")
        for ax in own:
            if shown_seed in seeds:
                along.mark_times(ax, cases.loc[shown_seed])
        along.note_diverged(own[0], cases, followed, shown_seed)
        words = along.missing(cases.loc[shown_seed])
        style.note(own[2], words, x=0.55, y=0.6)  # between the curves
    axes[0, 0].set_ylim(0, 1.25 * axes[0, 0].get_ylim()[1])  # room for the note
    axes[1, 0].set_yscale("log")
    axes[2, 0].set_ylim(0, 1.03)
    axes[3, 0].set_ylim(bottom=-0.1)
    axes[3, 0].yaxis.get_major_locator().set_params(integer=True)
    for ax, label in zip(axes[:, 0], _LABELS, strict=True):
        ax.set_ylabel(label)
    _at_equal_loss(ledger, parts[1].subplots(), llc, runs)
    marks = verdict_marks.handles(ledger.verdicts)
    style.bottom_legend(parts[1], [*_handles(shown_seed), *marks], columns=4)
    return Drawn(figure, ledger.table())


def _estimates(
    ledger: Ledger, ax: Axes, panel: str, judged: Mapping[int, xr.Dataset], shown: int
) -> None:
    """Draw the LLC of each seed: all marks of the shown one, and of others those that are not sound."""
    values = {s: (d["step"].to_numpy(), d["llc_mean"].to_numpy()) for s, d in judged.items()}
    along.seed_lines(ledger, ax, panel, "LLC", values, shown, color=style.MAIN)
    verdicts = {seed: verdict_marks.verdicts_of(one) for seed, one in judged.items()}
    for seed, one in judged.items():
        if seed == shown:
            ledger.estimates(ax, panel, f"estimates, seed {seed}", one)
            continue
        unsound = one.isel(step=np.flatnonzero(verdicts[seed] != "ok"))
        ledger.estimates(ax, panel, f"not ok, seed {seed}", unsound, style.MUTED)
    every = np.concatenate([*verdicts.values(), np.array([], dtype=str)])
    flags = verdict_marks.counts(every)
    text = flags or f"all {len(every)} estimates of {len(judged)} seeds ok" if judged else ""
    style.note(ax, text)


def _at_equal_loss(
    ledger: Ledger, ax: Axes, llc: Mapping[str, xr.Dataset], runs: pd.DataFrame
) -> None:
    """Draw the LLC against the training loss, time running to the right; filled once generalised."""
    for color, (name, labels) in zip(style.SERIES, SETTINGS.items(), strict=False):
        cases = along.first_case(runs, name)
        followed = {
            int(key.partition("-s")[2]): one for key, one in llc.items() if key.startswith(name)
        }
        for seed in along.kept_seeds(cases, list(followed)):
            one = followed[seed]
            sound = one.isel(step=np.flatnonzero(verdict_marks.verdicts_of(one) == "ok"))
            loss, level = sound["init_loss"].to_numpy(), sound["llc_mean"].to_numpy()
            ledger.line(ax, "i", f"{name}, seed {seed}", loss, level, color=color, linewidth=0.7)
            done = sound["step"].to_numpy() >= cases.loc[seed, "generalised_step"]
            ledger.add("i", f"{name}, seed {seed}, generalised", loss[done], level[done])
            ax.plot(loss[done], level[done], "o", color=color, markersize=2.5)
        ax.plot([], [], color=color, label=f"{name}: labels are {labels}")
    ax.plot([], [], "o", color=style.MUTED, markersize=2.5, label="test set learned")
    ax.legend(loc="best")
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("Training loss at the checkpoint (nat, log scale, falling to the right)")
    ax.set_ylabel(_LABELS[0])
    ax.set_title("(i) LLC at equal training loss, sound estimates of all seeds")


def _curves(
    ledger: Ledger, ax: Axes, panel: str, lines: Mapping[int, xr.Dataset], name: str, shown: int
) -> None:
    for part, dash in _PARTS.items():
        color = style.SERIES[1] if part == "train" else style.MAIN
        values = {
            seed: (one["step"].to_numpy(), one[f"{part}_{name}"].to_numpy())
            for seed, one in lines.items()
        }
        series = f"{part} {name}"
        along.seed_lines(ledger, ax, panel, series, values, shown, color=color, linestyle=dash)


def _modes(
    ledger: Ledger, ax: Axes, panel: str, modes: xr.Dataset, seeds: list[int], shown: int
) -> None:
    """Draw how many modes have the power of a learned one, of the seeds whose modes are followed."""
    followed = [seed for seed in seeds if seed in modes["seed"].to_numpy()]
    count = modes["learned"].sum("mode")
    steps = modes["step"].to_numpy()
    values = {seed: (steps, count.sel(seed=seed).to_numpy()) for seed in followed}
    look = {"color": style.SERIES[0], "drawstyle": "steps-post"}
    along.seed_lines(ledger, ax, panel, "learned modes", values, shown, **look)
    room = float(modes.attrs["embed_dim"]) / 2
    ledger.add(panel, "room for modes", [steps[-1]], [room])
    ax.axhline(room, color=style.ACCENT, linestyle=":", linewidth=1.0)
    if not modes["learned"].any():
        style.note(ax, f"no mode is learned by any of {modes.sizes['seed']} seeds", y=0.6)


def _handles(shown: int) -> list[Artist]:
    return [
        *along.seed_handles(shown),
        Line2D([], [], color=style.MAIN, label="test set"),
        Line2D([], [], color=style.SERIES[1], linestyle="--", label="training set"),
        *along.time_handles(),
        Line2D([], [], color=style.ACCENT, linestyle=":", label="room for $d_e/2$ modes"),
    ]
