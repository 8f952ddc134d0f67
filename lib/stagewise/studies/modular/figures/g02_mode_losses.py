"""What each Fourier mode does for the loss over training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.core.intervals import mean_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import along
from stagewise.studies.modular.leads import last_before, lead_of_learned
from stagewise.studies.modular.phases import ModePhases, phases_in

SETTINGS = ("narrow", "wide")

FACTOR = 3.0
"""How much faster growth is than what is before and after it: claim G8."""

_COLORS = dict(zip(SETTINGS, style.SERIES, strict=False))
_SLOWEST = 2.5  # relative speeds above are not told apart
_NAMED = (*style.SERIES, "#56b4e9", "#e69f00")  # what costs least beyond has one colour
_UNLEARNED: dict[str, Any] = {"color": style.MUTED, "linewidth": 0.5, "alpha": 0.6}
_BOUND: dict[str, Any] = {"color": style.ACCENT, "linewidth": 1.2}
_BASELINE: dict[str, Any] = {"color": style.ACCENT, "linestyle": ":", "linewidth": 1.0}


@style.context()
def draw(
    *,
    modes: Mapping[str, xr.Dataset],
    growth: pd.DataFrame,
    runs: pd.DataFrame,
    shown_seed: int,
) -> Drawn:
    """Draw the loss with one mode alone and with one removed, and the modes of all seeds.

    Parameters
    ----------
    modes : mapping of str to Dataset
        By setting; layout `modular.layout.MODES`.
    growth : DataFrame
        Layout `modular.layout.GROWTH`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    shown_seed : int
        The seed of single-run panels.
    """
    figure = style.new_figure(style.FULL_WIDTH, 3 * style.PANEL_HEIGHT + 0.9)
    grid = figure.add_gridspec(3, 6)
    ledger, cases = Ledger(), {name: along.first_case(runs, name) for name in SETTINGS}
    for column, name in enumerate(SETTINGS):
        own_axes = [figure.add_subplot(grid[row, 3 * column : 3 * column + 3]) for row in (0, 1)]
        letters, seeds = "abcd"[column::2], modes[name]["seed"].to_numpy()
        width, modulus = (int(modes[name].attrs[key]) for key in ("embed_dim", "modulus"))
        own_axes[0].set_title(
            f"({letters[0]}) {name}, seed {shown_seed}: one mode removed, room for "
            f"{min(width, modulus - 1) // 2} of {(modulus - 1) // 2}"
        )
        own_axes[1].set_title(f"({letters[1]}) nothing but the constant and one mode")
        for ax in own_axes:
            along.step_axis(ax, float(modes[name]["step"][-1]), label=ax is own_axes[-1])
            ax.set_ylabel("Test loss (nat)")
        along.note_diverged(own_axes[0], cases[name], seeds, shown_seed)
        if shown_seed in along.kept_seeds(cases[name], seeds):
            own = modes[name].sel(seed=shown_seed)
            _lines(ledger, own_axes[0], f"{letters[0]}, {name}", own, "loss_without_mode")
            _lines(ledger, own_axes[1], f"{letters[1]}, {name}", own, "loss_with_mode")
            for ax in own_axes:
                along.mark_times(ax, cases[name].loc[shown_seed])
            style.note(own_axes[1], _absences(own, cases[name].loc[shown_seed]), y=0.4)
    bottom = [figure.add_subplot(grid[2, start : start + 2]) for start in (0, 2, 4)]
    _numbers(ledger, bottom[0], modes, cases)
    _leads(ledger, bottom[1], modes, cases)
    _phases(ledger, bottom[2], modes, growth, cases)
    style.bottom_legend(
        figure, [*_line_handles(), *along.time_handles(), *_dot_handles()], columns=4
    )
    return Drawn(figure, ledger.table())


def relative_speed(phases: ModePhases) -> float:
    """Return the faster of warm-up and saturation over the growth in between; infinite without these.

    At most 1 / factor for the modes with `ModePhases.are_three`.
    """
    outer = np.array([phases.warm_up_speed, phases.saturated_speed]) / phases.fast_speed
    return float(max(outer.max(), 0.0)) if np.isfinite(outer).all() else float("inf")


def shares_below(values: list[float], last: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the empirical distribution of values from 0 to `last`, as corners of its steps."""
    inside = np.sort([value for value in values if value <= last])
    counts = np.concatenate([np.arange(len(inside) + 1), [len(inside)]])
    return np.concatenate([[0.0], inside, [last]]), counts / max(len(values), 1)


