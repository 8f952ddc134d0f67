"""Whether the LLC falls when parameters stop to matter that one can count, and where it falls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.degeneracy_layout import SOURCES
from stagewise.studies.regression.degeneracy_link import moves
from stagewise.studies.regression.degeneracy_readings import lost_along, sound_curves
from stagewise.studies.regression.figures.panels import LLC_LABEL, leave_out, stayed
from stagewise.studies.regression.figures.structure_panels import others, shades

BELOW = 0.1
"""The count of the claim: directions below this share of their first size."""

NAMES = {
    "channels": "collapsed channels",
    "directions": "other directions",
    "tokens": "ignored tokens",
}
COLORS = dict(zip(SOURCES, style.SERIES[1:], strict=False))
FEWEST = 4
"""Sound estimates from the top on without which no rates are drawn."""


@style.context()
def draw(
    *,
    degeneracies: Mapping[str, xr.Dataset],
    llc: xr.Dataset,
    refined: xr.Dataset,
    stages: pd.DataFrame,
    run: str,
) -> Drawn:
    """Draw LLC and count over time, their rates, the correlation of these over shifts, and parts.

    Parameters
    ----------
    degeneracies : mapping of str to Dataset
        Layout `degeneracy_layout.DEGENERACY`, by run.
    llc : Dataset
        Of the shown run; layout `llc.layout.LLC`.
    refined : Dataset
        Of the shown run; layout `degeneracy_layout.LLC_REFINED`.
    stages : DataFrame
        Of the shown run.
    run : str
        The shown run.

    Returns
    -------
    Drawn
        Table of every line and mark.
    """
    shown, ledger = degeneracies[run], Ledger()
    title = f"Run {run}; LLC by {llc.attrs['setting']!r}, stages by {stages['setting'].iloc[0]!r}"
    figure = style.new_figure(style.FULL_WIDTH, 6.2, title)
    axes = figure.subplot_mosaic(
        [["llc", "rates"], ["count", "shifts"], ["parts", "parts"]], height_ratios=[1, 1, 1]
    )
    last = float(llc["step"].max())
    style.log_step_axis(axes["llc"], last, label=False)
    style.log_step_axis(axes["count"], last)
    _llc(ledger, axes["llc"], llc)
    _count(ledger, axes["count"], shown, others(degeneracies, run))
    for ax in (axes["llc"], axes["count"]):
        style.shade_stages(ax, stages, names=ax is axes["llc"])
    _rates(ledger, axes["rates"], axes["shifts"], sound_curves(llc, shown, BELOW))
    _parts(ledger, axes["parts"], refined)
    lines = [
        Line2D([], [], color=style.MAIN, linewidth=1.3, label="lost in all"),
        Patch(color=style.MAIN, alpha=0.25, linewidth=0, label="below 0.05 to 0.2"),
        *(Line2D([], [], color=COLORS[name], label=NAMES[name]) for name in SOURCES),
        Line2D([], [], color=style.MUTED, linewidth=0.6, label="other seeds, in all"),
    ]
    marks = [*style.soundness_handles(stages), *verdict_marks.handles(ledger.verdicts)]
    style.bottom_legend(figure, lines, marks, columns=4)
    return Drawn(figure, ledger.table())


def _llc(ledger: Ledger, ax: Axes, llc: xr.Dataset) -> None:
    values, errors = (llc[f"llc_{name}"].to_numpy() for name in ("mean", "stderr"))
    ledger.line(ax, "LLC", "mean", llc["step"].to_numpy(), values, color=style.MAIN, linewidth=0.8)
    ledger.estimates(ax, "LLC", "estimates", llc)
    if leave_out(ax, values, errors, stayed(llc)):
        style.note(ax, "estimates beyond\nthe axis escaped")
    ax.set_ylabel(LLC_LABEL)
    ax.set_title("(a) LLC of local chains", pad=10)


def _count(ledger: Ledger, ax: Axes, shown: xr.Dataset, beside: Mapping[str, xr.Dataset]) -> None:
    """Draw what has been lost since the first step; a band over the shares below which it counts."""
    since = shown["lost"] - shown["lost"].isel(step=0)
    steps = shown["step"].to_numpy()
    for name, other in beside.items():
        lost = lost_along(other, BELOW)
        change = (lost - lost.isel(step=0)).to_numpy() / 1000
        ledger.line(ax, "count", name, other["step"], change, color=style.MUTED, linewidth=0.6)
    for source in SOURCES:
        one = since.sel(below=BELOW, source=source).sum("map").to_numpy() / 1000
        ledger.line(ax, "count", source, steps, one, color=COLORS[source], linewidth=0.9)
    whole = since.sum(("map", "source")) / 1000
    ledger.line(
        ax, "count", "in all", steps, whole.sel(below=BELOW).to_numpy(),
        whole.min("below").to_numpy(), whole.max("below").to_numpy(),
        color=style.MAIN, linewidth=1.3,
    )  # fmt: skip
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_ylabel("Parameters lost since\nthe start (thousands)")
    ax.set_title("(b) parameters that no input reaches")


def _rates(ledger: Ledger, top: Axes, bottom: Axes, curves: tuple[np.ndarray, ...]) -> None:
    """Draw both rates from the LLC's top on, and how they correlate when one is shifted."""
    steps, llc, _, lost = curves
    top.set_title("(c) when they move, from the top on", pad=10)
    bottom.set_title("(d) the same, out of step")
    top.set(xscale="log", ylabel="Rate in log time\n(of its largest)", xlabel="Training step t")
    bottom.set(
        xscale="log",
        ylim=(-1.05, 1.05),
        xlabel="LLC later than the count by a factor in time",
        ylabel="Correlation of rates",
    )
    for ax, written in ((top, style.short_step), (bottom, "{:g}".format)):
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _, written=written: written(x)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.axhline(0, color=style.MUTED, linewidth=0.6)
    if not len(llc) or len(llc) - int(np.argmax(llc)) < FEWEST:
        for ax in (top, bottom):
            style.note(ax, "too few sound estimates\nfrom the top of the LLC on")
        return
    seen = moves(steps, llc, lost)
    for name, rate, color in (
        ("fall of the LLC", seen.falling, style.SERIES[0]),
        ("loss of parameters", seen.losing, style.MAIN),
    ):
        largest = float(np.abs(rate).max()) or 1.0
        ledger.line(top, "rates", name, seen.step, rate / largest, color=color, label=name)
    top.legend(loc="best", fontsize=6)
    factor = np.exp(seen.shift)
    ledger.line(bottom, "shifts", "correlation", factor, seen.correlation, color=style.SERIES[0])
    bottom.axvline(1, color=style.MUTED, linewidth=0.6)


def _parts(ledger: Ledger, ax: Axes, refined: xr.Dataset) -> None:
    names = refined["part"].to_numpy().astype(str).tolist()
    steps = refined["step"].to_numpy().tolist()
    places = np.arange(len(names), dtype=float)
    offsets = np.linspace(-0.3, 0.3, len(steps)) if len(steps) > 1 else np.zeros(1)
    for step, color, offset in zip(steps, shades(len(steps)), offsets, strict=True):
        one = refined.sel(step=step)
        values, errors = one["llc"].to_numpy(), one["llc_stderr"].to_numpy()
        verdicts = one["verdict"].to_numpy().astype(str)
        ledger.marks(ax, "parts", f"step {step}", places + offset, values, errors, verdicts, color)
        ax.plot([], [], "o", color=color, label=f"t = {style.short_step(step)}")
    style.category_axis(ax, [name.replace(", ", ",\n") for name in names], "", fontsize=6.5)
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_ylabel("LLC of a part alone")
    ax.set_title("(e) where: LLCs of parts, the others held")
    ax.legend(loc="best", fontsize=6, ncols=2)
