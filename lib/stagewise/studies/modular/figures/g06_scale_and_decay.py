"""Initial scale against the time to generalise and the grokking delay."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.figures import marks


@style.context()
def draw(*, runs: pd.DataFrame) -> Drawn:
    """Draw outcomes, times and delays by initial scale, a colour each decay.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.9)
    axes, ledger = figure.subplots(1, 3), Ledger()
    rows = runs[runs["setting"] == "scaled"]
    scales, decays = (sorted(rows[name].unique()) for name in ("initial_scale", "weight_decay"))
    labels = [f"weight decay {decay:g}" for decay in decays]
    for shift, decay, color in zip(marks.shifts(len(decays)), decays, style.SERIES, strict=False):
        for place, scale in enumerate(scales):
            part = rows[(rows["weight_decay"] == decay) & (rows["initial_scale"] == scale)]
            alive, name, x = marks.kept(part), f"decay {decay:g}", place + shift
            marks.draw_share(ledger, axes[0], "a", name, x, part, color)
            marks.draw_times(ledger, axes[1], "b", name, x, Times.to_generalise(alive), color, 0.06)
            late = alive[alive["least_delay"].notna()]
            delays = Times(
                np.exp(late["least_delay"].to_numpy()), late["generalised_step"].isna().to_numpy()
            )
            marks.draw_times(ledger, axes[2], "c", name, x, delays, color, 0.06)
    counts = rows.groupby(["weight_decay", "initial_scale"]).size().tolist()
    marks.share_axis(axes[0])
    axes[0].set_title(f"(a) {marks.number_of_runs(counts)} each")
    axes[1].set_title("(b) time to generalise")
    axes[2].set_title("(c) grokking delay")
    axes[1].set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
    axes[2].set_ylabel(r"$t_{\mathrm{gen}} / t_{\mathrm{mem}}$ (log scale)")
    for ax in axes:
        style.category_axis(
            ax, [f"{scale:g}" for scale in scales], "Initial scale (of all parameters)"
        )
    for ax in axes[1:]:
        ax.set_yscale("log")
    marks.note_diverged(axes[0], rows, y=0.94)
    handles = [*style.color_handles(labels), marks.share_handle()]
    style.bottom_legend(figure, handles, marks.time_handles(), columns=4)
    return Drawn(figure, ledger.table())
