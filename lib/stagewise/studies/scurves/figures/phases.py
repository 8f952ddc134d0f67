"""Loss, lengths and alignment over steps, in the manner of the post: figures s2, s3 and s6 to s10."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.bumps import find_bumps
from stagewise.studies.scurves.figures.rows import (
    SHOWN_VECTORS,
    Curves,
    draw_cases_row,
    draw_loss,
    draw_vectors_row,
    seed_handles,
    seed_lines,
    step_axis,
    vector_handles,
)

_HEIGHT = style.PANEL_HEIGHT + 0.15
_MATRIX = ("first component, a", "second component, b")


@dataclass(frozen=True)
class Material:
    """What these figures are made of.

    Parameters
    ----------
    curves, flow : mapping of str to Dataset
        By setting; layouts `scurves.layout.CURVES` and `scurves.layout.FLOW`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
    bump_prominence : float
        Least prominence of a bump that is marked.
    """

    curves: Mapping[str, xr.Dataset]
    flow: Mapping[str, xr.Dataset]
    measures: pd.DataFrame
    shown_seed: int
    bump_prominence: float

    def bumpy_seed(self, setting: str) -> int:
        """Return the first seed of a setting with a bump, or the shown one if there is none."""
        rows = self.measures[(self.measures["setting"] == setting) & (self.measures["bumps"] > 0)]
        return int(rows["seed"].iloc[0]) if len(rows) else self.shown_seed


@style.context()
def rank_one(material: Material) -> Drawn:
    """Draw s2: rank 1 over seeds; descent against its flow; the two parts of the learned vectors."""
    data, flow = material.curves["rank1"], material.flow["rank1"]
    figure = style.new_figure(style.FULL_WIDTH, 2 * _HEIGHT + 0.5)
    top, bottom = figure.subplots(2, 3)
    ledger, curves = Ledger(), Curves(data, "rank 1")
    draw_cases_row(ledger, top, "abc", [curves], last=curves.converged())
    top[0].axhline(
        float(np.median(data["null_loss"])), color=style.MUTED, linestyle=":", linewidth=0.8
    )
    _flow_overlay(ledger, bottom[0], data, flow, material.shown_seed)
    _flow_deviation(ledger, bottom[1], material.measures)
    _parts(ledger, bottom[2], curves)
    style.bottom_legend(figure, seed_handles(), columns=4)
    return Drawn(figure, ledger.table())


def _flow_overlay(ledger: Ledger, ax: Axes, data: xr.Dataset, flow: xr.Dataset, seed: int) -> None:
    rates = data["learning_rate"].to_numpy()
    for case, rate in enumerate(rates):
        times = rate * data["step"].to_numpy()
        loss = data["loss"].isel(case=case).sel(seed=seed).to_numpy()
        look: dict[str, Any] = {
            "color": style.SERIES[case],
            "linewidth": 1.0,
            "label": rf"descent, $\eta$ = {rate:g}",
        }
        ledger.line(ax, "d", f"descent, learning rate {rate:g}", times, loss, **look)
    at = flow["loss"].isel(case=0).sel(seed=seed).to_numpy()
    times = rates[0] * flow["step"].to_numpy()
    ledger.line(
        ax, "d", "flow", times, at, color=style.MAIN, linestyle="--", linewidth=1.2, label="flow"
    )
    ax.set_xlim(0, 10)
    ax.set_ylim(0, None)
    ax.set_xlabel(r"Flow time $\eta t$ (dimensionless)")
    ax.set_ylabel("Loss")
    ax.set_title(f"(d) descent and flow, seed {seed}")
    ax.legend(loc="upper right")


def _flow_deviation(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    rows = measures[measures["setting"].isin(["rank1", "rank2"])].dropna(subset="flow_deviation")
    for color, (_, part) in zip(style.SERIES, rows.groupby("setting"), strict=False):
        grouped = part.groupby("learning_rate")["flow_deviation"]
        rates = np.array(sorted(grouped.groups))
        low, middle, high = (grouped.quantile(q).to_numpy() for q in (0.16, 0.5, 0.84))
        label = f"rank {int(part['rank'].iloc[0])}"
        ledger.add("e", label, rates, middle, low, high)
        ax.errorbar(rates, middle, [middle - low, high - middle], fmt="o", color=color, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.03, 0.3)
    ax.set_xticks([0.05, 0.1, 0.2], ["0.05", "0.1", "0.2"])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(r"Learning rate $\eta$ (dimensionless)")
    ax.set_ylabel("Largest distance from the flow\n(share of first loss)")
    ax.set_title("(e) error of descent, 16 to 84 %")
    ax.legend(loc="upper left")


def _parts(ledger: Ledger, ax: Axes, curves: Curves) -> None:
    aligned = np.abs(curves.over_seeds("aligned"))
    norm = curves.over_seeds("norm")[..., 0]
    rest = np.sqrt(np.clip(norm**2 - aligned**2, 1e-20, None))
    parts = {"along the truth": aligned.mean(-1), "orthogonal to it": rest.mean(-1)}
    for color, (name, values) in zip(style.SERIES, parts.items(), strict=False):
        seed_lines(ledger, ax, "f", curves, values, color, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 40)
    ax.set_ylabel("Part of the learned vectors\n(dimensionless)")
    step_axis(ax, curves.converged(), False, True)
    ax.set_title("(f) decay, growth, levelling off")
    ax.legend(loc="upper right")


@style.context()
def low_rank(material: Material) -> Drawn:
    """Draw s3: rank 2 and 4, with bumps of alignment marked."""
    figure = style.new_figure(style.FULL_WIDTH, 2 * _HEIGHT + 0.65)
    ledger = Ledger()
    for axes, letters, rank in zip(figure.subplots(2, 3), ("abc", "def"), (2, 4), strict=True):
        setting = f"rank{rank}"
        curves, seed = (
            Curves(material.curves[setting], f"rank {rank}"),
            material.bumpy_seed(setting),
        )
        last = curves.converged()
        draw_vectors_row(ledger, axes, letters, curves, seed, last=last, x=rank == 4)
        _mark_bumps(ledger, axes[2], letters[2], curves, seed, material.bump_prominence)
    mark = Line2D([], [], marker="v", linestyle="", color=style.ACCENT, label="bump")
    handles = vector_handles(4, _MATRIX)
    style.bottom_legend(figure, seed_handles(), [*handles, mark], columns=4)
    return Drawn(figure, ledger.table())


def _mark_bumps(
    ledger: Ledger, ax: Axes, letter: str, curves: Curves, seed: int, prominence: float
) -> None:
    cosine = curves.of_seed("cosine", seed)[:, :SHOWN_VECTORS]
    for bump in find_bumps(cosine, prominence):
        x, y = curves.steps[bump.record], abs(cosine[bump.record, bump.vector, bump.target])
        series = f"bump of vector {bump.vector + 1}, target {bump.target + 1}"
        ledger.add(letter, series, x, y)
        ax.plot([x], [y + 0.05], "v", color=style.ACCENT, markersize=3.5, zorder=5)


@style.context()
def attention_head(material: Material) -> Drawn:
    """Draw s6: loss, lengths and what is captured of an attention head of rank 2."""
    figure = style.new_figure(style.FULL_WIDTH, _HEIGHT + 0.65)
    ledger, curves = Ledger(), Curves(material.curves["attention2"], "attention head, rank 2")
    rows = material.measures[material.measures["setting"] == "attention2"]
    latest = 1.1 * float(rows["half_drop"].max())  # NaN where no run drops
    last = min(latest, curves.steps[-1]) if latest == latest else curves.steps[-1]
    axes = figure.subplots(1, 3)
    draw_loss(ledger, axes[0], "a", curves, last, False, True)
    lengths = curves.of_seed("norm", material.shown_seed)
    for component, name in enumerate("QKOV"):
        ledger.line(
            axes[1],
            "b",
            name,
            curves.steps,
            lengths[:, component].mean(-1),
            color=style.SERIES[component],
        )
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("Length, mean of both vectors\n(dimensionless)")
    seed_lines(ledger, axes[2], "c", curves, curves.over_seeds("captured")[..., 0])
    axes[2].set_ylabel("Share of the truth captured\n(dimensionless)")
    for ax in axes:
        step_axis(ax, last, False, True)
    axes[0].set_title(f"(a) loss, {len(curves.kept)} seeds")
    axes[1].set_title(f"(b) learned matrices, seed {material.shown_seed}")
    axes[2].set_title(f"(c) whole tensor, {len(curves.kept)} seeds")
    matrices = [
        Line2D([], [], color=color, label=name)
        for color, name in zip(style.SERIES, "QKOV", strict=True)
    ]
    style.bottom_legend(figure, seed_handles(), matrices, columns=4)
    return Drawn(figure, ledger.table())


@style.context()
def with_adam(material: Material) -> Drawn:
    """Draw s7: ranks 2, 10 and full with Adam."""
    names = {"adam2": "Adam, rank 2", "adam10": "Adam, rank 10", "adamfull": "Adam, full rank"}
    return _stacked(material, names, logarithmic=False)


@style.context()
def cross_entropy(material: Material) -> Drawn:
    """Draw s10: ranks 2, 10 and full with cross-entropy."""
    names = {
        "entropy2": "cross-entropy, rank 2",
        "entropy10": "cross-entropy, rank 10",
        "entropyfull": "cross-entropy, full rank",
    }
    return _stacked(material, names, logarithmic=True)


def _stacked(material: Material, names: Mapping[str, str], logarithmic: bool) -> Drawn:
    figure = style.new_figure(style.FULL_WIDTH, 3 * _HEIGHT + 0.65)
    ledger, rows = Ledger(), ("abc", "def", "ghi")
    for axes, letters, name in zip(figure.subplots(3, 3), rows, names, strict=True):
        curves = Curves(material.curves[name], names[name])
        draw_vectors_row(
            ledger, axes, letters, curves, material.shown_seed, logarithmic=logarithmic
        )
    style.bottom_legend(figure, seed_handles(), vector_handles(4, _MATRIX), columns=4)
    return Drawn(figure, ledger.table())


@style.context()
def weight_decay(material: Material) -> Drawn:
    """Draw s8: rank 1 with several weight decays."""
    data = material.curves["decay1"]
    decays = data["weight_decay"].to_numpy()
    cases = [Curves(data, rf"$\lambda$ = {decay:g}", case) for case, decay in enumerate(decays)]
    return _compared(cases[:4], logarithmic=False, last=300.0)


@style.context()
def adamw(material: Material) -> Drawn:
    """Draw s9: rank 1 with AdamW and with gradient descent at the same learning rate."""
    cases = [
        Curves(material.curves["slow1"], "gradient descent"),
        Curves(material.curves["adamw1"], "AdamW"),
    ]
    return _compared(cases, logarithmic=True, last=None)


def _compared(cases: list[Curves], logarithmic: bool, last: float | None) -> Drawn:
    figure = style.new_figure(style.FULL_WIDTH, _HEIGHT + 0.65)
    ledger = Ledger()
    axes = figure.subplots(1, 3)
    draw_cases_row(ledger, axes, "abc", cases, logarithmic=logarithmic, last=last)
    colors = [
        Line2D([], [], color=color, linewidth=1.5, label=curves.label)
        for color, curves in zip(style.SERIES, cases, strict=False)
    ]
    style.bottom_legend(figure, colors, seed_handles(null=False), columns=4)
    return Drawn(figure, ledger.table())


FIGURES: Mapping[str, Callable[[Material], Drawn]] = MappingProxyType(
    {
        "s2": rank_one,
        "s3": low_rank,
        "s6": attention_head,
        "s7": with_adam,
        "s8": weight_decay,
        "s9": adamw,
        "s10": cross_entropy,
    }
)
"""The figures of this module by name."""
