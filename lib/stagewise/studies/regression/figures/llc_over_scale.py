"""The LLC over the scale gamma / n_beta beside the soft count, and which of its changes survive."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.llc.scale_layout import SURVIVALS
from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger

PANELS_IN_ROW = 3
BY_N_BETA, BY_GAMMA, COUNT = style.SERIES[0], style.SERIES[1], style.MUTED

LOOKS = dict(
    zip(
        SURVIVALS,
        (
            ("#cc5c0a", "rises at every scale"),
            ("#2f6fb3", "falls at every scale"),
            ("#f7c98b", "rises at some, falls at none"),
            ("#b5d6ee", "falls at some, rises at none"),
            ("#cc79a7", "rises at some, falls at others"),
            ("#ffffff", "cannot be told"),
        ),
        strict=True,
    )
)
"""Colour and words of what becomes of a statement."""

SCALE_LABEL = r"Scale $s = \gamma / n\beta$ (loss)"


@style.context()
def draw(*, store: xr.Dataset, meaning: pd.DataFrame, statements: pd.DataFrame) -> Drawn:
    """Draw the LLC and the soft count over the scale, over training, and what is told at every scale.

    Parameters
    ----------
    store : Dataset
        Layout `llc.scale_layout.LLC_SCALE`.
    meaning : DataFrame
        Layout `llc.scale_layout.LLC_MEANING`.
    statements : DataFrame
        Layout `llc.scale_layout.LLC_STATEMENTS`.

    Returns
    -------
    Drawn
        Table of everything drawn; of the statements, the numbers of scales that tell a rise and a fall.
    """
    num_rows = -(-store.sizes["step"] // PANELS_IN_ROW)
    heights = [1.55 * num_rows + 0.1, 2.45]
    base = store.isel(cell=0)
    title = (
        f"Run {store.attrs['run']}: the LLC counts curvature above a scale; with "
        rf"$n\beta$ = {float(base['n_beta']):g} and $\gamma$ = {float(base['localization']):g} that is "
        f"{float(base['localization'] / base['n_beta']):g}"
    )
    figure = style.new_figure(style.FULL_WIDTH, sum(heights) + 0.85, title)
    top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    ledger = Ledger()
    _over_scale(ledger, top, store, meaning)
    left, right = bottom.subplots(1, 2, width_ratios=[1.2, 1])
    _over_training(ledger, left, store)
    _statements(ledger, right, statements)
    style.bottom_legend(
        figure,
        _handles(),
        verdict_marks.handles(ledger.verdicts),
        [
            Patch(facecolor=color, edgecolor=style.MUTED, linewidth=0.4, label=text)
            for name, (color, text) in LOOKS.items()
            if name in set(statements["survival"])
        ],
        columns=4,
    )
    return Drawn(figure, ledger.table())


def _over_scale(
    ledger: Ledger, figure: SubFigure, store: xr.Dataset, meaning: pd.DataFrame
) -> None:
    """Draw a panel a checkpoint."""
    num_steps = store.sizes["step"]
    columns = min(PANELS_IN_ROW, num_steps)
    axes = figure.subplots(-(-num_steps // columns), columns, squeeze=False, sharex=True)
    scale = (store["localization"] / store["n_beta"]).to_numpy()
    arms = {
        r"by n beta": (store["localization"] == store["localization"][0]).to_numpy(),
        r"by gamma": (store["n_beta"] == store["n_beta"][0]).to_numpy(),
    }
    words = meaning.set_index("step")["meaning"]
    for number, ax in enumerate(axes.flat):
        if number >= num_steps:
            ax.set_axis_off()
            continue
        here = store.isel(step=number)
        step = int(here["step"])
        panel = f"over the scale, step {step}"
        count, error = here["curve"].to_numpy(), here["curve_stderr"].to_numpy()
        bounds = count - error, count + error
        ledger.line(ax, panel, "soft count", here["scale"], count, *bounds, color=COUNT)
        for color, (name, chosen) in zip((BY_N_BETA, BY_GAMMA), arms.items(), strict=True):
            order = np.flatnonzero(chosen)[np.argsort(scale[chosen])]
            cells = here.isel(cell=order)
            quadratic = (cells["soft_count"] + cells["gradient_part"]).to_numpy()
            look: dict[str, Any] = {"color": color, "linestyle": ":", "linewidth": 0.9}
            ledger.line(ax, panel, f"quadratic, {name}", scale[order], quadratic, **look)
            llc, llc_error = cells["llc_mean"].to_numpy(), cells["llc_stderr"].to_numpy()
            ledger.line(ax, panel, f"LLC, {name}", scale[order], llc, color=color, linewidth=0.7)
            verdicts = verdict_marks.verdicts_of(cells)
            ledger.marks(
                ax, panel, f"LLC, {name}, estimates", scale[order], llc, llc_error, verdicts, color
            )
        ax.axvline(scale[0], color=style.MUTED, linewidth=0.5, linestyle="--", zorder=0)
        ax.set_xscale("log")
        ax.set_xlim(scale.min() / 1.5, scale.max() * 1.5)
        ax.set_xticks(np.unique(scale), [f"{value:g}" for value in np.unique(scale)])
        ax.minorticks_off()
        _limits(ax, here)
        head = f"t = {style.short_step(step)}, loss {float(here['init_loss']):.2f}"
        ax.set_title(f"{head}\nfactor of 2: {words[step]}")
        if number % columns == 0:
            ax.set_ylabel("LLC or soft count\n(dimensionless)")
        if number + columns >= num_steps:
            ax.set_xlabel(SCALE_LABEL)
            ax.tick_params(labelbottom=True)


def _limits(ax: Axes, here: xr.Dataset) -> None:
    """Fit the y axis to the estimates and their errors, and the soft count where the cells are."""
    error = here["llc_stderr"].fillna(0)
    ends = [here["llc_mean"] - error, here["llc_mean"] + error, here["soft_count"]]
    values = np.concatenate([end.to_numpy() for end in ends])
    values = values[np.isfinite(values)]
    low, high = min(values.min(initial=0), 0), values.max(initial=1)
    ax.set_ylim(low - 0.06 * (high - low), high + 0.08 * (high - low))
    if low < 0:
        ax.axhline(0, color=style.MUTED, linewidth=0.5)


def _over_training(ledger: Ledger, ax: Axes, store: xr.Dataset) -> None:
    """Draw LLC (by gamma) and soft count over training, a colour a scale, with the loss."""
    step = store["step"].to_numpy()
    cells = store.isel(cell=(store["n_beta"] == store["n_beta"][0]).to_numpy())
    scales = (cells["localization"] / cells["n_beta"]).to_numpy()
    style.log_step_axis(ax, float(step.max()))
    ax.set_xlim(step[step > 0].min() / 1.3 if (step > 0).any() else 1, step.max() * 1.3)
    colours = _colours(scales)
    for cell in np.argsort(scales):
        here, color, name = cells.isel(cell=cell), colours[cell], f"s = {scales[cell]:g}"
        count = here["soft_count"].to_numpy()
        ledger.line(
            ax, "over training", f"soft count, {name}", step, count, color=color, linestyle="--"
        )
        verdicts = verdict_marks.verdicts_of(here)
        llc, error = here["llc_mean"].to_numpy(), here["llc_stderr"].to_numpy()
        ledger.line(ax, "over training", f"LLC, {name}", step, llc, color=color, label=name)
        ledger.marks(
            ax, "over training", f"LLC, {name}, estimates", step, llc, error, verdicts, color
        )
    ax.set_title("LLC (solid) and soft count (dashed) over training")
    ax.set_ylabel("LLC or soft count\n(dimensionless)")
    ax.legend(loc="upper right", handlelength=1.0, fontsize=6, title=None)
    loss = ax.twinx()
    ledger.line(
        loss, "over training", "loss", step, store["init_loss"].to_numpy(), color=style.ACCENT,
        linewidth=0.9, alpha=0.7,
    )  # fmt: skip
    loss.set_ylabel("Loss (squared error per label)", color=style.ACCENT)
    loss.tick_params(axis="y", colors=style.ACCENT)
    loss.spines["right"].set_visible(True)
    loss.spines["right"].set_color(style.ACCENT)


def _colours(scales: np.ndarray) -> np.ndarray:
    """Return one colour a scale, ordered."""
    low, high = float(scales.min()), float(scales.max())
    place = LogNorm(low, high)(scales) if high > low else np.zeros(len(scales))
    return mpl.colormaps[style.SEQUENCE](0.05 + 0.8 * np.asarray(place))


def _statements(ledger: Ledger, ax: Axes, statements: pd.DataFrame) -> None:
    """Draw what is told of each pair of checkpoints: the LLC above the diagonal, the count below."""
    steps = sorted({*statements["first"], *statements["second"]})
    place = {step: number for number, step in enumerate(steps)}
    last = len(steps) - 1
    for row in statements.itertuples():
        one, two = place[row.first], place[row.second]
        x, y = (two, one) if row.quantity == "llc" else (one, two)
        color, _ = LOOKS[str(row.survival)]
        ax.add_patch(
            mpl.patches.Rectangle(
                (x - 0.5, y - 0.5), 1, 1, facecolor=color, edgecolor=style.MUTED, linewidth=0.4
            )
        )
        text = f"{row.num_rising}↑ {row.num_falling}↓\nof {row.num_scales}"
        dark = str(row.survival) in SURVIVALS[:2]
        ax.text(x, y, text, ha="center", va="center", fontsize=5,
                color="white" if dark else style.MAIN)  # fmt: skip
    for number in range(last + 1):
        ax.add_patch(mpl.patches.Rectangle((number - 0.5, number - 0.5), 1, 1, facecolor="#e8e8e8"))
    for quantity, rows in statements.groupby("quantity"):
        for kind in ("rising", "falling"):
            ledger.add(
                "statements",
                f"scales that tell {'a rise' if kind == 'rising' else 'a fall'}, {quantity}",
                rows["first"],
                rows[f"num_{kind}"],
                second=rows["second"],
                of=rows["num_scales"],
                survival=rows["survival"],
            )
    labels = [style.short_step(step) for step in steps]
    ax.set_xticks(range(last + 1), labels)
    ax.set_yticks(range(last + 1), labels)
    ax.set_xlim(-0.5, last + 0.5)
    ax.set_ylim(last + 0.5, -0.5)
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_title("Between two checkpoints: LLC above the\ndiagonal, soft count below")
    ax.set_xlabel("Training step t")


def _handles() -> list[Artist]:
    return [
        Line2D([], [], color=BY_N_BETA, marker="o", label=r"LLC, scale by $n\beta$"),
        Line2D([], [], color=BY_GAMMA, marker="o", label=r"LLC, scale by $\gamma$"),
        Line2D([], [], color=COUNT, label="soft count"),
        Line2D([], [], color=style.MAIN, linestyle=":", label="soft count and gradient"),
    ]
