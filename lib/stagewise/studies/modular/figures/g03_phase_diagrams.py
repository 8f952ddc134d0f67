"""Outcome and time to generalise over learning rate and weight decay, by optimiser."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.behaviour import OUTCOMES
from stagewise.studies.modular.censoring import MedianTime, Times, median_time
from stagewise.studies.modular.figures import marks

_TITLES = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "momentum": "momentum SGD",
    "fullbatch": "full-batch descent",
}
_COLORS = dict(
    zip((*OUTCOMES, "diverged"), ("#009e73", "#f0a04b", "#d0d0d0", "#1a1a1a"), strict=True)
)
_FILLED = 0.9
"""Share of a cell that is coloured."""

_CELL, _BETWEEN = 0.235, 0.62
"""Height of a cell and of what lies between two rows of panels, in inches."""


@dataclass(frozen=True)
class Cell:
    """The runs of one learning rate and weight decay.

    Parameters
    ----------
    rate, decay : float
    counts : dict of str to int
        By outcome, and of runs that diverged.
    steps : MedianTime or None
        Median time to generalise in steps; None if no run generalises.
    """

    rate: float
    decay: float
    counts: dict[str, int]
    steps: MedianTime | None

    @classmethod
    def of(cls, rate: float, decay: float, runs: pd.DataFrame) -> Cell:
        """Count the runs of a cell and take their median; runs that diverged have no time."""
        alive = marks.kept(runs)
        counts = {name: int((alive["outcome"] == name).sum()) for name in OUTCOMES}
        some = counts["generalise"] > 0
        steps = median_time(Times.to_generalise(alive)) if some else None
        return cls(rate, decay, counts | {"diverged": len(runs) - len(alive)}, steps)

    @property
    def total(self) -> int:
        """Number of runs."""
        return sum(self.counts.values())

    def flow(self) -> MedianTime | None:
        """Return the median time to generalise as learning rate x steps."""
        return self.steps and MedianTime(self.rate * self.steps.value, self.steps.is_bound)


def cells_of(runs: pd.DataFrame) -> list[Cell]:
    """Return the cells of one setting, by learning rate and weight decay."""
    grouped = runs.groupby(["learning_rate", "weight_decay"], sort=True)
    return [Cell.of(rate, decay, part) for (rate, decay), part in grouped]


@style.context()
def draw(*, runs: pd.DataFrame) -> Drawn:
    """Draw a row of three maps an optimiser.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    cells = {name: cells_of(runs[runs["setting"] == name]) for name in _TITLES}
    rows = [len({cell.decay for cell in own}) for own in cells.values()]
    height = sum(rows) * _CELL + len(rows) * _BETWEEN + 0.5
    figure = style.new_figure(style.FULL_WIDTH, height)
    grid = figure.subplots(len(rows), 3, height_ratios=rows, sharey="row")
    ledger = Ledger()
    steps = _norm([cell.steps for own in cells.values() for cell in own])
    for axes, letter, (name, own) in zip(grid, "abcde", cells.items(), strict=True):
        _outcomes(ledger, axes[0], f"{letter}, outcome", own)
        _medians(ledger, axes[1], f"{letter}, t_gen", own, [c.steps for c in own], steps)
        flow = [cell.flow() for cell in own]
        _medians(ledger, axes[2], f"{letter}, t_gen x lr", own, flow, _norm(flow))
        count = marks.number_of_runs([cell.total for cell in own])
        axes[0].set_title(f"({letter}) {_TITLES[name]}, {count} a cell")
        axes[1].set_title(r"median $t_{\mathrm{gen}}$ (steps)")
        axes[2].set_title(r"median $t_{\mathrm{gen}}\ \times$ learning rate")
        _cell_axes(axes, own)
    style.bottom_legend(figure, _handles(), columns=6)
    return Drawn(figure, ledger.table())


def _places(own: list[Cell]) -> list[tuple[int, int]]:
    rates = sorted({cell.rate for cell in own})
    decays = sorted({cell.decay for cell in own})
    return [(rates.index(cell.rate), decays.index(cell.decay)) for cell in own]


