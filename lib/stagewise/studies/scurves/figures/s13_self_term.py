"""Rank 1 with and without the self term of the loss, from the same start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import Curves, seed_handles, seed_lines


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw the parts along the truth and orthogonal to it, and the cosine of the matrices.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.7)
    axes, ledger = figure.subplots(1, 3), Ledger()
    whole = Curves(curves["rank1"], "full loss")
    without = Curves(curves["noself1"], "without self term")
    last = float(without.steps[-1])
    for color, case in zip(style.SERIES, (whole, without), strict=False):
        aligned, norm = case.over_seeds("aligned"), case.over_seeds("norm")[..., 0]
        rest = np.sqrt(np.clip(norm**2 - aligned**2, 1e-20, None)).mean(-1)
        cosine = np.prod(aligned / norm, axis=-1)
        panels = (("a", rest), ("b", np.abs(aligned).mean(-1)), ("c", cosine))
        for ax, (letter, values) in zip(axes, panels, strict=True):
            seed_lines(ledger, ax, letter, case, values, color)
    texts: Sequence[tuple[str, str]] = (
        ("(a) the initialisation", "Part orthogonal to the truth\n(dimensionless)"),
        ("(b) the truth in the vectors", "Part along the truth\n(dimensionless)"),
        ("(c) the learned matrix", "Cosine of learned and\ntrue matrix"),
    )
    for ax, (title, label) in zip(axes, texts, strict=True):
        ax.set_xlim(0, last)
        ax.set_xlabel("Step")
        ax.set_ylabel(label)
        ax.set_title(title)
    axes[0].set_ylim(0, None)
    axes[1].set_yscale("log")
    axes[2].set_ylim(-0.1, 1.02)
    colors = style.color_handles([whole.label, without.label], linewidth=1.5)
    style.bottom_legend(figure, [*colors, *seed_handles(null=False)], columns=5)
    return Drawn(figure, ledger.table())
