"""Runs without weight decay, with the sides free and frozen."""

from __future__ import annotations

import pandas as pd

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import marks

_PLAIN = {"free": "free", "frozen": "frozen", "freemore": "free", "frozenmore": "frozen"}


@style.context()
def draw(*, runs: pd.DataFrame) -> Drawn:
    """Draw shares of runs that generalise and their accuracies, by learning rate.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.9)
    axes, ledger = figure.subplots(1, 2), Ledger()
    tables = {name: runs[runs["setting"] == name] for name in _PLAIN}
    rates = sorted(pd.concat(tables.values())["learning_rate"].unique())
    labels = [
        f"{sides} sides, {100 * tables[name]['train_fraction'].iloc[0]:.0f} % of pairs"
        for name, sides in _PLAIN.items()
    ]
    for place, rate in enumerate(rates):
        for shift, (name, table), color in zip(
            marks.shifts(4, 0.5), tables.items(), style.SERIES, strict=True
        ):
            own = table[table["learning_rate"] == rate]
            marks.draw_share(ledger, axes[0], "a", name, place + shift, own, color)
            accuracy = marks.kept(own)["test_accuracy"].to_numpy()
            marks.draw_points(ledger, axes[1], "b", name, place + shift, accuracy, color, 0.04)
    sizes = pd.concat(tables.values()).groupby(["setting", "learning_rate"]).size()
    axes[0].set_title(f"(a) weight decay 0, {marks.number_of_runs(sizes.tolist())} each")
    axes[1].set_title("(b) final test accuracy of each run")
    axes[1].set_ylabel("Test accuracy (share of pairs)")
    axes[1].set_ylim(-0.03, 1.05)
    marks.share_axis(axes[0])
    for ax in axes:
        style.category_axis(ax, [f"{rate:g}" for rate in rates], "Learning rate of Adam")
    marks.note_diverged(axes[1], pd.concat(tables.values()))
    handles = style.color_handles(labels)
    style.bottom_legend(figure, handles, [marks.share_handle(), marks.time_handles()[2]], columns=4)
    return Drawn(figure, ledger.table())
