"""Initial scale against the time to generalise and the grokking delay."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.figures import marks


@style.context()
def draw(*, runs: pd.DataFrame) -> Drawn:
    """Draw outcomes, accuracies, times and delays by initial scale, a colour each decay.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.9)
    axes, ledger = figure.subplots(2, 2).ravel(), Ledger()
    rows = runs[runs["setting"] == "scaled"]
    scales, decays = (sorted(rows[name].unique()) for name in ("initial_scale", "weight_decay"))
    labels = [f"weight decay {decay:g}" for decay in decays]
    for shift, decay, color in zip(marks.shifts(len(decays)), decays, style.SERIES, strict=False):
        for place, scale in enumerate(scales):
            part = rows[(rows["weight_decay"] == decay) & (rows["initial_scale"] == scale)]
            alive, name, x = marks.kept(part), f"decay {decay:g}", place + shift
            marks.draw_share(ledger, axes[0], "a", name, x, part, color)
            accuracies = alive["test_accuracy"].to_numpy()
            marks.draw_points(ledger, axes[1], "b", name, x, accuracies, color, 0.06)
            marks.draw_times(ledger, axes[2], "c", name, x, Times.to_generalise(alive), color, 0.06)
            late = alive[alive["least_delay"].notna()]
            delays = Times(
                np.exp(late["least_delay"].to_numpy()), late["generalised_step"].isna().to_numpy()
            )
            marks.draw_times(ledger, axes[3], "d", name, x, delays, color, 0.06)
    counts = rows.groupby(["weight_decay", "initial_scale"]).size().tolist()
    marks.share_axis(axes[0])
    axes[0].set_title(f"(a) {marks.number_of_runs(counts)} each")
    axes[0].set_ylim(top=1.2)  # room for the note
    _say_none(axes[0], rows)
    axes[1].set_title("(b) test accuracy at the end")
    axes[2].set_title("(c) time to generalise")
    axes[3].set_title("(d) grokking delay")
    axes[1].set_ylim(0, 1.05)
    axes[1].set_ylabel("Test accuracy")
    axes[2].set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
    axes[3].set_ylabel(r"$t_{\mathrm{gen}} / t_{\mathrm{mem}}$ (log scale)")
    for ax in axes:
        style.category_axis(
            ax, [f"{scale:g}" for scale in scales], "Initial scale (of all parameters)"
        )
    for ax in axes[2:]:
        ax.set_yscale("log")
    marks.note_diverged(axes[1], rows)
    handles = [*style.color_handles(labels), marks.share_handle()]
    style.bottom_legend(figure, handles, marks.time_handles(), columns=4)
    return Drawn(figure, ledger.table())


def _say_none(ax: Axes, rows: pd.DataFrame) -> None:
    """Say at which decays no run generalises, whatever the scale."""
    words = [
        f"decay {decay:g}: none of {len(part)} runs"
        for decay, part in rows.groupby("weight_decay")
        if not (part["outcome"] == "generalise").any()
    ]
    style.note(ax, "\n".join(words), y=0.98)
