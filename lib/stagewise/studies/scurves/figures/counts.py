"""What is measured over all seeds: rates, plateaus, bumps, the self term: s1, s11, s12 and s13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.core.intervals import mean_interval, share_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.contrasts import bump_contrast
from stagewise.studies.scurves.figures.rows import (
    Curves,
    draw_spread,
    seed_handles,
    seed_lines,
    spread_handles,
)

_HEIGHT = style.PANEL_HEIGHT + 0.7
_RANKS = {"rank1": "1", "rank2": "2", "rank4": "4", "rank10": "10", "full": "full"}
_COMPONENTS = {"vector": "1", "rank1": "2", "product3": "3", "product4": "4", "product5": "5"}
_PAIRS = {"rank2": ("adam2", "2"), "rank10": ("adam10", "10"), "full": ("adamfull", "full")}
_RIVALS = {
    "rank2": "descent,\nrank 2",
    "rank4": "descent,\nrank 4",
    "rank10": "descent,\nrank 10",
    "adam2": "Adam,\nrank 2",
    "adam10": "Adam,\nrank 10",
}


_RIVALRY_LEVEL = 0.99
"""95 % over the five settings."""


def _kept(measures: pd.DataFrame, setting: str, rate: float | None = None) -> pd.DataFrame:
    """Return the runs of a setting that did not diverge, those of one learning rate or the first."""
    rows = measures[(measures["setting"] == setting) & ~measures["diverged"]]
    chosen = rows["case"] == 0 if rate is None else np.isclose(rows["learning_rate"], rate)
    return rows[chosen]


@style.context()
def one_component(curves: Mapping[str, xr.Dataset], measures: pd.DataFrame) -> Drawn:
    """Draw s1: a scalar and a vector converge exponentially, at the predicted rate."""
    figure = style.new_figure(style.FULL_WIDTH, _HEIGHT)
    axes, ledger = figure.subplots(1, 3), Ledger()
    for ax, letter, name in zip(axes, "ab", ("scalar", "vector"), strict=False):
        data = curves[name]
        for case, rate in enumerate(data["learning_rate"].to_numpy()):
            lines = Curves(data, rf"$\eta$ = {rate:g}", case)
            share = lines.over_seeds("loss") / lines.over_seeds("loss")[:, :1]
            seed_lines(ledger, ax, letter, lines, np.clip(share, 1e-300, None), style.SERIES[case])
        ax.set_yscale("log")
        ax.set_ylim(1e-12, 2)
        ax.set_xlim(0, float(data["step"].max()))
        ax.set_xlabel("Step")
        ax.set_ylabel("Loss (share of first loss)")
        ax.set_title(f"({letter}) {name}, {len(lines.kept)} seeds")
    axes[0].legend(loc="upper right")
    _rates(ledger, axes[2], measures)
    style.bottom_legend(figure, seed_handles(null=False), columns=4)
    return Drawn(figure, ledger.table())


def _rates(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    for shift, color, name in zip((0.97, 1.03), style.SERIES, ("scalar", "vector"), strict=False):
        rows = measures[(measures["setting"] == name) & ~measures["diverged"]]
        rates = np.array(sorted(rows["learning_rate"].unique()))
        grouped = rows.groupby("learning_rate")["rate"]
        low, middle, high = (grouped.quantile(q).to_numpy() for q in (0.025, 0.5, 0.975))
        ledger.add("c", name, rates, middle, low, high)
        error = np.clip([middle - low, high - middle], 0, None)
        ax.errorbar(shift * rates, middle, error, fmt="o", color=color, label=name)
    grid = np.linspace(0.02, 0.25, 50)
    exact = -2 * np.log1p(-grid)
    ledger.line(
        ax, "c", "predicted", grid, exact, color=style.MAIN, label=r"$-2\,\log(1-\eta)$", zorder=1
    )
    ax.set_xlabel(r"Learning rate $\eta$ (dimensionless)")
    ax.set_ylabel("Rate of log loss (per step)")
    ax.set_title("(c) fitted rate, central 95 %")
    ax.legend(loc="upper left")


@style.context()
def plateau_lengths(measures: pd.DataFrame) -> Drawn:
    """Draw s11: plateaus against rank and against the number of components."""
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.0)
    grid, ledger = figure.subplots(2, 3), Ledger()
    rows = (("abc", _RANKS, None, "Rank r"), ("def", _COMPONENTS, 0.2, "Components c"))
    for axes, (letters, settings, rate, label) in zip(grid, rows, strict=True):
        color = style.SERIES[int(label != "Rank r")]
        for x, (name, text) in enumerate(settings.items()):
            runs, series = _kept(measures, name, rate), f"{label} {text}"
            for ax, letter, column in (
                (axes[0], letters[0], "plateau_ratio"),
                (axes[2], letters[2], "least_slope"),
            ):
                values = runs[column].dropna().to_numpy()
                if len(values):
                    draw_spread(ledger, ax, letter, series, x, values, color)
            _shares(ledger, axes[1], letters[1], series, x, runs)
        axes[0].set_yscale("log")
        axes[0].set_ylabel("Half-drop over end of decay\n(dimensionless)")
        axes[1].set_ylabel("Share of seeds")
        axes[1].set_ylim(-0.05, 1.05)
        axes[2].set_ylabel("Least slope over largest before\n(dimensionless)")
        axes[2].axhline(1, color=style.MUTED, linestyle=":", linewidth=0.8)
        for ax in axes:
            ax.set_xticks(range(len(settings)), list(settings.values()))
            ax.set_xlim(-0.6, len(settings) - 0.4)
            ax.set_xlabel(label)
        axes[0].set_title(f"({letters[0]}) plateau length, {len(runs)} seeds")
        axes[1].set_title(f"({letters[1]}) shares, 95 % intervals")
        axes[2].set_title(f"({letters[2]}) does the fall slow down?")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=style.MAIN, label="with a plateau"),
        Line2D(
            [], [], marker="^", linestyle="", color=style.ACCENT, label="ended before half-drop"
        ),
    ]
    style.bottom_legend(figure, [*spread_handles(), *marks], columns=5)
    return Drawn(figure, ledger.table())


def _shares(
    ledger: Ledger, ax: Axes, panel: str, series: str, x: float, rows: pd.DataFrame
) -> None:
    """Draw the shares of seeds with a plateau and with a censored one, Wilson intervals."""
    found = rows["decay_end"].notna()
    for mark, color, name, flags in (
        ("o", style.MAIN, "plateau", found),
        ("^", style.ACCENT, "censored", rows["censored"] > 0),
    ):
        low, high = share_interval(int(flags.sum()), len(flags))
        mean = float(flags.mean())
        ledger.add(panel, f"{series}, {name}", x, mean, low, high)
        at = x + (0.12 if name == "censored" else -0.12)
        ax.errorbar([at], [mean], [[mean - low], [high - mean]], fmt=mark, color=color)


@style.context()
def bumps(measures: pd.DataFrame) -> Drawn:
    """Draw s12: bumps with Adam and with descent, and their link to competition."""
    figure = style.new_figure(style.FULL_WIDTH, _HEIGHT + 0.15)
    (a, b, c), ledger = figure.subplots(1, 3, width_ratios=(1, 1, 1.5)), Ledger()
    for x, (name, (other, rank)) in enumerate(_PAIRS.items()):
        pair = {"descent": _kept(measures, name), "Adam": _kept(measures, other)}
        for shift, color, (label, rows) in zip(
            (-0.15, 0.15), style.SERIES, pair.items(), strict=False
        ):
            values = rows["bumps"].to_numpy()
            draw_spread(ledger, a, "a", f"{label}, rank {rank}", x + shift, values, color)
        joined = pair["descent"].merge(pair["Adam"], on="seed")
        difference = (joined["bumps_y"] - joined["bumps_x"]).to_numpy()
        mean, low, high = mean_interval(difference)
        ledger.add("b", f"rank {rank}", x, mean, low, high, seeds=len(difference))
        b.errorbar([x], [mean], [[mean - low], [high - mean]], fmt="o", color=style.MAIN)
    for ax in (a, b):
        ax.set_xticks(range(len(_PAIRS)), [rank for _, rank in _PAIRS.values()])
        ax.set_xlim(-0.5, len(_PAIRS) - 0.5)
        ax.set_xlabel("Rank r")
    b.axhline(0, color=style.MUTED, linewidth=0.7)
    a.set_ylabel("Bumps a run (count)")
    b.set_ylabel("Bumps, Adam less descent (count)")
    a.set_title("(a) bumps before convergence")
    b.set_title("(b) mean difference, 95 %")
    _rivalry(ledger, c, measures)
    colors = [
        Line2D([], [], color=color, linewidth=2.6, label=label)
        for color, label in zip(style.SERIES, ("descent", "Adam"), strict=False)
    ]
    style.bottom_legend(figure, [*colors, *spread_handles()], columns=5)
    return Drawn(figure, ledger.table())


def _rivalry(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    for x, (name, label) in enumerate(_RIVALS.items()):
        contrast = bump_contrast(_kept(measures, name), _RIVALRY_LEVEL)
        if contrast is None:
            ax.text(x, 0.02, "all or\nnone", ha="center", va="bottom", fontsize=6)
            continue
        series = label.replace("\n", " ")
        ledger.add("c", series, x, contrast.difference, contrast.low, contrast.high)
        error = [[contrast.difference - contrast.low], [contrast.high - contrast.difference]]
        color = style.SERIES[int(name.startswith("adam"))]
        ax.errorbar([x], [contrast.difference], error, fmt="o", color=color)
    ax.axhline(0, color=style.MUTED, linewidth=0.7)
    ax.set_xticks(range(len(_RIVALS)), list(_RIVALS.values()), fontsize=6.5)
    ax.set_xlim(-0.5, len(_RIVALS) - 0.5)
    ax.set_xlabel("Optimiser and rank")
    ax.set_ylabel("Share of vectors with a bump,\ncompeting less not competing")
    ax.set_title(f"(c) bumps and competition, {100 * _RIVALRY_LEVEL:.0f} %")


@style.context()
def self_term(curves: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw s13: rank 1 with and without the self term of the loss, from the same start."""
    figure = style.new_figure(style.FULL_WIDTH, _HEIGHT)
    axes, ledger = figure.subplots(1, 3), Ledger()
    whole = Curves(curves["rank1"], "full loss")
    without = Curves(curves["noself1"], "without self term")
    last = float(without.steps[-1])
    for color, case in zip(style.SERIES, (whole, without), strict=False):
        aligned, norm = case.over_seeds("aligned"), case.over_seeds("norm")[..., 0]
        rest = np.sqrt(np.clip(norm**2 - aligned**2, 1e-20, None)).mean(-1)
        cosine = np.prod(aligned / norm, axis=-1)
        panels = (("a", rest), ("b", np.abs(aligned).mean(-1)), ("c", cosine))
        for ax, (letter, values) in zip(axes, panels, strict=True):
            seed_lines(ledger, ax, letter, case, values, color)
    texts: Sequence[tuple[str, str]] = (
        ("(a) the initialisation", "Part orthogonal to the truth\n(dimensionless)"),
        ("(b) the truth in the vectors", "Part along the truth\n(dimensionless)"),
        ("(c) the learned matrix", "Cosine of learned and\ntrue matrix"),
    )
    for ax, (title, label) in zip(axes, texts, strict=True):
        ax.set_xlim(0, last)
        ax.set_xlabel("Step")
        ax.set_ylabel(label)
        ax.set_title(title)
    axes[0].set_ylim(0, None)
    axes[1].set_yscale("log")
    axes[2].set_ylim(-0.1, 1.02)
    colors = [
        Line2D([], [], color=color, linewidth=1.5, label=case.label)
        for color, case in zip(style.SERIES, (whole, without), strict=False)
    ]
    style.bottom_legend(figure, [*colors, *seed_handles(null=False)], columns=5)
    return Drawn(figure, ledger.table())
