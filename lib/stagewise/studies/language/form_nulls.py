"""Whether a form is about something: what it raises, against what other points raise.

Any logits of a trained model begin more words and complete more induction patterns than a token drawn
at random, so a share above that of all entries says nothing about a form. Two sets of points say what
is usual: those that training passes through elsewhere, and those that lie as far from the mean of
training in any other direction of the same components.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.extreme_logits import Contexts, lifted, share_of, sides
from stagewise.studies.language.layout import FORM_CONTENTS

NUM_DIRECTIONS = 499
"""Random directions behind a p-value, so that the least one is 0.002."""

LEVEL = 0.9
"""Share of the points that the bands of figures hold, between their quantiles."""

Kinds = Mapping[str, np.ndarray]
"""Whether each entry is of a kind, of bool, shape (context, V), by the kind's name."""


def shares_at(ed: xr.Dataset, points: np.ndarray, kinds: Kinds) -> xr.DataArray:
    """Return the share of every kind among the extreme logits of each of some points.

    Parameters
    ----------
    ed : Dataset
        Layout `development.layout.ED`.
    points : ndarray, shape (point, pc)
        Scores of the leading components.
    kinds : mapping of str to ndarray

    Returns
    -------
    DataArray, dims (point, side, measure)
        NaN where no logit is extreme.
    """
    size = next(iter(kinds.values())).shape[1]
    found = np.full((len(points), 2, len(kinds)), np.nan)
    for place, point in enumerate(points):
        for row, (_, chosen) in enumerate(sides(lifted(ed, point, size))):
            if chosen.any():
                found[place, row] = [kind[chosen].mean() for kind in kinds.values()]
    return xr.DataArray(
        found,
        dims=("point", "side", "measure"),
        coords={"side": ["high", "low"], "measure": list(kinds)},
    )


def recorded_points(ed: xr.Dataset, num_pcs: int) -> np.ndarray:
    """Return the recorded points of training in the leading components, shape (step, pc)."""
    return ed["scores"].to_numpy()[:, :num_pcs].astype(float)


def is_elsewhere(steps: np.ndarray, form: xr.Dataset) -> np.ndarray:
    """Return which recorded steps lie outside the influence range of a form, of bool."""
    start, end = float(form["influence_start"]), float(form["influence_end"])
    return (steps < start) | (steps > end)


def other_directions(centre: np.ndarray, key: StreamKey) -> np.ndarray:
    """Return points as far from the mean of training as a form, in directions drawn at random.

    Returns
    -------
    ndarray, shape (NUM_DIRECTIONS, pc)
    """
    drawn = np.random.default_rng(key.seed).normal(size=(NUM_DIRECTIONS, len(centre)))
    return np.linalg.norm(centre) * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def rank_p(value: float, null: np.ndarray) -> float:
    """Return the share of values that are at least as large, the value itself among them.

    NaN if there is no value or nothing to compare it with; a NaN of the null counts as not as large.
    """
    if np.isnan(value) or not np.isfinite(null).any():
        return float("nan")
    return float((1 + (null >= value).sum()) / (1 + len(null)))


def form_table(
    ed: xr.Dataset, forms: xr.Dataset, contexts: Contexts, key: StreamKey
) -> pd.DataFrame:
    """Return what every form is about.

    Parameters
    ----------
    ed, forms : Dataset
        Of one run; layouts `development.layout.ED` and `development.layout.FORMS`.
    contexts : Contexts
    key : StreamKey
        Of the random directions.

    Returns
    -------
    DataFrame
        Layout `language.layout.FORM_CONTENTS`; one row a form, side and measure.
    """
    kinds = contexts.kinds()
    recorded = shares_at(ed, recorded_points(ed, forms.sizes["pc"]), kinds)
    rows = []
    for number in range(forms.sizes["form"]):
        form = forms.isel(form=number)
        centre = form["centre"].to_numpy()
        elsewhere = recorded[is_elsewhere(ed["step"].to_numpy(), form)]
        directions = shares_at(ed, other_directions(centre, key.child(number)), kinds)
        values = lifted(ed, centre, len(contexts.new_word))
        for side, chosen in sides(values):
            for measure, kind in kinds.items():
                place = {"side": side, "measure": measure}
                found = share_of(chosen, kind)
                rows.append(
                    {
                        "run": forms.attrs["run"],
                        "form": number + 1,
                        "form_step": float(form["form_step"]),
                        "p_value": float(form["p_value"]),
                        **place,
                        **vars(found),
                        **_compared(
                            found.share,
                            elsewhere.sel(place).to_numpy(),
                            directions.sel(place).to_numpy(),
                        ),
                    }
                )
    return pd.DataFrame(rows, columns=list(FORM_CONTENTS.columns))


def _compared(
    share: float, elsewhere: np.ndarray, directions: np.ndarray
) -> dict[str, float | int]:
    """Return the ranks of a share among others, and the band of those in other directions."""
    known = directions[np.isfinite(directions)]
    low, high = (
        np.quantile(known, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]) if known.size else [np.nan] * 2
    )
    return {
        "p_elsewhere": rank_p(share, elsewhere),
        "p_directions": rank_p(share, directions),
        "num_elsewhere": len(elsewhere),
        "directions_low": float(low),
        "directions_high": float(high),
    }
