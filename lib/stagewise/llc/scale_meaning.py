"""What an LLC means at its scale: what a factor of two does to it, and which of its changes survive."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from stagewise.core.intervals import holm

LEVEL = 0.0455
"""Two-sided level of two standard errors of a normal variable; Student's t widens it for few chains."""


def meaning_table(store: xr.Dataset, max_change: float) -> pd.DataFrame:
    """Say at each checkpoint whether the LLC of the base setting depends on its scale.

    Parameters
    ----------
    store : xarray.Dataset
        Layout `llc.scale_layout.LLC_SCALE`.
    max_change : float
        The share of itself by which a factor of two in n beta or gamma may change an LLC.

    Returns
    -------
    DataFrame
        Layout `llc.scale_layout.LLC_MEANING`. ``change_n_beta`` and ``change_localization`` are the
        larger of the changes by doubling and by halving, as shares. ``meaning`` is "not sound" where
        the verdict on the estimate or on a neighbour is not ok; "depends on the scale" where a change
        exceeds `max_change` by more than its error at `LEVEL`; "insensitive" where both stay below by
        more than theirs; otherwise it cannot be told.
    """
    rows = []
    for step in store["step"].values:
        here = store.sel(step=step)
        base = here.isel(cell=0)
        changes = {name: _change(here, name) for name in ("n_beta", "localization")}
        rows.append(
            {
                "step": int(step),
                "loss": float(here["init_loss"]),
                "n_beta": float(base["n_beta"]),
                "localization": float(base["localization"]),
                "scale": float(base["localization"] / base["n_beta"]),
                "llc": float(base["llc_mean"]),
                "llc_stderr": float(base["llc_stderr"]),
                "verdict": str(base["verdict"].item()),
                **{n: float(base[n]) for n in ("soft_count", "soft_count_stderr", "gradient_part")},
                **{f"change_{name}": change for name, (change, _, _) in changes.items()},
                **{f"change_{name}_stderr": error for name, (_, error, _) in changes.items()},
                "meaning": _meaning(here, list(changes.values()), max_change),
            }
        )
    return pd.DataFrame(rows)


def _neighbours(here: xr.Dataset, name: str) -> np.ndarray:
    """Return the cells at half and at twice the base's value of one setting, the other as it is."""
    other = {"n_beta": "localization", "localization": "n_beta"}[name]
    values, fixed = here[name].values, here[other].values
    return np.flatnonzero(np.isin(values / values[0], (0.5, 2.0)) & (fixed == fixed[0]))


def _change(here: xr.Dataset, name: str) -> tuple[float, float, float]:
    """Return the larger change by a factor of two, its error and the quantile of its interval."""
    llc, error = here["llc_mean"].values, here["llc_stderr"].values
    cells = _neighbours(here, name)
    difference = llc[cells] - llc[0]
    # Chains of all cells share their noise; taken as independent, errors are on the safe side.
    joint = np.hypot(error[cells], error[0])
    size = np.abs(difference)
    if not len(cells) or not np.isfinite(size).all() or llc[0] == 0:
        return np.nan, np.nan, np.nan
    largest = int(size.argmax())
    return float(size[largest] / abs(llc[0])), float(joint[largest] / abs(llc[0])), _quantile(here)


def _quantile(store: xr.Dataset) -> float:
    return float(student.isf(LEVEL / 2, _freedom(store)))


def _freedom(store: xr.Dataset) -> int:
    """Return the degrees of freedom of a difference of two means over chains."""
    return max(2 * (int(store.attrs["num_chains"]) - 1), 1)


def _meaning(here: xr.Dataset, changes: list[tuple[float, float, float]], most: float) -> str:
    cells = [0, *(cell for name in ("n_beta", "localization") for cell in _neighbours(here, name))]
    if (here["verdict"].values[cells] != "ok").any():
        return "not sound"
    if any(change - quantile * error > most for change, error, quantile in changes):
        return "depends on the scale"
    if all(change + quantile * error <= most for change, error, quantile in changes):
        return "insensitive"
    return "cannot be told"


def statement_table(store: xr.Dataset) -> pd.DataFrame:
    """Say for every pair of checkpoints whether the LLC, and the soft count, rises or falls, and where.

    Parameters
    ----------
    store : xarray.Dataset
        Layout `llc.scale_layout.LLC_SCALE`.

    Returns
    -------
    DataFrame
        Layout `llc.scale_layout.LLC_STATEMENTS`. A cell tells a rise or fall where the estimates of
        both checkpoints are sound and differ by more than two joint standard errors, widened by
        Student's t. A statement holds at every scale if all cells with two sound estimates tell it,
        three at the least; at some if some do and none contradicts, counting cells that tell it after
        Holm's correction for their number; it turns with the scale if cells so corrected tell both.
    """
    rows = []
    sound = (store["verdict"] == "ok").values
    freedoms = {"llc": _freedom(store), "soft_count": 2 * (int(store.attrs["num_probes"]) - 1)}
    scales = store["localization"].values / store["n_beta"].values
    _, distinct = np.unique(scales, return_index=True)
    for quantity, freedom in freedoms.items():
        name = "llc_mean" if quantity == "llc" else quantity
        error_name = "llc_stderr" if quantity == "llc" else f"{quantity}_stderr"
        cells = np.arange(len(scales)) if quantity == "llc" else distinct
        values, errors = store[name].values[:, cells], store[error_name].values[:, cells]
        steps = store["step"].values
        for one, two in itertools.combinations(range(len(steps)), 2):
            known = np.isfinite(values[[one, two]] + errors[[one, two]]).all(axis=0)
            if quantity == "llc":
                known &= sound[one] & sound[two]
            scores = (values[two] - values[one]) / np.hypot(errors[one], errors[two])
            rows.append(
                {
                    "quantity": quantity,
                    "first": int(steps[one]),
                    "second": int(steps[two]),
                    **_survival(scores[known], freedom),
                }
            )
    return pd.DataFrame(rows)


def _survival(scores: np.ndarray, freedom: int) -> dict[str, object]:
    """Return in how many cells a difference is told, and what that makes of it."""
    p_values = 2 * student.sf(np.abs(scores), freedom)
    told = p_values < LEVEL
    rising, falling = told & (scores > 0), told & (scores < 0)
    sure = np.array(holm(p_values), dtype=float) < LEVEL
    up, down = bool((sure & rising).any()), bool((sure & falling).any())
    survival = "cannot be told"
    if len(scores) >= 3 and rising.all():
        survival = "rises at every scale"
    elif len(scores) >= 3 and falling.all():
        survival = "falls at every scale"
    elif up and down:
        survival = "turns with the scale"
    elif up and not falling.any():
        survival = "rises at some"
    elif down and not rising.any():
        survival = "falls at some"
    return {
        "num_scales": len(scores),
        "num_rising": int(rising.sum()),
        "num_falling": int(falling.sum()),
        "survival": survival,
    }