def _outcomes(ledger: Ledger, ax: Axes, panel: str, own: list[Cell]) -> None:
    """Fill each cell with its outcomes from the bottom, and write how many runs generalise."""
    x, y = np.array(_places(own), dtype=float).T
    bottom = y - _FILLED / 2
    totals = np.array([cell.total for cell in own])
    for outcome, color in _COLORS.items():
        counts = np.array([cell.counts[outcome] for cell in own])
        heights = _FILLED * counts / totals
        ax.bar(x, heights, _FILLED, bottom, color=color, linewidth=0)
        bottom += heights
        ledger.add(
            *(panel, outcome, [cell.rate for cell in own], counts / totals),
            weight_decay=[cell.decay for cell in own],
            count=counts,
            runs=totals,
        )
    for column, row, cell in zip(x, y, own, strict=True):
        if cell.counts["generalise"]:
            _write(ax, column, row, str(cell.counts["generalise"]), style.MAIN)


def _medians(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    own: list[Cell],
    medians: list[MedianTime | None],
    norm: LogNorm,
) -> None:
    """Colour each cell by its median and write it; a cell in which no run generalises stays grey."""
    colors = mpl.colormaps[style.SEQUENCE]
    x, y = np.array(_places(own), dtype=float).T
    shades = [_COLORS["fail"] if one is None else colors(norm(one.value)) for one in medians]
    ax.bar(x, _FILLED, _FILLED, y - _FILLED / 2, color=shades, linewidth=0)
    for column, row, one in zip(x, y, medians, strict=True):
        if one is not None:
            light = norm(one.value) > 0.6
            text = ("> " if one.is_bound else "") + _brief(one.value)
            _write(ax, column, row, text, style.MAIN if light else "white")
    ledger.add(
        *(panel, "median", [cell.rate for cell in own]),
        [np.nan if one is None else one.value for one in medians],
        weight_decay=[cell.decay for cell in own],
        is_bound=[one is not None and one.is_bound for one in medians],
        runs=[cell.total - cell.counts["diverged"] for cell in own],
    )


def _write(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    ax.text(x, y, text, ha="center", va="center", color=color, fontsize=6.5)


def _brief(value: float) -> str:
    """Return two digits, three of a number of thousands below ten: 4.2, 16, 850, 1.3k."""
    rounded = float(f"{value:.2g}")
    return f"{rounded / 1000:g}k" if rounded >= 1000 else f"{rounded:g}"


def _norm(medians: list[MedianTime | None]) -> LogNorm:
    """Return the scale from the least to the largest median."""
    values = [one.value for one in medians if one is not None] or [1.0]
    return LogNorm(min(values), max(max(values), 1.01 * min(values)))


def _cell_axes(axes: np.ndarray, own: list[Cell]) -> None:
    """Label the cells of a row of maps; small learning rates are counted in thousandths."""
    rates = sorted({cell.rate for cell in own})
    decays = sorted({cell.decay for cell in own})
    unit, name = (1e-3, r" ($10^{-3}$)") if rates[0] < 0.01 else (1.0, "")
    for ax in axes:
        ax.set_xticks(range(len(rates)), [f"{rate / unit:.3g}" for rate in rates])
        ax.set_xlim(-0.5, len(rates) - 0.5)
        ax.set_yticks(range(len(decays)), [f"{decay:g}" for decay in decays])
        ax.set_ylim(-0.5, len(decays) - 0.5)
        ax.set_xlabel(f"Learning rate{name}", labelpad=1)
        ax.tick_params(length=0, pad=2)
        ax.spines[["left", "bottom"]].set_visible(False)
    axes[0].set_ylabel("Weight decay")


def _handles() -> list[Artist]:
    names = ("generalise (number in the cell)", "memorise", "fail", "diverged")
    return [
        Patch(color=color, label=name) for color, name in zip(_COLORS.values(), names, strict=True)
    ]