def _learned_colors(own: xr.Dataset) -> dict[int, Any]:
    """Return a colour of each mode learned in the end, from that whose removal costs most on."""
    last = own.isel(step=-1)
    costs = last["loss_without_mode"].where(last["learned"].astype(bool)).to_series().dropna()
    modes = costs.sort_values(ascending=False).index
    return {int(mode): _NAMED[min(place, len(_NAMED) - 1)] for place, mode in enumerate(modes)}


def _lines(ledger: Ledger, ax: Axes, panel: str, own: xr.Dataset, name: str) -> None:
    """Draw a loss of each mode with the test loss and the loss without modes."""
    steps, colors = own["step"].to_numpy(), _learned_colors(own)
    others = [mode for mode in own["mode"].to_numpy().tolist() if mode not in colors]
    for mode in [*others, *reversed(colors)]:  # the costliest on top
        look = {"color": colors[mode], "linewidth": 1.4} if mode in colors else _UNLEARNED
        ledger.line(ax, panel, f"mode {mode}", steps, own[name].sel(mode=mode).to_numpy(), **look)
    test, without = own["test_loss"].to_numpy(), own["loss_without_modes"].to_numpy()
    ledger.line(ax, panel, "test loss", steps, test, color=style.MAIN, linewidth=1.4)
    ledger.line(ax, panel, "no mode", steps, without, **_BASELINE)
    ax.set_ylim(bottom=0)
    named = [Line2D([], [], color=color, label=f"k = {mode}") for mode, color in colors.items()]
    if named and name == "loss_without_mode":
        ax.legend(handles=named, loc="lower left", title="learned modes")


def _absences(own: xr.Dataset, run: pd.Series) -> str:
    """Say what the shown run lacks; "" if nothing."""
    learned = bool(own["learned"].isel(step=-1).any())
    return "\n".join(filter(None, ["" if learned else "no mode is learned", along.missing(run)]))


def _numbers(
    ledger: Ledger, ax: Axes, modes: Mapping[str, xr.Dataset], cases: Mapping[str, pd.DataFrame]
) -> None:
    """Draw how many modes each run has learned in the end, with the room for them."""
    for place, name in enumerate(SETTINGS):
        data, runs = modes[name], cases[name]
        seeds = along.kept_seeds(runs, data["seed"].to_numpy())
        bound = min(float(data.attrs["embed_dim"]) / 2, float(data.sizes["mode"]))
        ax.plot([place - 0.4, place + 0.4], [bound, bound], **_BOUND)
        ledger.add("e", f"{name}, room for", place, bound)
        generalised = [runs.loc[seed, "outcome"] == "generalise" for seed in seeds]
        counts = [int(data["learned"].sel(seed=seed).isel(step=-1).sum()) for seed in seeds]
        x = place + np.linspace(-0.25, 0.25, len(seeds) + 2)[1:-1]
        for at, value, filled in zip(x, counts, generalised, strict=True):
            ax.plot(at, value, **_dot(_COLORS[name], filled))
        ledger.add("e", f"{name}, learned", x, counts, seed=seeds, generalises=generalised)
    style.category_axis(ax, SETTINGS, "")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Learned modes at the end")
    ax.set_title("(e) modes of each seed")


