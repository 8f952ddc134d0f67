"""A sweep of sampler settings: the estimates as they grow, and the verdict on every cell (Fig. 40)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from stagewise.llc.calibration_choice import failures_of
from stagewise.llc.estimate_layout import VERDICTS_OF_ESTIMATES
from stagewise.llc.settings import AXES
from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger

TRACE_HEIGHT, MAP_HEIGHT = 0.95, 0.95
"""Height in inches of a row of traces and of a row of maps."""

COLORS = {
    "ok": "#ffffff",
    "drifting": "#f7c98b",
    "saturated": "#9ecae1",
    "escaped": "#cc79a7",
    "diverged": "#8a8a8a",
}
"""Background of a verdict in the maps; its mark says the same without colours."""


@style.context()
def draw(*, sweep: xr.Dataset, ranked: pd.DataFrame) -> Drawn:
    """Draw the traces of a sweep at its last checkpoint, and maps of verdicts at all of them.

    Parameters
    ----------
    sweep : Dataset
        Layout `llc.layout.SWEEP`.
    ranked : DataFrame
        Layout `llc.layout.CALIBRATION`; its first row is the choice.

    Returns
    -------
    Drawn
        Table of every trace and of every estimate with its verdict.
    """
    num_rows, num_steps = sweep.sizes["localization"], sweep.sizes["step"]
    heights = [TRACE_HEIGHT * num_rows + 0.75, MAP_HEIGHT * num_steps + 0.75]
    best = ranked.iloc[0]
    figure = style.new_figure(style.FULL_WIDTH, sum(heights) + 0.3, _title(sweep, best))
    top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    ledger = Ledger()
    _traces(ledger, top, sweep, best)
    _maps(ledger, bottom, sweep, best)
    return Drawn(figure, ledger.table())


def _title(sweep: xr.Dataset, best: pd.Series) -> str:
    place = (
        rf"$\epsilon$ = {best['step_size']:g}, $n\beta$ = {best['n_beta']:g}, "
        rf"$\gamma$ = {best['localization']:g}"
    )
    failures = failures_of(best.to_dict())
    if failures:
        head = (
            f"{sweep.attrs['subject']}: FAILED, no cell keeps the criteria; {place} fails least:\n"
        )
        text = head + ", ".join(failures)
    else:
        text = (
            f"{sweep.attrs['subject']}: chosen {place}; ok at all checkpoints,\n"
            f"a factor of two changes the LLC by at most {100 * best['largest_change']:.0f} %"
        )
    exact = float(sweep.attrs["exact_llc"])
    if np.isfinite(exact):
        cell = sweep.isel(step=-1).sel({axis: best[axis] for axis in AXES})
        found = f"{float(cell['llc_mean']):.3g} ± {float(cell['llc_stderr']):.1g}"
        text += f"; LLC {found}, exactly {exact:g}"
    return text


def _colors(sweep: xr.Dataset) -> Mapping[float, Any]:
    """Return one colour a step size, ordered."""
    values = sweep["step_size"].values.tolist()
    shades = np.linspace(0.05, 0.85, len(values))
    return dict(zip(values, mpl.colormaps[style.SEQUENCE](shades), strict=True))


def _traces(ledger: Ledger, figure: SubFigure, sweep: xr.Dataset, best: pd.Series) -> None:
    """Draw a panel for each n_beta (columns) and gamma (rows), a line for each step size."""
    last = sweep.isel(step=-1)
    n_betas, localizations = last["n_beta"].values, last["localization"].values
    axes = figure.subplots(len(localizations), len(n_betas), sharex=True, squeeze=False)
    draws = last["draw"].values + 1
    for (row, column), ax in np.ndenumerate(axes):
        place = {"n_beta": n_betas[column], "localization": localizations[row]}
        chosen = all(place[name] == best[name] for name in place)
        panel = "trace, " + ", ".join(f"{name} {value:g}" for name, value in place.items())
        for step_size, color in _colors(sweep).items():
            cell = last.sel(place).sel(step_size=step_size)
            picked = chosen and step_size == best["step_size"]
            ledger.line(
                ax,
                panel,
                f"step_size {step_size:g}",
                draws,
                cell["running_llc"].values,
                color=color,
                linewidth=2.0 if picked else 0.9,
            )
        exact = float(sweep.attrs["exact_llc"])
        if np.isfinite(exact):
            ax.axhline(exact, color=style.ACCENT, linewidth=0.8, linestyle="--")
        ax.axhline(0, color=style.MUTED, linewidth=0.5)
        if row == 0:
            ax.set_title(rf"$n\beta$ = {place['n_beta']:g}")
        if column == 0:
            ax.set_ylabel(rf"$\gamma$ = {place['localization']:g}" + "\n" r"$\hat\lambda$")
    figure.supxlabel(
        f"Draws so far, checkpoint at t = {style.short_step(float(last['step']))}", fontsize=7
    )
    handles: list[Artist] = [
        Line2D([], [], color=color, label=rf"$\epsilon$ = {step_size:g}")
        for step_size, color in _colors(sweep).items()
    ]
    if np.isfinite(float(sweep.attrs["exact_llc"])):
        handles.append(Line2D([], [], color=style.ACCENT, linestyle="--", label="exact"))
    handles.append(Line2D([], [], color=style.MAIN, linewidth=2.0, label=f"{_word(best)} (thick)"))
    figure.legend(handles=handles, loc="outside right upper")


def _maps(ledger: Ledger, figure: SubFigure, sweep: xr.Dataset, best: pd.Series) -> None:
    """Draw a map for each checkpoint (rows) and step size (columns), with the estimates written in."""
    steps, sizes = sweep["step"].values, sweep["step_size"].values
    axes = figure.subplots(len(steps), len(sizes), sharex=True, sharey=True, squeeze=False)
    for (row, column), ax in np.ndenumerate(axes):
        cells = sweep.isel(step=row, step_size=column).transpose("localization", "n_beta", ...)
        _map(ledger, ax, f"verdicts, step {steps[row]}, step_size {sizes[column]:g}", cells)
        if sizes[column] == best["step_size"]:
            _outline(ax, sweep, best)
        if row == 0:
            ax.set_title(rf"$\epsilon$ = {sizes[column]:g}")
        if column == 0:
            ax.set_ylabel(f"t = {style.short_step(float(steps[row]))}\n" r"$\gamma$")
        if row == len(steps) - 1:
            ax.set_xlabel(r"$n\beta$")
    seen = set(np.unique(sweep["verdict"].values.astype(str)).tolist())
    handles = [*verdict_marks.handles(seen)]
    frame: dict[str, Any] = {"edgecolor": style.ACCENT, "linewidth": 1.4, "linestyle": _line(best)}
    handles.append(Rectangle((0, 0), 1, 1, fill=False, label=_word(best), **frame))
    figure.legend(handles=handles, loc="outside right upper")


def _map(ledger: Ledger, ax: Axes, panel: str, cells: xr.Dataset) -> None:
    """Draw one map: colour and mark say the verdict, the number the estimate."""
    verdicts = cells["verdict"].values.astype(str)
    shape = verdicts.shape
    colours = mpl.colors.ListedColormap([COLORS[name] for name in VERDICTS_OF_ESTIMATES])
    codes = np.array([VERDICTS_OF_ESTIMATES.index(word) for word in verdicts.flat]).reshape(shape)
    ax.imshow(codes, cmap=colours, vmin=-0.5, vmax=len(VERDICTS_OF_ESTIMATES) - 0.5, aspect="auto")
    y, x = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    llc, error = cells["llc_mean"].values, cells["llc_stderr"].values
    for (row, column), value in np.ndenumerate(llc):
        ax.text(column, row - 0.2, _brief(value, float(error[row, column])), **_TEXT)
    for verdict in sorted(set(verdicts.flat)):
        at = np.equal(verdicts, verdict)
        look = verdict_marks.look(str(verdict), style.MAIN)
        ax.plot(x[at], np.add(y[at], 0.24), **look)
    ledger.add(
        panel,
        "LLC",
        cells["n_beta"].values[x.ravel()],
        llc.ravel(),
        (llc - error).ravel(),
        (llc + error).ravel(),
        localization=cells["localization"].values[y.ravel()],
        verdict=verdicts.ravel(),
    )
    ax.set_xticks(range(shape[1]), [f"{value:g}" for value in cells["n_beta"].values])
    ax.set_yticks(range(shape[0]), [f"{value:g}" for value in cells["localization"].values])
    ax.tick_params(length=0)


_TEXT: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6}


def _brief(llc: float, error: float) -> str:
    return "no value" if not np.isfinite(llc) else f"{_short(llc, 2)} ± {_short(error, 1)}"


def _short(value: float, digits: int) -> str:
    """Return a number with so many digits, or all of those before its point."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def _outline(ax: Axes, sweep: xr.Dataset, best: pd.Series) -> None:
    column, row = (
        sweep[name].values.tolist().index(best[name]) for name in ("n_beta", "localization")
    )
    ax.add_patch(
        Rectangle(
            (column - 0.47, row - 0.45),
            0.94,
            0.9,
            fill=False,
            edgecolor=style.ACCENT,
            linewidth=1.4,
            linestyle=_line(best),
        )
    )


def _word(best: pd.Series) -> str:
    """Return what the best cell is called."""
    return "fails least" if failures_of(best.to_dict()) else "chosen"


def _line(best: pd.Series) -> str:
    """Return the line of its frame."""
    return "--" if failures_of(best.to_dict()) else "-"
