"""Agreement of gradients, sharpness and slingshots along training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import along
from stagewise.studies.modular.slingshots import Slingshot, find_slingshots
from stagewise.studies.modular.thresholds import SlingshotSettings

SETTINGS = ("late", "narrow", "descent")
SLINGSHOT_SETTING = "early"
"""The setting whose curves are shown for slingshots; they are counted in the others too."""

_LAST_LAYER = "unembedding.weight"
_COSINES = {"cosine": "two training samples", "cross_cosine": "training and test sample"}
_COLORS = dict(zip(_COSINES, style.SERIES, strict=False))
_SCALE = 1e3  # cosines are drawn in thousandths
_LABELS = (
    "Accuracy",
    "Mean cosine of gradients\n(thousandths)",
    "Signal to noise towards\nthe final modes",
    "Sharpness over the\nbound of stability",
)


@style.context()
def draw(
    *,
    gradients: Mapping[str, xr.Dataset],
    curves: Mapping[str, xr.Dataset],
    runs: pd.DataFrame,
    slingshots: Mapping[str, Any],
    shown_seed: int,
) -> Drawn:
    """Draw accuracy, agreement of gradients and sharpness of three settings, and slingshots.

    Parameters
    ----------
    gradients : mapping of str to Dataset
        By setting; layout `modular.layout.GRADIENTS`.
    curves : mapping of str to Dataset
        By setting; layout `modular.layout.CURVES`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    slingshots : mapping of str to Any
        What `modular.slingshots.SlingshotSettings` is made of.
    shown_seed : int
        The seed drawn bold.
    """
    figure = style.new_figure(style.FULL_WIDTH, 5 * 1.4 + 0.9)
    axes = figure.subplots(5, len(SETTINGS))
    for row in (0, 3):  # accuracies and ratios have one scale
        for ax in axes[row, 1:]:
            ax.sharey(axes[row, 0])
    ledger = Ledger()
    for column, name in enumerate(SETTINGS):
        letters = "abcdefghijkl"[column :: len(SETTINGS)]
        panels = [f"{letter}, {name}" for letter in letters]
        own, data, cases = axes[:4, column], gradients[name], along.first_case(runs, name)
        seeds = along.kept_seeds(cases, data["seed"].to_numpy())
        lines = {seed: along.curve_of(curves[name], seed) for seed in seeds}
        _accuracies(ledger, own[0], panels[0], lines, shown_seed)
        _cosines(ledger, own[1], panels[1], data, seeds, shown_seed)
        _signal(ledger, own[2], panels[2], data, seeds, shown_seed)
        _sharpness(ledger, own[3], panels[3], data, seeds, shown_seed)
        own[0].set_title(f"({letters[0]}) {_title(name, data)}")
        for ax, letter in zip(own[1:], letters[1:], strict=True):
            ax.set_title(f"({letter}) {name}, {len(seeds)} seeds")
        for ax in own:
            along.step_axis(ax, float(data["step"][-1]), label=ax is own[3])
            if shown_seed in seeds:
                along.mark_times(ax, cases.loc[shown_seed])
        along.note_diverged(own[0], cases, data["seed"].to_numpy(), shown_seed)
        style.note(own[0], along.missing(cases.loc[shown_seed]), y=0.7)
    for ax, label in zip(axes[:, 0], _LABELS, strict=False):
        ax.set_ylabel(label)
    found = {
        name: slingshots_of(
            curves[name], along.first_case(runs, name), SlingshotSettings(**slingshots)
        )
        for name in (SLINGSHOT_SETTING, *SETTINGS)
    }
    _slingshots(ledger, axes[4], curves[SLINGSHOT_SETTING], found, shown_seed)
    style.bottom_legend(figure, _handles(shown_seed), columns=4)
    return Drawn(figure, ledger.table())


def slingshots_of(
    curves: xr.Dataset, runs: pd.DataFrame, settings: SlingshotSettings
) -> dict[int, list[Slingshot]]:
    """Return the slingshots of every seed of a setting's first case that did not diverge.

    Parameters
    ----------
    curves : Dataset
        Layout `modular.layout.CURVES`.
    runs : DataFrame
        Of the setting, from `studies.modular.figures.along.first_case`.
    settings : SlingshotSettings
    """
    found = {}
    for seed in along.kept_seeds(runs, runs.index):
        own = along.curve_of(curves, seed)
        norm = own["parameter_norm"].sel(parameter=_LAST_LAYER).to_numpy()
        steps, loss = own["step"].to_numpy(), own["train_loss"].to_numpy()
        found[seed] = find_slingshots(steps, norm, loss, settings)
    return found


def _title(name: str, data: xr.Dataset) -> str:
    batch = data.attrs["batch_size"]
    drawn = "all pairs" if batch == "full" else f"{batch} pairs"
    return f"{name}: {data.attrs['optimiser']}, {drawn}"


def _accuracies(
    ledger: Ledger, ax: Axes, panel: str, lines: Mapping[int, xr.Dataset], shown: int
) -> None:
    for part, dash in (("train", "--"), ("test", "-")):
        values = {
            s: (d["step"].to_numpy(), d[f"{part}_accuracy"].to_numpy()) for s, d in lines.items()
        }
        along.seed_lines(ledger, ax, panel, part, values, shown, color=style.MAIN, linestyle=dash)
    ax.set_ylim(0, 1.03)


def _cosines(
    ledger: Ledger, ax: Axes, panel: str, data: xr.Dataset, seeds: list[int], shown: int
) -> None:
    for name, series in _COSINES.items():
        scaled = _SCALE * data[[name, f"{name}_stderr"]]
        _with_errors(ledger, ax, panel, scaled, name, series, seeds, shown, _COLORS[name])
    ax.axhline(0, color=style.MAIN, linewidth=0.5)


def _signal(
    ledger: Ledger, ax: Axes, panel: str, data: xr.Dataset, seeds: list[int], shown: int
) -> None:
    name = "signal_to_noise"
    _with_errors(ledger, ax, panel, data, name, "signal to noise", seeds, shown, style.SECOND)
    ax.axhline(0, color=style.MAIN, linewidth=0.5)
    if shown in seeds and not np.isfinite(data[name].sel(seed=shown)).any():
        style.note(ax, "no mode learned in the end: no direction")


def _with_errors(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    data: xr.Dataset,
    name: str,
    series: str,
    seeds: list[int],
    shown: int,
    color: str,
) -> None:
    """Draw a measure of each seed, with a band of one standard error for the shown one."""
    steps = data["step"].to_numpy()
    values = {seed: (steps, data[name].sel(seed=seed).to_numpy()) for seed in seeds}
    others = {seed: line for seed, line in values.items() if seed != shown}
    along.seed_lines(ledger, ax, panel, series, others, shown, color=color)
    if shown in values:
        _, line = values[shown]
        error = data[f"{name}_stderr"].sel(seed=shown).to_numpy()
        bold = {"color": color, **along.BOLD}
        ledger.line(
            ax, panel, f"{series}, seed {shown}", steps, line, line - error, line + error, **bold
        )


def _sharpness(
    ledger: Ledger, ax: Axes, panel: str, data: xr.Dataset, seeds: list[int], shown: int
) -> None:
    steps = data["step"].to_numpy()
    ratio = data["sharpness_ratio"].where(data["sharpness_ratio"] > 0)
    lines = {seed: (steps, ratio.sel(seed=seed).to_numpy()) for seed in seeds}
    along.seed_lines(ledger, ax, panel, "sharpness ratio", lines, shown, color=style.SERIES[3])
    ax.set_yscale("log")
    ax.axhline(1, color=style.ACCENT, linestyle=":", linewidth=1.0)


def _slingshots(
    ledger: Ledger,
    axes: np.ndarray,
    curves: xr.Dataset,
    found: Mapping[str, Mapping[int, list[Slingshot]]],
    shown: int,
) -> None:
    """Draw training loss and last layer's norm of one setting, and how often all have slingshots."""
    own = found[SLINGSHOT_SETTING]
    for ax, letter, name in zip(axes, "mn", ("train_loss", "parameter_norm"), strict=False):
        lines = {}
        for seed in own:
            curve = along.curve_of(curves, seed)
            part = (
                curve[name].sel(parameter=_LAST_LAYER) if name == "parameter_norm" else curve[name]
            )
            lines[seed] = (curve["step"].to_numpy(), part.to_numpy())
        panel = f"{letter}, {SLINGSHOT_SETTING}"
        along.seed_lines(ledger, ax, panel, name, lines, shown, color=style.MAIN)
        for seed, spikes in own.items():
            steps = [spike.loss_step if name == "train_loss" else spike.step for spike in spikes]
            heights = np.interp(steps, *lines[seed])
            ax.plot(steps, heights, **_spike(seed == shown))
            ledger.add(panel, f"slingshots, seed {seed}", steps, heights)
        ax.set_xlim(0, float(curves["step"][-1]))
        ax.set_xlabel("Training step t")
        if not any(own.values()):
            style.note(ax, f"no slingshot in {len(own)} seeds", y=0.2)
    axes[0].set_yscale("log")
    axes[1].set_ylim(bottom=0)
    axes[0].set_ylabel("Training loss (nat)")
    axes[1].set_ylabel("Norm of the last layer")
    axes[0].set_title(f"(m) slingshots, {SLINGSHOT_SETTING}")
    axes[1].set_title(f"(n) {SLINGSHOT_SETTING}")
    for x, (name, seeds) in enumerate(found.items()):
        counts = [len(spikes) for spikes in seeds.values()]
        places = x + np.linspace(-0.25, 0.25, len(counts) + 2)[1:-1]
        axes[2].plot(places, counts, "o", color=style.MAIN)
        ledger.add("o", name, places, counts, seed=list(seeds))
    axes[2].set_xticks(range(len(found)), list(found))
    axes[2].set_ylim(bottom=-0.15)
    axes[2].yaxis.get_major_locator().set_params(integer=True)
    axes[2].set_ylabel("Slingshots of each seed")
    axes[2].set_title("(o) how many, by setting")


def _spike(shown: bool) -> dict[str, Any]:
    face = style.ACCENT if shown else "white"
    return {
        "marker": "v",
        "linestyle": "",
        "color": style.ACCENT,
        "markerfacecolor": face,
        "markersize": 4,
        "zorder": 5,
    }


def _handles(shown: int) -> list[Artist]:
    cosines = [Line2D([], [], color=_COLORS[name], label=text) for name, text in _COSINES.items()]
    return [
        *along.seed_handles(shown),
        Line2D([], [], color=style.MAIN, linestyle="--", label="training accuracy"),
        Line2D([], [], color=style.MAIN, label="test accuracy"),
        *cosines,
        Patch(color=style.MAIN, alpha=0.25, linewidth=0, label="± 1 standard error over samples"),
        Line2D([], [], color=style.ACCENT, linestyle=":", label="edge of stability"),
        *along.time_handles(),
        Line2D([], [], label="slingshot", **_spike(True)),
    ]