def _leads(
    ledger: Ledger, ax: Axes, modes: Mapping[str, xr.Dataset], cases: Mapping[str, pd.DataFrame]
) -> None:
    """Draw how far the modes learned in the end were ahead at step 0 and before the rise."""
    ticks = []
    for number, name in enumerate(SETTINGS):
        data, runs = modes[name], cases[name]
        rises = runs["rise_start"]
        seeds = [s for s in along.kept_seeds(runs, data["seed"].to_numpy()) if rises[s] > 0]
        for offset, when in enumerate(("step 0", "rise")):
            place = 2 * number + offset
            ticks.append(f"{name}\n{when}")
            own = {seed: data.sel(seed=seed) for seed in seeds}
            at = [last_before(one, rises[seed]) if offset else 0 for seed, one in own.items()]
            leads = np.array(
                [lead_of_learned(one, step) for one, step in zip(own.values(), at, strict=True)]
            )
            leads = leads[np.isfinite(leads)]
            x = place + np.linspace(-0.25, 0.25, len(leads) + 2)[1:-1]
            ax.plot(x, leads, "o", color=_COLORS[name], markersize=3, alpha=0.65)
            ledger.add("f", f"{name}, {when}, seeds", x, leads)
            if len(leads) > 1:
                mean, low, high = mean_interval(leads)
                error = [[mean - low], [high - mean]]
                ax.errorbar([place], [mean], error, fmt="_", color=style.MAIN, elinewidth=1.0)
                ledger.add("f", f"{name}, {when}", place, mean, low, high)
    ax.axhline(0.5, color=style.MUTED, linestyle=":", linewidth=0.8)
    style.category_axis(ax, ticks, "")
    ax.set_ylim(0, 1.1)
    ax.set_ylabel("Chance that a winner is ahead")
    ax.set_title("(f) did winners lead at once?")


def _phases(
    ledger: Ledger,
    ax: Axes,
    modes: Mapping[str, xr.Dataset],
    growth: pd.DataFrame,
    cases: Mapping[str, pd.DataFrame],
) -> None:
    """Draw, as shares of learned modes, how slow they are before and after their growth."""
    for name in SETTINGS:
        seeds = along.kept_seeds(cases[name], modes[name]["seed"].to_numpy())
        rows = growth[(growth["setting"] == name) & growth["seed"].isin(seeds)]
        speeds = [relative_speed(phases) for phases in phases_in(rows)]
        label = f"{name} ({len(speeds)})"
        look: dict[str, Any] = {"color": _COLORS[name], "drawstyle": "steps-post"}
        ledger.line(ax, "g", label, *shares_below(speeds, _SLOWEST), label=label, **look)
    ax.axvline(1 / FACTOR, color=style.ACCENT, linestyle="--", linewidth=0.8)
    ax.text(1 / FACTOR, 1.0, f" 1/{FACTOR:g}", color=style.ACCENT, va="top")
    ax.set_xlim(0, _SLOWEST)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("Speed around over in the rise")
    ax.set_ylabel("Share of learned modes")
    ax.set_title("(g) slow before and after?")
    ax.legend(loc="lower right")


def _dot(color: str, filled: bool) -> dict[str, Any]:
    face = color if filled else "white"
    return {
        "marker": "o",
        "linestyle": "",
        "color": color,
        "markerfacecolor": face,
        "markersize": 3,
    }


def _line_handles() -> list[Artist]:
    return [
        Line2D([], [], color=style.MAIN, linewidth=1.4, label="test loss"),
        Line2D([], [], label="other modes", **_UNLEARNED),
        Line2D([], [], label="loss without any mode", **_BASELINE),
    ]


def _dot_handles() -> list[Artist]:
    return [
        Line2D([], [], label="room for $d_e/2$ modes", **_BOUND),
        Line2D([], [], label="seed that generalises", **_dot(style.MAIN, True)),
        Line2D([], [], label="seed that does not", **_dot(style.MAIN, False)),
    ]
