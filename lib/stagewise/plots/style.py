"""The look of every figure, in one place: sizes, type, colours, stage shading, axes and saving."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.stores.files import atomic_path

FULL_WIDTH = 6.75
"""Width of the page in inches."""

PANEL_HEIGHT = 1.7
"""Usual height of one panel in inches."""

MAIN, MUTED, ACCENT, SECOND = "#1a1a1a", "#8a8a8a", "#b2182b", "#00695c"
"""Shown run; other runs and references; fits and means; a second series."""

SEQUENCE, RAINBOW = "viridis", "plasma"
"""Colour maps of ordered series, and of a second kind of them."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Colours of unordered series (Okabe and Ito), told apart with any colour vision."""

RISING = ("#f0a04b", "#cc5c0a", "#8a3a00", "#f7c98b")
FALLING = ("#7db8e0", "#2f6fb3", "#123f7a", "#b5d6ee")
LAST = "#7a7a7a"
"""Stages of type A (the LLC rises), of type B (it falls), and the last one, by turns."""

SHADE = 0.2
"""Opacity of the stage background."""

PALE = 0.35
"""Strength of stages of which too few estimates are sound, against others."""

FIRST_SHARE = 1 / 5000
"""Share of training at which a logarithmic time axis begins, as in the published figures."""

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 2.6,
    "errorbar.capsize": 0,
    "legend.frameon": False,
    "legend.handlelength": 1.5,
    "legend.columnspacing": 1.1,
    "legend.labelspacing": 0.25,
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "savefig.dpi": 250,
    "pdf.fonttype": 42,
    "path.simplify": True,
}


@contextlib.contextmanager
def context() -> Iterator[None]:
    """Apply the house style inside a ``with`` block or a decorated function, and nowhere else."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure of a size in inches whose panels arrange themselves."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def stage_colors(stages: pd.DataFrame) -> list[str]:
    """Return one colour a stage: warm where the LLC rises, cool where it falls, grey for the last."""
    seen = {"A": 0, "B": 0}
    colors = []
    for kind in stages["type"]:
        family = RISING if kind == "A" else FALLING
        colors.append(family[seen[kind] % len(family)])
        seen[kind] += 1
    return [*colors[:-1], LAST] if colors else []


def stage_strength(stages: pd.DataFrame) -> float:
    """Return how strongly stages are drawn: `PALE` where too few estimates behind them are sound."""
    return 1.0 if "sound" not in stages or stages["sound"].all() else PALE


def paler(color: str, strength: float) -> str:
    """Return a colour mixed with white; unlike opacity it holds where segments lie on each other."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return to_hex((red, green, blue))


def stage_handles(stages: pd.DataFrame) -> list[Artist]:
    """Return one legend patch a stage, with its number, type and end."""
    handles: list[Artist] = []
    for color, (_, row) in zip(stage_colors(stages), stages.iterrows(), strict=True):
        label = f"{int(row['stage'])}{row['type']} to {short_step(row['end'])}"
        alpha = 0.45 * stage_strength(stages)
        handles.append(Patch(facecolor=color, alpha=alpha, edgecolor=color, label=label))
    return handles


def soundness_handles(stages: pd.DataFrame) -> list[Artist]:
    """Return a legend entry that says why stages are pale; none if they are not."""
    if stage_strength(stages) == 1:
        return []
    first = stages.iloc[0]
    text = f"pale: {first['num_sound']} of {first['num_estimates']} sound"
    return [Patch(alpha=0, label=text)]


def short_step(step: float) -> str:
    """Write a training step briefly: 950, 1.2k, 500k."""
    return f"{step:.0f}" if step < 1000 else f"{step / 1000:.3g}k"


def log_step_axis(ax: Axes, last: float, label: bool = True) -> None:
    """Make the x axis the logarithm of the training step, up to the last step.

    Step 0 cannot be shown; the axis begins at `FIRST_SHARE` of training, and at step 1 at the least.
    """
    # Clipped to a step far to the left, step 0 would draw a flat line up to the first step after it.
    ax.set_xscale("log", nonpositive="mask")
    ax.set_xlim(max(1.0, last * FIRST_SHARE), max(last, 2.0) * 1.06)
    if label:
        ax.set_xlabel("Training step t (log scale)")
    else:
        ax.tick_params(axis="x", which="both", labelbottom=False)


