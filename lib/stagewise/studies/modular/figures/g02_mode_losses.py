"""What each Fourier mode does for the loss over training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import along
from stagewise.studies.modular.phases import ModePhases, phases_in

SETTINGS = ("narrow", "wide")

BASELINE_SHARE, FACTOR = 0.05, 3.0
"""Share of the baseline that counts as an effect, and how much faster growth is: claims G7 and G8."""

_COLORS = dict(zip(SETTINGS, style.SERIES, strict=False))
_SLOWEST = 2.5  # relative speeds above are not told apart
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
    figure = style.new_figure(style.FULL_WIDTH, 4 * 1.5 + 0.9)
    axes = figure.subplots(4, 2)
    ledger, cases = Ledger(), {name: along.first_case(runs, name) for name in SETTINGS}
    meshes = []
    for column, name in enumerate(SETTINGS):
        top, letters = axes[:3, column], "abcdef"[column::2]
        width, modulus = (int(modes[name].attrs[key]) for key in ("embed_dim", "modulus"))
        top[0].set_title(
            f"({letters[0]}) {name}: $d_e$ = {width}, room for {width // 2} of "
            f"{(modulus - 1) // 2} modes, seed {shown_seed}"
        )
        top[1].set_title(f"({letters[1]}) nothing but the constant and one mode")
        top[2].set_title(f"({letters[2]}) one mode removed")
        _label(top, float(modes[name]["step"][-1]))
        along.note_diverged(top[0], cases[name], modes[name]["seed"].to_numpy(), shown_seed)
        if shown_seed in along.kept_seeds(cases[name], modes[name]["seed"].to_numpy()):
            own = modes[name].sel(seed=shown_seed)
            meshes.append(_heat_map(ledger, top[0], f"{letters[0]}, {name}", own))
            _lines(ledger, top[1], f"{letters[1]}, {name}", own, "loss_with_mode")
            _lines(ledger, top[2], f"{letters[2]}, {name}", own, "loss_without_mode")
            for ax in top[1:]:
                along.mark_times(ax, cases[name].loc[shown_seed])
            style.note(top[1], _absences(own, cases[name].loc[shown_seed]), y=0.4)
    _one_scale(figure, meshes, axes[0])
    _numbers(ledger, axes[3, 0], modes, cases)
    _phases(ledger, axes[3, 1], modes, growth, cases)
    handles = [*_line_handles(), *along.time_handles(), *_dot_handles()]
    style.bottom_legend(figure, handles, columns=4)
    return Drawn(figure, ledger.table())


def in_use(own: xr.Dataset) -> np.ndarray:
    """Return which modes' removal raises the test loss by `BASELINE_SHARE` of the loss without any.

    Parameters
    ----------
    own : Dataset
        Of one run.

    Returns
    -------
    ndarray of bool, shape (step, mode)
    """
    cost = own["loss_without_mode"] - own["test_loss"]
    return (cost > BASELINE_SHARE * own["loss_without_modes"]).transpose("step", "mode").to_numpy()


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


def log_edges(steps: np.ndarray) -> np.ndarray:
    """Return the edges of cells around positive steps, halfway between them in log t."""
    logs = np.log(steps)
    half = np.diff(logs) / 2 if len(logs) > 1 else np.array([0.5])
    edges: np.ndarray = np.exp(
        np.concatenate([[logs[0] - half[0]], logs[:-1] + np.diff(logs) / 2, [logs[-1] + half[-1]]])
    )
    return edges


def _label(axes: np.ndarray, last: float) -> None:
    for ax in axes:
        along.step_axis(ax, last, label=ax is axes[-1])
        ax.set_ylabel("Test loss (nat)")
    axes[0].set_ylabel("Fourier mode k")


def _heat_map(ledger: Ledger, ax: Axes, panel: str, own: xr.Dataset) -> QuadMesh:
    """Draw the loss with each mode alone less the baseline; triangles mark modes learned in the end."""
    own = own.isel(step=own["step"].to_numpy() > 0)
    steps, modes = own["step"].to_numpy(), own["mode"].to_numpy()
    change = (own["loss_with_mode"] - own["loss_without_modes"]).transpose("mode", "step")
    rows = np.arange(modes[0], modes[-1] + 2) - 0.5
    mesh = ax.pcolormesh(log_edges(steps), rows, change.to_numpy(), rasterized=True)
    for mode, line in zip(modes, change.to_numpy(), strict=True):
        ledger.add(panel, f"mode {mode}", steps, line)
    for mode, color in _learned_colors(own).items():
        ax.plot(
            1.0, mode, marker="<", color=color, transform=ax.get_yaxis_transform(), clip_on=False
        )
    return mesh


def _learned_colors(own: xr.Dataset) -> dict[int, Any]:
    """Return a colour of each mode learned in the end, from the largest share of power on."""
    last = own.isel(step=-1)
    shares = last["power_share"].where(last["learned"].astype(bool)).to_series().dropna()
    modes = shares.sort_values(ascending=False).index
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.9, max(len(modes), 2)))
    return {int(mode): color for mode, color in zip(modes, colors, strict=False)}


def _lines(ledger: Ledger, ax: Axes, panel: str, own: xr.Dataset, name: str) -> None:
    """Draw a loss of each mode with the test loss and the loss without modes."""
    steps, colors = own["step"].to_numpy(), _learned_colors(own)
    others = [mode for mode in own["mode"].to_numpy().tolist() if mode not in colors]
    for mode in [*others, *reversed(colors)]:  # the largest share of power on top
        look = {"color": colors[mode], "linewidth": 1.1} if mode in colors else _UNLEARNED
        ledger.line(ax, panel, f"mode {mode}", steps, own[name].sel(mode=mode).to_numpy(), **look)
    test, without = own["test_loss"].to_numpy(), own["loss_without_modes"].to_numpy()
    ledger.line(ax, panel, "test loss", steps, test, color=style.MAIN, linewidth=1.4)
    ledger.line(ax, panel, "no mode", steps, without, **_BASELINE)
    ax.set_ylim(bottom=0)


def _absences(own: xr.Dataset, run: pd.Series) -> str:
    """Say what the shown run lacks; "" if nothing."""
    learned = bool(own["learned"].isel(step=-1).any())
    return "\n".join(filter(None, ["" if learned else "no mode is learned", along.missing(run)]))


def _one_scale(figure: Figure, meshes: list[QuadMesh], axes: np.ndarray) -> None:
    """Give heat maps one scale, on which white is the baseline; without heat maps nothing."""
    sizes = [np.nanmax(np.abs(values)) for mesh in meshes if (values := _finite(mesh)).size]
    if not sizes:
        return
    for mesh in meshes:
        mesh.set_cmap("RdBu_r")
        mesh.set_clim(-max(sizes), max(sizes))
    bar = figure.colorbar(meshes[0], ax=list(axes), pad=0.02)
    bar.set_label("Loss with mode k alone\nless without any (nat)")


def _finite(mesh: QuadMesh) -> np.ndarray:
    values: np.ndarray = np.ma.filled(np.ma.asarray(mesh.get_array()), np.nan)
    return values[np.isfinite(values)]


def _numbers(
    ledger: Ledger, ax: Axes, modes: Mapping[str, xr.Dataset], cases: Mapping[str, pd.DataFrame]
) -> None:
    """Draw how many modes each run has learned and uses in the end, with the room for them."""
    ticks = []
    for number, name in enumerate(SETTINGS):
        data, runs = modes[name], cases[name]
        seeds = along.kept_seeds(runs, data["seed"].to_numpy())
        bound = float(data.attrs["embed_dim"]) / 2
        ax.plot([2 * number - 0.4, 2 * number + 1.4], [bound, bound], **_BOUND)
        ledger.add("g", f"{name}, room for", 2 * number, bound)
        last = [data.sel(seed=seed).isel(step=[-1]) for seed in seeds]
        generalised = [runs.loc[seed, "outcome"] == "generalise" for seed in seeds]
        counts = {"learned": [int(own["learned"].sum()) for own in last]}
        counts["in use"] = [int(in_use(own).sum()) for own in last]
        for offset, (kind, values) in enumerate(counts.items()):
            x = 2 * number + offset + np.linspace(-0.25, 0.25, len(seeds) + 2)[1:-1]
            for place, value, filled in zip(x, values, generalised, strict=True):
                ax.plot(place, value, **_dot(_COLORS[name], filled))
            ledger.add("g", f"{name}, {kind}", x, values, seed=seeds, generalises=generalised)
            ticks.append(f"{name}\n{kind}")
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Modes at the end")
    ax.set_title("(g) modes of each seed, and room for them")


def _phases(
    ledger: Ledger,
    ax: Axes,
    modes: Mapping[str, xr.Dataset],
    growth: pd.DataFrame,
    cases: Mapping[str, pd.DataFrame],
) -> None:
    """Draw, as shares of modes, how slow they are before and after their growth."""
    for name in SETTINGS:
        data = modes[name]
        speeds: dict[str, list[float]] = {"learned": [], "in use": []}
        for seed in along.kept_seeds(cases[name], data["seed"].to_numpy()):
            own = data.sel(seed=seed)
            useful = dict(zip(own["mode"].to_numpy().tolist(), in_use(own)[-1], strict=True))
            rows = growth[(growth["setting"] == name) & (growth["seed"] == seed)]
            for mode, phases in zip(rows["mode"], phases_in(rows), strict=True):
                speeds["learned"].append(relative_speed(phases))
                if useful[mode]:
                    speeds["in use"].append(relative_speed(phases))
        for kind, dash in (("learned", ":"), ("in use", "-")):
            label = f"{name}, {kind} ({len(speeds[kind])})"
            x, y = shares_below(speeds[kind], _SLOWEST)
            look: dict[str, Any] = {
                "color": _COLORS[name],
                "linestyle": dash,
                "drawstyle": "steps-post",
            }
            ledger.line(ax, "h", label, x, y, label=label, **look)
    ax.axvline(1 / FACTOR, color=style.ACCENT, linestyle="--", linewidth=0.8)
    ax.text(1 / FACTOR, 1.0, f" 1/{FACTOR:g}", color=style.ACCENT, va="top")
    ax.set_xlim(0, _SLOWEST)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("Speed before or after over that of fast growth")
    ax.set_ylabel("Share of modes")
    ax.set_title("(h) is growth slow before and after?")
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
    strong, weak = mpl.colormaps[style.SEQUENCE]([0.0, 0.9])
    return [
        Line2D([], [], color=style.MAIN, linewidth=1.4, label="test loss"),
        Line2D([], [], color=strong, label="learned mode, most power"),
        Line2D([], [], color=weak, label="learned mode, least power"),
        Line2D([], [], label="other modes", **_UNLEARNED),
        Line2D([], [], label="loss without any mode", **_BASELINE),
    ]


def _dot_handles() -> list[Artist]:
    return [
        Line2D([], [], label="room for $d_e/2$ modes", **_BOUND),
        Line2D([], [], label="seed that generalises", **_dot(style.MAIN, True)),
        Line2D([], [], label="seed that does not", **_dot(style.MAIN, False)),
    ]
