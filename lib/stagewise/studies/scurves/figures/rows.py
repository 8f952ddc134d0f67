"""Panels that S-curve figures share: loss, lengths and alignment over steps, and spreads over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Ledger

SHOWN_SEEDS, SHOWN_VECTORS = 10, 4
"""So many seeds are drawn one by one, and so many learned vectors."""

LOWEST = 1e-5
"""Share of the first loss at which a panel of losses ends: low enough for a drop, not for all of it."""

DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Curves:
    """One case of a setting.

    Parameters
    ----------
    data : Dataset
        Layout `scurves.layout.CURVES`.
    label : str
        In titles and legends.
    case : int
        Index of learning rate and weight decay.
    """

    data: xr.Dataset
    label: str
    case: int = 0

    @property
    def steps(self) -> np.ndarray:
        """Recorded steps."""
        return self.data["step"].to_numpy()

    @property
    def kept(self) -> np.ndarray:
        """Indices of the seeds that did not diverge."""
        return np.flatnonzero(~self.data["diverged"].isel(case=self.case).to_numpy())

    def over_seeds(self, name: str) -> np.ndarray:
        """Return a variable of all runs that did not diverge, shape (seed, step, ...)."""
        return self.data[name].isel(case=self.case).to_numpy()[self.kept]

    def of_seed(self, name: str, seed: int) -> np.ndarray:
        """Return a variable of one run, shape (step, ...)."""
        return self.data[name].isel(case=self.case).sel(seed=seed).to_numpy()

    def alignment(self) -> np.ndarray:
        """Return |cosine| of the first vectors with the truth, mean of components: (seed, step)."""
        length = self.over_seeds("norm")[..., 0]
        return (np.abs(self.over_seeds("aligned")) / length).mean(-1)

    def alignment_less(self, other: Curves) -> np.ndarray:
        """Return the alignment less that of another case, of the seeds that diverged in neither."""
        _, own, their = np.intersect1d(self.kept, other.kept, return_indices=True)
        return self.alignment()[own] - other.alignment()[their]

    def converged(self) -> float:
        """Return the step at which the median loss is at the foot of the panel, or the last."""
        loss = np.median(self.over_seeds("loss"), axis=0)
        below = np.flatnonzero(loss <= LOWEST * loss[0])
        return float(self.steps[below[0]] if below.size else self.steps[-1])


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return median, 16th and 84th percentile over the first axis."""
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84], axis=0)
    return middle, low, high


def single_lines(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    curves: Curves,
    values: np.ndarray,
    label: str | None = None,
    **look: Any,
) -> None:
    """Draw a quantity of the first runs, a line each; `look` is that of the lines."""
    for index, line in zip(curves.kept[:SHOWN_SEEDS], values, strict=False):
        series = f"{label or curves.label}, seed {int(curves.data['seed'][index])}"
        ledger.line(ax, panel, series, curves.steps, line, **look)


def seed_lines(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    curves: Curves,
    values: np.ndarray,
    color: str = style.MAIN,
    label: str | None = None,
    singles: bool = True,
) -> None:
    """Draw a quantity of runs: light lines, their median and a band of 16 to 84 % over all seeds."""
    if singles:
        light: dict[str, Any] = {"color": color, "linewidth": 0.5, "alpha": 0.45}
        single_lines(ledger, ax, panel, curves, values, label, **light)
    middle, low, high = band(values)
    look: dict[str, Any] = {"color": color, "linewidth": 1.5, "label": label or curves.label}
    series = f"{label or curves.label}, median of {len(values)} seeds"
    ledger.line(ax, panel, series, curves.steps, middle, low, high, opacity=0.2, **look)


def loss_axis(ax: Axes, *curves: Curves, label: str = "Loss") -> None:
    """Make a panel of losses: logarithmic, from above the first loss down to rounding."""
    first = [np.median(c.over_seeds("loss")[:, 0]) for c in curves]
    ends = [np.median(c.over_seeds("loss")[:, -1]) for c in curves]
    low = max(0.3 * min(ends), LOWEST * max(first))
    ax.set_yscale("log")
    ax.set_ylim(low, 3 * max(first))
    ax.set_ylabel(label)


def step_axis(ax: Axes, last: float, logarithmic: bool, label: bool) -> None:
    """Make the axis of steps, up to the last one."""
    if logarithmic:
        ax.set_xscale("log")
    ax.set_xlim(0.9 if logarithmic else 0, last)
    if label:
        ax.set_xlabel("Step" + (" (log scale)" if logarithmic else ""))


def note_diverged(ax: Axes, *curves: Curves) -> None:
    """Say how many runs diverged and are left out."""
    lost = sum(c.data.sizes["seed"] - len(c.kept) for c in curves)
    if lost:
        style.note(ax, f"{lost} diverged, left out", x=0.03, y=0.12)


def draw_loss(
    ledger: Ledger, ax: Axes, panel: str, curves: Curves, last: float, logarithmic: bool, x: bool
) -> None:
    """Draw the loss of one case over seeds, with that of the zero tensor."""
    values = np.clip(curves.over_seeds("loss"), 1e-300, None)
    seed_lines(ledger, ax, panel, curves, values)
    ax.axhline(
        float(np.median(curves.data["null_loss"])), color=style.MUTED, linestyle=":", linewidth=0.8
    )
    loss_axis(ax, curves)
    step_axis(ax, last, logarithmic, x)
    note_diverged(ax, curves)


