"""Mean attention of every head at the end of training, of every run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.structure_layout import NAMES
from stagewise.studies.regression.structure_readings import head_labels


@style.context()
def draw(*, structures: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw a row a run and a column a head.

    Parameters
    ----------
    structures : mapping of str to Dataset
        Layout `structure_layout.STRUCTURE`, by run.

    Returns
    -------
    Drawn
        Table of every entry: x is the key, y the attention, each series a query.
    """
    first = next(iter(structures.values()))
    layers, heads = first.sizes["layer"], first.sizes["head"]
    figure = style.new_figure(
        style.FULL_WIDTH, 0.75 + 1.05 * len(structures), "Mean attention at the end of training"
    )
    axes = figure.subplots(len(structures), layers * heads, squeeze=False, sharex=True, sharey=True)
    ledger = Ledger()
    for row, (run, structure) in zip(axes, structures.items(), strict=True):
        end = structure.isel(step=-1)
        labels = head_labels(structure.isel(step=[-1]))[0]
        for place, ax in enumerate(row):
            layer, head = divmod(place, heads)
            image = _map(
                ledger, ax, run, end.isel(layer=layer, head=head), f"{layer + 1}.{head + 1}"
            )
            names = [NAMES[label] for label in labels[layer, head]]
            ax.set_title(f"x: {names[0]}\ny: {names[1]}", fontsize=5.5, pad=2, loc="center")
        row[0].set_ylabel(f"{run}\nquery", fontsize=6.5)
    for place, ax in enumerate(axes[-1]):
        layer, head = divmod(place, heads)
        ax.set_xlabel(f"key\nblock {layer + 1}, head {head + 1}", fontsize=6)
    figure.colorbar(
        image, ax=axes[:, -1], label="Attention", fraction=0.35, aspect=8 * len(structures), pad=0.1
    )
    return Drawn(figure, ledger.table())


def _map(ledger: Ledger, ax: Axes, run: str, end: xr.Dataset, head: str) -> AxesImage:
    attention = end["mean_attention"].to_numpy()
    count = len(attention)
    for query, values in zip(end["query"].to_numpy(), attention, strict=True):
        ledger.add(f"{run}, head {head}", str(query), np.arange(1, count + 1), values)
    hidden = np.triu(np.ones(attention.shape, dtype=bool), 1)
    image = ax.imshow(np.ma.masked_where(hidden, attention), vmin=0, vmax=1, cmap="viridis")
    # One tick a pair at the ends and the middle, at its x token.
    pairs = sorted({0, count // 4 * 2, count - 2})
    ax.set_xticks(pairs, [f"$x_{n // 2 + 1}$" for n in pairs], fontsize=5.5)
    ax.set_yticks(pairs, [f"$x_{n // 2 + 1}$" for n in pairs], fontsize=5.5)
    ax.tick_params(length=1.5, pad=1)
    return image
