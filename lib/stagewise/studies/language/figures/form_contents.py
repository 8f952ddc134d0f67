"""Extreme logits of tokens of one kind: their share along training and at forms, a row a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.core.intervals import share_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.language.extreme_logits import (
    THRESHOLD,
    Contexts,
    share_of,
    shown_points,
    sides,
)
from stagewise.studies.language.form_nulls import LEVEL, recorded_points, shares_at

_BINS = np.linspace(-6, 6, 49)
_CUTS = np.linspace(0.5, 4.0, 15)
"""Numbers of standard deviations beyond which shares are drawn."""

_MIN_COUNT = 20
"""Fewest entries behind a share that is drawn."""

_RARE = 0.02
"""Base rate below which shares are drawn on a logarithmic axis, linear from 0 to the base rate."""

_LEVEL = 0.683
"""Level of intervals that stand for one standard error."""

_SIDES = {"high": style.SERIES[0], "low": style.SERIES[3]}
_ASIDE = {"high": 0.99, "low": 1.01}

_WORDS = {
    "new_word": ("begins a word", "does not"),
    "induction": ("completes an induction pattern", "does not"),
}


def draw(
    *,
    ed: xr.Dataset,
    forms: xr.Dataset,
    contexts: xr.Dataset,
    contents: pd.DataFrame,
    measure: str,
    columns: int,
) -> Drawn:
    """Draw how logits of tokens of one kind differ from others', along training and a row a form.

    Parameters
    ----------
    ed, forms, contexts : Dataset
        Of one run; layouts `development.layout.ED`, `development.layout.FORMS` and
        `language.layout.CONTEXTS`.
    contents : DataFrame
        Of the same run; layout `language.layout.FORM_CONTENTS`.
    measure : {"new_word", "induction"}
        The kind: tokens that begin a word, or that complete an induction pattern.
    columns : int
        Panels a row: three with distances of induction patterns.

    Returns
    -------
    Drawn
        Bounds of shares are one standard error over contexts; those by distance are Wilson's, of the
        same level, each pattern on its own, as few contexts hold more than one. The bounds of other
        directions hold `form_nulls.LEVEL` of them.
    """
    known = Contexts.of(contexts)
    kinds = known.kinds()
    shares = shares_at(ed, recorded_points(ed, forms.sizes["pc"]), {measure: kinds[measure]})
    along = Along(
        ed["step"].to_numpy(),
        shares.sel(measure=measure, drop=True),
        contents[contents["measure"] == measure],
    )
    points = shown_points(forms, ed, len(known.new_word))
    return draw_points(points, known, measure, columns, along)


class Along(NamedTuple):
    """Shares of one kind among extreme logits along training, and at the forms.

    Parameters
    ----------
    steps : ndarray, shape (step,)
    shares : DataArray, dims (point, side)
        At the recorded steps.
    forms : DataFrame
        Rows of the kind; layout `language.layout.FORM_CONTENTS`.
    """

    steps: np.ndarray
    shares: xr.DataArray
    forms: pd.DataFrame


@style.context()
def draw_points(
    points: Mapping[str, np.ndarray],
    contexts: Contexts,
    measure: str,
    columns: int,
    along: Along | None = None,
) -> Drawn:
    """Draw the same of standardised logits, shape (context, V), by the title of their row."""
    first = int(along is not None)
    height = (len(points) + first) * style.PANEL_HEIGHT + 0.9 + 0.2 * first
    figure = style.new_figure(style.FULL_WIDTH, height)
    grid = figure.add_gridspec(len(points) + first, columns)
    kinds, ledger = contexts.kinds(), Ledger()
    if along is not None:
        base = float(kinds[measure].mean())
        _along_training(ledger, figure.add_subplot(grid[0, :]), along, base)
    axes = np.array(
        [
            [figure.add_subplot(grid[r + first, c]) for c in range(columns)]
            for r in range(len(points))
        ]
    )
    for row, (title, values) in zip(axes, points.items(), strict=True):
        _densities(ledger, row[0], title, values, kinds[measure])
        _shares(ledger, row[1], title, values, kinds, measure)
        if columns > 2:
            _distances(ledger, row[2], title, values, contexts.distance())
        row[0].set_title(title)
    axes[-1, 0].set_xlabel("Logit (standard deviations from the mean)")
    axes[-1, 1].set_xlabel("Entries beyond so many standard deviations")
    if columns > 2:
        axes[-1, 2].set_xlabel("Search distance (tokens)")
    style.bottom_legend(figure, _handles(measure, along is not None), columns=3)
    return Drawn(figure, ledger.table())


def _along_training(ledger: Ledger, ax: Axes, along: Along, base: float) -> None:
    """Draw the shares at the recorded points of training, and at forms beside other directions."""
    for side, color in _SIDES.items():
        values = along.shares.sel(side=side).to_numpy()
        ledger.line(
            ax, "along training", side, along.steps, values, color=color, linewidth=0.9, zorder=3
        )
        forms = along.forms[along.forms["side"] == side]
        for row in forms.itertuples():
            name, step = f"form {row.form}, {side}", [row.form_step]
            bounds = [row.directions_low], [row.directions_high]
            ledger.add("other directions", name, step, [sum(map(sum, bounds)) / 2], *bounds)
            ledger.add("forms", name, step, [row.share])
            place = row.form_step * _ASIDE[side]  # the two sides stand beside each other
            ax.vlines(place, *bounds, color=color, alpha=0.35, linewidth=5, zorder=2)
            ax.errorbar(
                place,
                row.share,
                row.stderr,
                fmt="D",
                color=color,
                markersize=4,
                markeredgecolor="white",
                markeredgewidth=0.6,
                zorder=4,
                clip_on=False,
            )
    ax.axhline(base, color=style.MAIN, linestyle="--", linewidth=0.8)
    style.log_step_axis(ax, float(along.steps[-1]))
    ax.set_xlim(left=float(along.steps[along.steps > 0][0]))
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Share of the kind\nbeyond 2 sd")
    found = along.forms[along.forms["side"] == "high"]
    ax.set_title("\n".join(map(_ranked, found.itertuples())) or "No form found")


def _ranked(row: Any) -> str:
    """Say how the share of a form ranks among other points."""
    return (
        f"Form {row.form}, step {row.form_step:.0f}: its share of high logits is reached by "
        f"{_percent(row.p_elsewhere)} of training elsewhere, {_percent(row.p_directions)} of directions"
    )


def _percent(share: float) -> str:
    return "an unknown share" if np.isnan(share) else f"{100 * share:.{int(share < 0.1)}f} %"


def _densities(ledger: Ledger, ax: Axes, title: str, values: np.ndarray, kind: np.ndarray) -> None:
    middle = (_BINS[1:] + _BINS[:-1]) / 2
    for chosen, color, name in ((kind, style.SERIES[1], "kind"), (~kind, style.MUTED, "others")):
        if chosen.any():
            density, _ = np.histogram(values[chosen], _BINS, density=True)
            shown = np.where(density > 0, density, np.nan)
            ledger.line(ax, f"density, {title}", name, middle, shown, color=color)
    for edge in (-THRESHOLD, THRESHOLD):
        ax.axvline(edge, color=style.MAIN, linestyle=":", linewidth=0.7)
    ax.set_yscale("log")
    ax.set_ylabel("Density")


def _shares(
    ledger: Ledger,
    ax: Axes,
    title: str,
    values: np.ndarray,
    kinds: Mapping[str, np.ndarray],
    measure: str,
) -> None:
    for sign, color, name in ((1, _SIDES["high"], "above"), (-1, _SIDES["low"], "below")):
        found = [(cut, share_of(sign * values > cut, kinds[measure])) for cut in _CUTS]
        kept = [(cut, share) for cut, share in found if share.count >= _MIN_COUNT]
        if not kept:
            continue
        cuts, shares = zip(*kept, strict=True)
        share = np.array([one.share for one in shares])
        error = np.array([one.stderr for one in shares])
        ledger.line(
            ax, f"share, {title}", name, cuts, share, share - error, share + error, color=color
        )
    base = float(kinds[measure].mean())
    ledger.add(f"share, {title}", "all entries", [0.0], [base])
    ax.axhline(base, color=style.MAIN, linestyle="--", linewidth=0.8)
    if measure == "induction":
        seen = float((kinds["seen"] & kinds[measure]).sum() / max(1, kinds["seen"].sum()))
        ledger.add(f"share, {title}", "tokens seen in the context", [0.0], [seen])
        ax.axhline(seen, color=style.SECOND, linestyle="-.", linewidth=0.8)
    if 0 < base < _RARE:  # else the base rate cannot be told from 0
        ax.set_yscale("symlog", linthresh=base)
    ax.set_xlim(0, _CUTS[-1])
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Share of the kind")


def _distances(
    ledger: Ledger, ax: Axes, title: str, values: np.ndarray, distance: np.ndarray
) -> None:
    longest = max(int(distance.max()), 1)
    edges = np.unique(np.linspace(0, longest, 9).round())
    middle = (edges[1:] + edges[:-1]) / 2
    everywhere, _ = np.histogram(distance[distance > 0], edges)
    for side, chosen in sides(values):
        count, _ = np.histogram(distance[chosen & (distance > 0)], edges)
        shares = [
            (share_interval(hits, of, _LEVEL), hits / of) if of else ((np.nan, np.nan), np.nan)
            for hits, of in zip(count.tolist(), everywhere.tolist(), strict=True)
        ]
        bounds, share = zip(*shares, strict=True)
        low, high = np.transpose(bounds)
        name = f"beyond {THRESHOLD:g} sd, {side}"
        panel, color = f"distance, {title}", _SIDES[side]
        ledger.line(
            ax, panel, name, middle, share, low, high, color=color, marker="o", markersize=2.5
        )
    found = int((distance > 0).sum())
    ax.set_title(f"{found} patterns in {int((distance > 0).any(1).sum())} contexts")
    ax.set_ylim(0, 1.05)
    ax.set_ylabel("Share of patterns\nwith extreme logits")


def _handles(measure: str, with_forms: bool) -> list[Artist]:
    kind, others = _WORDS[measure]
    lines: list[tuple[str, Any, str]] = [
        (style.SERIES[1], "-", f"token {kind}"),
        (style.MUTED, "-", others),
        (_SIDES["high"], "-", "beyond, high"),
        (_SIDES["low"], "-", "beyond, low"),
        (style.MAIN, "--", "share among all"),
    ]
    if measure == "induction":
        lines.append((style.SECOND, "-.", "share among tokens in the context"))
    handles: list[Artist] = [
        Line2D([], [], color=c, linestyle=look, label=label) for c, look, label in lines
    ]
    if with_forms:
        handles += [
            Line2D([], [], color=style.MUTED, linestyle="", marker="D", label="form"),
            Patch(color=style.MUTED, alpha=0.3, label=f"{LEVEL:.0%} of other directions"),
        ]
    return handles