def shade_stages(ax: Axes, stages: pd.DataFrame, names: bool = False) -> None:
    """Colour the background by stage; call it when the limits and scale of the x axis are set.

    Parameters
    ----------
    ax : Axes
    stages : DataFrame
        ``stage``, ``start``, ``end`` and ``type``, one row a stage.
    names : bool
        Write number and type of each stage above the panel, where there is room.
    """
    left, right = ax.get_xlim()
    transform, strength = ax.get_xaxis_transform(), stage_strength(stages)

    def place(step: float) -> float:
        return float(ax.transAxes.inverted().transform(ax.transData.transform((step, 1.0)))[0])

    for color, (_, row) in zip(stage_colors(stages), stages.iterrows(), strict=True):
        start, end = max(row["start"], left), min(row["end"], right)
        if end <= start:
            continue
        ax.axvspan(start, end, color=color, alpha=SHADE * strength, linewidth=0, zorder=0)
        # A line at each boundary, for a print without colours.
        if end < stages["end"].max():
            ax.axvline(end, color=color, linewidth=0.7, alpha=strength, zorder=0.5)
        low, high = place(start), place(end)
        if names and high - low > 0.06:
            middle = ax.transData.inverted().transform(
                ax.transAxes.transform(((low + high) / 2, 0))
            )[0]
            name = f"{int(row['stage'])}{row['type']}"
            ax.text(middle, 1.01, name, transform=transform, ha="center", va="bottom", fontsize=6)
    ax.set_xlim(left, right)


def note(ax: Axes, text: str, x: float = 0.03, y: float = 0.94) -> None:
    """Say on a panel what it cannot show, in axes coordinates."""
    ax.text(
        x,
        y,
        text,
        transform=ax.transAxes,
        ha="left",
        va="top",
        fontsize=6.5,
        style="italic",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
        zorder=6,
    )


def category_axis(
    ax: Axes, labels: Sequence[str], label: str, margin: float = 0.5, **look: Any
) -> None:
    """Make the x axis one of categories, at 0, 1, ...; `look` is that of their labels."""
    ax.set_xticks(range(len(labels)), list(labels), **look)
    ax.set_xlim(-margin, len(labels) - 1 + margin)
    ax.set_xlabel(label)


def color_handles(
    labels: Sequence[str], colors: Sequence[str] = SERIES, linewidth: float | None = 2.6
) -> list[Artist]:
    """Return legend entries that name colours; a `linewidth` of None is that of plain lines."""
    return [
        Line2D([], [], color=color, linewidth=linewidth, label=label)
        for label, color in zip(labels, colors, strict=False)
    ]


def in_rows(handles: Sequence[Artist], columns: int) -> list[Artist]:
    """Order legend entries so that a legend, which fills columns, reads along its rows."""
    empty: list[Artist] = [Line2D([], [], linestyle="", label=" ")]
    padded = [*handles, *empty * (-len(handles) % columns)]
    return [padded[k] for column in range(columns) for k in range(column, len(padded), columns)]


def bottom_legend(figure: Figure, *rows: Sequence[Artist], columns: int = 6) -> None:
    """Put a legend below all panels; each group of entries begins a new row."""
    groups = [list(row) for row in rows if row]
    if not groups:
        return
    columns = min(columns, max(map(len, groups)))
    empty: list[Artist] = [Line2D([], [], linestyle="", label=" ")]
    entries = [entry for row in groups for entry in [*row, *empty * (-len(row) % columns)]]
    figure.legend(handles=in_rows(entries, columns), loc="outside lower center", ncols=columns)


def save(figure: Figure, png: str | Path, pdf: str | Path) -> None:
    """Write a figure as PNG and PDF, atomically; equal figures give equal bytes, whatever the date."""
    # Embedding a font reports every table of it.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    metadata: dict[str, dict[str, None]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    with context():
        _arrange(figure)
        for kind, path in (("png", png), ("pdf", pdf)):
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata[kind])


def _arrange(figure: Figure) -> None:
    """Arrange the panels once, at the resolution of the PNG, so that both files show one layout."""
    engine = figure.get_layout_engine()
    if engine is not None:
        figure.dpi = mpl.rcParams["savefig.dpi"]
        engine.execute(figure)
        figure.set_layout_engine(None)  # nothing left to arrange when drawn
