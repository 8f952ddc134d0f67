"""K-composition of every pair of heads of a two-layer run."""

from __future__ import annotations

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.language.figures.panels import Runs, Stages, stage_rows, time_axis


@style.context()
def draw(*, runs: Runs, stages: Stages) -> Drawn:
    """Draw K-composition of every pair of heads of a two-layer run, one panel a head of layer 2.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant; ``twolayers`` is drawn.
    stages : mapping of str to DataFrame

    Returns
    -------
    Drawn
    """
    metrics = runs["twolayers"]
    scores = metrics["composition_key"]
    order = metrics["prefix_matching_score"].isel(layer=1).max("step").to_numpy().argsort()[::-1]
    earlier = metrics["previous_token_score"].isel(layer=0).max("step").to_numpy().argmax()
    columns = min(4, len(order))
    rows = -(-len(order) // columns)
    figure = style.new_figure(style.FULL_WIDTH, rows * style.PANEL_HEIGHT + 0.9)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    ledger = Ledger()
    random = float(metrics["composition_random"])
    ledger.add("baseline", "random heads", [0], [random])
    last, steps = float(metrics["step"].max()), metrics["step"].to_numpy()
    for place, (ax, later) in enumerate(zip(axes.flat, order, strict=False)):
        best = float(metrics["prefix_matching_score"].isel(layer=1, head=int(later)).max())
        ax.set_title(f"Into head 2:{later + 1}\nprefix score {best:.2f}")
        for head in range(scores.sizes["earlier_head"]):
            strong = head == earlier
            values = scores.isel(earlier_head=head, later_head=int(later)).to_numpy()
            ledger.line(
                ax,
                f"into 2:{later + 1}",
                f"from 1:{head + 1}",
                steps,
                values,
                color=style.SERIES[1] if strong else style.MUTED,
                linewidth=1.4 if strong else 0.7,
                label=f"from 1:{head + 1}, highest previous-token score" if strong else None,
                zorder=3 if strong else 2,
            )
        ax.axhline(random, color=style.MAIN, linestyle="--", linewidth=0.8, label="random heads")
        time_axis(ax, last, label=place + columns >= len(order))
        style.shade_stages(ax, stages["twolayers"])
    for ax in axes.flat[len(order) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("K-composition")
        ax.set_ylim(bottom=0)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    style.bottom_legend(figure, *stage_rows({"twolayers": metrics}, stages))
    return Drawn(figure, ledger.table())