def draw_lengths(
    ledger: Ledger, ax: Axes, panel: str, curves: Curves, seed: int, last: float, log: bool, x: bool
) -> None:
    """Draw the lengths of the first learned vectors of one run; dashes tell components apart."""
    lengths = curves.of_seed("norm", seed)
    for vector in range(min(SHOWN_VECTORS, lengths.shape[2])):
        for component in range(lengths.shape[1]):
            ledger.line(
                ax,
                panel,
                f"component {component + 1}, vector {vector + 1}",
                curves.steps,
                lengths[:, component, vector],
                color=style.SERIES[vector],
                linestyle=DASHES[component],
                linewidth=0.9,
            )
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Length (dimensionless)")
    step_axis(ax, last, log, x)


def draw_cosines(
    ledger: Ledger, ax: Axes, panel: str, curves: Curves, seed: int, last: float, log: bool, x: bool
) -> None:
    """Draw |cosines| with targets: bold with each vector's last best one, light with the others."""
    size = np.abs(curves.of_seed("cosine", seed))
    for vector in range(min(SHOWN_VECTORS, size.shape[1])):
        best = int(size[-1, vector].argmax())
        for target in range(size.shape[2]):
            shown = target == best
            ledger.line(
                ax,
                panel,
                f"vector {vector + 1}, target {target + 1}",
                curves.steps,
                size[:, vector, target],
                color=style.SERIES[vector],
                linewidth=1.2 if shown else 0.5,
                alpha=1.0 if shown else 0.4,
            )
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("|cosine| with targets")
    step_axis(ax, last, log, x)


def draw_vectors_row(
    ledger: Ledger,
    axes: Sequence[Axes],
    letters: str,
    curves: Curves,
    seed: int,
    *,
    logarithmic: bool = False,
    last: float | None = None,
    x: bool = True,
) -> None:
    """Draw one setting as the post does: loss over seeds, lengths and cosines of one run."""
    end = curves.converged() if last is None else last
    names = [f"{letter}, {curves.label}" for letter in letters]
    draw_loss(ledger, axes[0], names[0], curves, end, logarithmic, x)
    draw_lengths(ledger, axes[1], names[1], curves, seed, end, logarithmic, x)
    draw_cosines(ledger, axes[2], names[2], curves, seed, end, logarithmic, x)
    axes[0].set_title(f"({letters[0]}) {curves.label}, {len(curves.kept)} seeds")
    axes[1].set_title(f"({letters[1]}) learned vectors, seed {seed}")
    axes[2].set_title(f"({letters[2]}) alignment, seed {seed}")


def draw_cases_row(
    ledger: Ledger,
    axes: Sequence[Axes],
    letters: str,
    cases: Sequence[Curves],
    *,
    logarithmic: bool = False,
    last: float | None = None,
) -> None:
    """Draw several cases of rank 1 over their seeds: loss, length and alignment.

    Of more than two cases there are no lines of single seeds, which would hide each other, and the
    alignment is drawn less that of the first case, seed by seed.
    """
    few = len(cases) <= 2
    colors = (style.MAIN,) if len(cases) == 1 else style.SERIES
    end = max(c.converged() for c in cases) if last is None else last
    for color, curves in zip(colors, cases, strict=False):
        panels = {
            "loss": np.clip(curves.over_seeds("loss"), 1e-300, None),
            "length": curves.over_seeds("norm")[..., 0].mean(-1),
            "alignment": curves.alignment() if few else curves.alignment_less(cases[0]),
        }
        for ax, letter, (name, values) in zip(axes, letters, panels.items(), strict=True):
            seed_lines(ledger, ax, f"{letter}, {name}", curves, values, color, singles=few)
    loss_axis(axes[0], *cases)
    note_diverged(axes[0], *cases)
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("Length, mean of both vectors\n(dimensionless)")
    axes[2].set_ylabel("|cosine| with target,\nmean of both vectors")
    if few:
        axes[2].set_ylim(0, 1.02)
    else:
        axes[2].set_ylabel(f"|cosine| with target, less\nthat of {cases[0].label}, same seed")
    for ax in axes:
        step_axis(ax, end, logarithmic, True)
    titles = ("loss", "learned vectors", "alignment")
    for ax, letter, title in zip(axes, letters, titles, strict=True):
        ax.set_title(f"({letter}) {title}, {len(cases[0].kept)} seeds")


def seed_handles(null: bool = True, singles: bool = True) -> list[Artist]:
    """Return legend entries for the lines of `seed_lines` and `draw_loss`."""
    label = "single seeds (ten shown)"
    one = Line2D([], [], color=style.MAIN, linewidth=0.5, alpha=0.5, label=label)
    handles: list[Artist] = [
        *([one] if singles else []),
        Line2D([], [], color=style.MAIN, linewidth=1.5, label="median over seeds"),
        Patch(color=style.MAIN, alpha=0.2, label="16 to 84 % of seeds"),
    ]
    if null:
        handles.append(
            Line2D([], [], color=style.MUTED, linestyle=":", label="loss of the zero tensor")
        )
    return handles


def vector_handles() -> list[Artist]:
    """Return legend entries for the lines of `draw_lengths` and `draw_cosines` for a matrix."""
    return [
        *style.color_handles([f"vector {k + 1}" for k in range(SHOWN_VECTORS)], linewidth=None),
        Line2D([], [], color=style.MAIN, linestyle=DASHES[0], label="first component, a"),
        Line2D([], [], color=style.MAIN, linestyle=DASHES[1], label="second component, b"),
    ]
