"""A figure with the numbers in it: what is drawn is recorded as it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stagewise.plots import style, verdict_marks
from stagewise.stores.files import atomic_path


@dataclass(frozen=True)
class Drawn:
    """A figure and the table of the numbers that it shows."""

    figure: Figure
    data: pd.DataFrame

    def write(self, png: str | Path, pdf: str | Path, csv: str | Path) -> None:
        """Write figure and table, each whole or not at all."""
        style.save(self.figure, png, pdf)
        with atomic_path(csv) as temporary:
            self.data.to_csv(temporary, index=False, float_format="%.8g")


@dataclass
class Ledger:
    """Draws lines and keeps their numbers: one row a point, ``panel, series, x, y, low, high``."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    verdicts: set[str] = field(default_factory=set)
    """Verdicts of the estimates that can be seen, for the legend."""

    def add(
        self,
        panel: str,
        series: str,
        x: Any,
        y: Any,
        low: Any = None,
        high: Any = None,
        **columns: Any,
    ) -> None:
        """Record points; `low` and `high` bound an error bar or band.

        Raises
        ------
        ValueError
            If the lengths differ.
        """
        values = {"x": x, "y": y, **columns}
        values |= {name: v for name, v in (("low", low), ("high", high)) if v is not None}
        arrays = {name: np.atleast_1d(np.asarray(value)) for name, value in values.items()}
        if any(array.shape != arrays["x"].shape or array.ndim != 1 for array in arrays.values()):
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(
                f"{panel}, {series}: values of unequal length cannot be drawn: {shapes}"
            )
        self.parts.append(pd.DataFrame({"panel": panel, "series": series, **arrays}))

    def line(
        self,
        ax: Axes,
        panel: str,
        series: str,
        x: Any,
        y: Any,
        low: Any = None,
        high: Any = None,
        opacity: float = 0.25,
        **look: Any,
    ) -> Line2D:
        """Draw a line, with a band if bounds are given, and record it."""
        self.add(panel, series, x, y, low, high)
        look.setdefault("gid", f"{panel}/{series}")
        (drawn,) = ax.plot(np.asarray(x), np.asarray(y), **look)
        if low is not None and high is not None:
            ax.fill_between(
                np.asarray(x),
                np.asarray(low, dtype=float),
                np.asarray(high, dtype=float),
                color=drawn.get_color(),
                alpha=opacity,
                linewidth=0,
                zorder=drawn.get_zorder() - 0.1,
            )
        return drawn

    def estimates(
        self,
        ax: Axes,
        panel: str,
        series: str,
        judged: xr.Dataset,
        color: str = style.MAIN,
    ) -> None:
        """Draw LLC estimates with standard errors and marks of their verdicts."""
        step, llc = judged["step"].to_numpy(), judged["llc_mean"].to_numpy()
        error = judged["llc_stderr"].to_numpy()
        self.marks(ax, panel, series, step, llc, error, verdict_marks.verdicts_of(judged), color)

    def marks(
        self,
        ax: Axes,
        panel: str,
        series: str,
        x: np.ndarray,
        llc: np.ndarray,
        error: np.ndarray,
        verdicts: np.ndarray,
        color: str = style.MAIN,
    ) -> None:
        """Draw LLC estimates against anything; see `estimates`."""
        self.add(panel, series, x, llc, llc - error, llc + error, verdict=verdicts)
        left, right = (-np.inf, np.inf) if ax.get_autoscalex_on() else ax.get_xlim()
        self.verdicts |= set(verdicts[(x >= left) & (x <= right)].tolist())
        ax.errorbar(x, llc, error, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.7, zorder=3.5)
        verdict_marks.mark(ax, x, llc, verdicts, color)

    def table(self) -> pd.DataFrame:
        """Return everything recorded."""
        if not self.parts:
            return pd.DataFrame(columns=["panel", "series", "x", "y"])
        return pd.concat(self.parts, ignore_index=True)


def over_runs(datasets: Sequence[xr.Dataset], name: str) -> pd.DataFrame:
    """Return one variable of several runs, one column a run, indexed by step.

    Raises
    ------
    ValueError
        If the runs were measured at different steps.
    """
    steps = datasets[0]["step"].to_numpy()
    for dataset in datasets[1:]:
        if not np.array_equal(dataset["step"].to_numpy(), steps):
            runs = [str(item.attrs["run"]) for item in datasets]
            raise ValueError(f"the runs {runs} have {name} at different steps: they have no mean")
    return pd.DataFrame(
        {str(item.attrs["run"]): item[name].to_numpy() for item in datasets},
        index=pd.Index(steps, name="step"),
    )


def the_run(datasets: Sequence[xr.Dataset], run: str) -> xr.Dataset:
    """Return the dataset of one run.

    Raises
    ------
    ValueError
        If it is not among them.
    """
    for dataset in datasets:
        if dataset.attrs["run"] == run:
            return dataset
    raise ValueError(f"{run} is not among the runs {[item.attrs['run'] for item in datasets]}")
