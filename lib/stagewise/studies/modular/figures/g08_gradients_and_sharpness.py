"""Agreement of gradients, sharpness and slingshots along training."""

from __future__ import annotations

import warnings
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
COLORS = dict(zip(SETTINGS, style.SERIES, strict=False))
SLINGSHOT_SETTING = "early"
"""The setting whose curves are shown for slingshots; they are counted in the others too."""

_LAST_LAYER = "unembedding.weight"
_MEASURES = {
    "cosine": ("gradients within training", "Mean cosine of gradients\n(thousandths)", 1e3),
    "cross_cosine": (
        "gradients, training and test",
        "Mean cosine of gradients\n(thousandths)",
        1e3,
    ),
    "signal_to_noise": ("steps towards final modes", "Signal to noise", 1.0),
    "sharpness_ratio": ("edge of stability", "Sharpness over the\nbound of stability", 1.0),
}
"""Title, label of the axis and factor of each measure of layout `modular.layout.GRADIENTS`."""


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
        The seed drawn bold where seeds have slingshots.
    """
    figure = style.new_figure(style.FULL_WIDTH, 3 * 1.55 + 0.9)
    axes = figure.subplots(3, 3).ravel()
    ledger, along_training, apart = Ledger(), axes[:5], axes[5:8]
    axes[8].set_visible(False)
    for place, name in enumerate(SETTINGS):
        data, cases = gradients[name], along.first_case(runs, name)
        seeds = along.kept_seeds(cases, data["seed"].to_numpy())
        if not seeds:
            continue
        lines = [along.curve_of(curves[name], seed) for seed in seeds]
        for part, dash in (("train", "--"), ("test", "-")):
            values = np.stack([line[f"{part}_accuracy"].to_numpy() for line in lines])
            look = {"linestyle": dash, "color": COLORS[name]}
            _over_seeds(ledger, axes[0], f"a, {part}", name, lines[0]["step"], values, **look)
        for ax, letter, (measure, (_, _, factor)) in zip(
            axes[1:5], "bcde", _MEASURES.items(), strict=True
        ):
            values = factor * data[measure].sel(seed=seeds).to_numpy()
            panel = f"{letter}, {measure}"
            _over_seeds(ledger, ax, panel, name, data["step"], values, color=COLORS[name])
        _rise(along_training, place, cases.loc[seeds], COLORS[name])
    _finish(along_training, max(float(gradients[name]["step"][-1]) for name in SETTINGS))
    found = {
        name: slingshots_of(
            curves[name], along.first_case(runs, name), SlingshotSettings(**slingshots)
        )
        for name in (SLINGSHOT_SETTING, *SETTINGS)
    }
    _slingshots(ledger, apart, curves[SLINGSHOT_SETTING], found, shown_seed)
    style.bottom_legend(figure, _handles(gradients, runs, shown_seed), columns=4)
    return Drawn(figure, ledger.table())


def _over_seeds(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    name: str,
    steps: xr.DataArray,
    values: np.ndarray,
    **look: Any,
) -> None:
    """Draw the mean of a measure over seeds, with a band from the least seed to the largest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a measure that no seed has at a step
        middle, low, high = (f(values, axis=0) for f in (np.nanmean, np.nanmin, np.nanmax))
    series = f"{name}, mean of {len(values)} seeds"
    ledger.line(ax, panel, series, steps.to_numpy(), middle, low, high, opacity=0.2, **look)


def _rise(axes: np.ndarray, place: int, cases: pd.DataFrame, color: str) -> None:
    """Mark by a bar above the panels when test accuracy rises: the median of seeds in which it does."""
    rising = cases[np.isfinite(cases["rise_start"]) & np.isfinite(cases["rise_end"])]
    if rising.empty:
        return
    ends = [max(float(rising[name].median()), 1.0) for name in ("rise_start", "rise_end")]
    for ax in axes:
        height = 1.01 + 0.022 * place
        transform = ax.get_xaxis_transform()
        look: dict[str, Any] = {"color": color, "linewidth": 1.6, "solid_capstyle": "butt"}
        ax.plot(ends, [height, height], transform=transform, clip_on=False, **look)


def _finish(axes: np.ndarray, last: float) -> None:
    """Give the panels along training their scales, labels and titles."""
    axes[0].set_ylim(0, 1.03)
    axes[0].set_ylabel("Accuracy")
    axes[0].set_title("(a) accuracy", pad=9)
    for ax, letter, (title, label, _) in zip(axes[1:], "bcde", _MEASURES.values(), strict=True):
        ax.set_ylabel(label)
        ax.set_title(f"({letter}) {title}", pad=9)
    for ax in axes[1:4]:
        ax.axhline(0, color=style.MAIN, linewidth=0.5)
    axes[4].set_yscale("log", nonpositive="mask")
    axes[4].axhline(1, color=style.ACCENT, linestyle=":", linewidth=1.0)
    for ax in axes:
        along.step_axis(ax, last, label=True)


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


def _title(name: str, data: xr.Dataset, runs: pd.DataFrame) -> str:
    """Return the name of a setting with its optimiser, its batch, and how many seeds diverged."""
    batch = data.attrs["batch_size"]
    drawn = "all pairs" if batch == "full" else f"{batch} pairs"
    followed = data["seed"].to_numpy()
    lost = len(followed) - len(along.kept_seeds(along.first_case(runs, name), followed))
    left_out = f" ({lost} diverged, left out)" if lost else ""
    return f"{name}: {data.attrs['optimiser']}, {drawn}{left_out}"


def _slingshots(
    ledger: Ledger,
    axes: np.ndarray,
    curves: xr.Dataset,
    found: Mapping[str, Mapping[int, list[Slingshot]]],
    shown: int,
) -> None:
    """Draw training loss and last layer's norm of one setting, and how often all have slingshots."""
    own = found[SLINGSHOT_SETTING]
    for ax, letter, name in zip(axes, "fg", ("train_loss", "parameter_norm"), strict=False):
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
    axes[0].set_title(f"(f) slingshots, {SLINGSHOT_SETTING}")
    axes[1].set_title(f"(g) last layer, {SLINGSHOT_SETTING}")
    for x, (name, seeds) in enumerate(found.items()):
        counts = [len(spikes) for spikes in seeds.values()]
        places = x + np.linspace(-0.25, 0.25, len(counts) + 2)[1:-1]
        axes[2].plot(places, counts, "o", color=style.MAIN)
        ledger.add("h", name, places, counts, seed=list(seeds))
    axes[2].set_xticks(range(len(found)), list(found))
    axes[2].set_ylim(bottom=-0.15)
    axes[2].yaxis.get_major_locator().set_params(integer=True)
    axes[2].set_ylabel("Slingshots of each seed")
    axes[2].set_title("(h) slingshots by setting")


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


def _handles(gradients: Mapping[str, xr.Dataset], runs: pd.DataFrame, shown: int) -> list[Artist]:
    return [
        *style.color_handles(
            [_title(name, gradients[name], runs) for name in SETTINGS], linewidth=1.3
        ),
        Patch(color=style.MUTED, alpha=0.3, linewidth=0, label="range of seeds"),
        Line2D([], [], color=style.MAIN, label="test accuracy, mean"),
        Line2D([], [], color=style.MAIN, linestyle="--", label="training accuracy, mean"),
        Line2D([], [], color=style.MUTED, linewidth=2.2, label="above: rise of test accuracy"),
        Line2D([], [], color=style.ACCENT, linestyle=":", label="edge of stability"),
        *along.seed_handles(shown),
        Line2D([], [], label="slingshot", **_spike(True)),
    ]
