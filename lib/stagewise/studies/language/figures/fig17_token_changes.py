"""Text coloured by the change of each token's loss, stage by stage: an image and HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, to_hex
from matplotlib.patches import Rectangle

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

LINE = 96
"""Characters in a line of the image."""

_MARGIN, _LINE_HEIGHT = 0.1, 0.155
"""Inches."""

_BREAKS = str.maketrans({"\n": "↵", "\t": "→", "\r": "↵"})


LEVELS = (0.3, 0.5, 0.7, 0.85, 0.95, 1.0)
"""Shares of all changes, by size, at which a colour ends: later stages change less than the first."""


def scale_of(changes: xr.Dataset) -> BoundaryNorm:
    """Return the colour scale: symmetric about 0, with steps at quantiles of the size of all changes."""
    sizes = np.quantile(np.abs(changes["change"].to_numpy()), LEVELS)
    edges = np.unique(sizes[sizes > 0])
    if not edges.size:
        edges = np.array([0.1])
    return BoundaryNorm([*-edges[::-1], *edges], _colors().N)


def _colors() -> Colormap:
    # Green where the loss fell, brown where it rose: told apart with any colour vision (ColorBrewer).
    return mpl.colormaps["BrBG_r"].with_extremes(bad="white")


def _ink(color: Sequence[float]) -> str:
    red, green, blue = color[:3]
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"


def _laid_out(tokens: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and text of each token; tokens are not broken."""
    line = column = 0
    for token in tokens:
        text = token.translate(_BREAKS)
        if column + len(text) > LINE:
            line, column = line + 1, 0
        yield line, column, text
        column += len(text)


@style.context()
def draw(*, changes: xr.Dataset) -> Drawn:
    """Draw every passage once a stage, one below the other.

    Parameters
    ----------
    changes : Dataset
        Layout `language.layout.TOKEN_CHANGES`.

    Returns
    -------
    Drawn
        The change of every token: x is its place, y the change in nats.
    """
    norm, colors = scale_of(changes), _colors()
    names, passages = changes["stage"].to_numpy().tolist(), _passages(changes)
    lines = [1 + max(line for line, _, _ in _laid_out(tokens)) for tokens, _ in passages]
    height = sum((count + 1.3) * len(names) + 1 for count in lines) * _LINE_HEIGHT + 0.7
    figure = style.new_figure(style.FULL_WIDTH, height)
    ledger = Ledger()
    ratios = [(count + 1.3) * len(names) + 1 for count in lines]
    axes = figure.subplots(len(passages), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for number, (ax, (tokens, own), count) in enumerate(zip(axes, passages, lines, strict=True), 1):
        _passage(ax, tokens, dict(zip(names, own, strict=True)), count, norm, colors)
        for name, values in zip(names, own, strict=True):
            ledger.add(f"passage {number}", name, np.arange(1, len(values) + 1), values)
    bar = figure.colorbar(
        ScalarMappable(norm, colors),
        ax=axes.tolist(),
        location="bottom",
        aspect=60,
        fraction=0.03,
        ticks=norm.boundaries,
        format="{x:.2g}",
    )
    bar.minorticks_off()
    bar.set_label("Change of a token's loss over the stage (nats; below 0 it is predicted better)")
    return Drawn(figure, ledger.table())


def _passages(changes: xr.Dataset) -> list[tuple[list[str], np.ndarray]]:
    """Return the tokens of each passage with their changes, shape (stage, token)."""
    tokens, values = changes["token"].to_numpy().tolist(), changes["change"].to_numpy()
    return list(zip(tokens, values, strict=True))


def _passage(
    ax: Axes,
    tokens: Sequence[str],
    changes: Mapping[str, np.ndarray],
    lines: int,
    norm: BoundaryNorm,
    colors: Colormap,
) -> None:
    """Draw the text of a passage once a stage, `changes` being by stage."""
    ax.set_axis_off()
    ax.set_xlim(0, LINE)
    total = (lines + 1.3) * len(changes) + 1
    ax.set_ylim(total, 0)
    size = 72 * (style.FULL_WIDTH - 2 * _MARGIN) / LINE / 0.602  # a character is 0.602 em wide
    for stage, (name, values) in enumerate(changes.items()):
        top = stage * (lines + 1.3) + 1
        ax.text(0, top - 0.2, name, fontsize=7, fontweight="bold", va="bottom")
        for (line, column, text), change in zip(_laid_out(tokens), values, strict=True):
            color = colors(norm(change))
            place = (column, top + line)
            ax.add_patch(Rectangle(place, len(text), 0.96, facecolor=color, linewidth=0))
            ax.text(
                column,
                top + line + 0.5,
                text.replace("$", r"\$"),
                family="DejaVu Sans Mono",
                fontsize=size,
                va="center",
                color=_ink(color),
            )


def as_html(changes: xr.Dataset) -> str:
    """Return the same as a fragment of HTML: real text, the change of each token as its title."""
    norm, colors = scale_of(changes), _colors()
    parts = ['<div class="token-changes">']
    for number, (tokens, own) in enumerate(_passages(changes), 1):
        parts.append(f"<p>Passage {number}</p>")  # no heading: it stands above that of its figure
        for name, values in zip(changes["stage"].to_numpy().tolist(), own, strict=True):
            spans = [
                _span(token, float(change), colors(norm(change)))
                for token, change in zip(tokens, values, strict=True)
            ]
            parts.append(f"<p><strong>{html.escape(name)}</strong><br>{''.join(spans)}</p>")
    return "\n".join([*parts, "</div>"])


def _span(token: str, change: float, color: tuple[float, float, float, float]) -> str:
    text = html.escape(token.translate(_BREAKS))
    look = f"background:{to_hex(color)};color:{_ink(color)};white-space:pre-wrap"
    return f'<span style="{look}" title="{change:+.2f} nats">{text}</span>'
