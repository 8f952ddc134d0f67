"""Essential dynamics of outputs, weights and gradients, side by side."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger


@style.context()
def draw(*, variants: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the planes of three components of each kind of vector, and the variance that they hold.

    Parameters
    ----------
    variants : Dataset
        Layout `regression.ed_variants_layout.ED_VARIANTS`.
    stages : DataFrame
        Of the same run; they colour the checkpoints.

    Returns
    -------
    Drawn
        Table of the scores by step and plane, and of the shares of variance.
    """
    pcs = variants["pc"].to_numpy()[:3]
    pairs = list(combinations(pcs.tolist(), 2))
    names = variants["variant"].to_numpy().astype(str).tolist()
    title = f"Run {variants.attrs['run']}; stages by {stages['setting'].iloc[0]!r}"
    figure = style.new_figure(style.FULL_WIDTH, 1.6 * len(names) + 0.7, title)
    axes = figure.subplots(len(names), len(pairs) + 1, squeeze=False)
    ledger = Ledger()
    for letter, row, name in zip("abc", axes, names, strict=True):
        one = variants.sel(variant=name)
        for ax, (i, j) in zip(row, pairs, strict=False):
            _plane(ledger, ax, name, one, i, j, stages)
        shares = one["explained_variance_ratio"].to_numpy()[: pcs.size]
        ledger.add(name, "share of variance", pcs, shares)
        row[-1].bar(pcs, shares, width=0.6, color=style.MUTED)
        for pc, share in zip(pcs, shares, strict=True):
            row[-1].text(pc, share + 0.02, f"{share:.2f}", ha="center", fontsize=6.5)
        row[-1].set(ylim=(0, 1.1), ylabel="Share of variance", xticks=pcs, xlabel="PC")
        row[0].set_title(f"({letter}) {name}")
    marks = [
        Line2D([], [], marker="^", linestyle="", color=style.MAIN, label="start"),
        Line2D([], [], marker="s", linestyle="", color=style.MAIN, label="end"),
    ]
    stage_row = [*style.stage_handles(stages), *style.soundness_handles(stages)]
    style.bottom_legend(figure, stage_row, marks)
    return Drawn(figure, ledger.table())


def _plane(
    ledger: Ledger,
    ax: Axes,
    name: str,
    one: xr.Dataset,
    i: int,
    j: int,
    stages: pd.DataFrame,
) -> None:
    """Draw checkpoints in one plane, in the colours of their stages, and the way between them."""
    x, y = (one["scores"].sel(pc=pc).to_numpy() for pc in (i, j))
    steps = one["step"].to_numpy()
    ledger.add(f"{name}, PC{j}-PC{i}", "trajectory", x, y, step=steps)
    ax.plot(x, y, color=style.MUTED, linewidth=0.4, zorder=1)
    strength = style.stage_strength(stages)
    colors = [style.paler(color, strength) for color in style.stage_colors(stages)]
    which = np.searchsorted(stages["end"].to_numpy(), steps).clip(max=len(colors) - 1)
    ax.scatter(x, y, c=[colors[stage] for stage in which], s=5, zorder=2)
    ax.plot(x[0], y[0], "^", color=style.MAIN, markersize=4, zorder=3)
    ax.plot(x[-1], y[-1], "s", color=style.MAIN, markersize=3.5, zorder=3)
    ax.set(xlabel=f"PC {i} score", ylabel=f"PC {j} score")
    ax.ticklabel_format(scilimits=(-2, 3))
