"""The choice of sampler settings from a sweep, by criteria that are stated and need no eye.

A cell of the sweep is good where its estimates carry the verdict ok at every checkpoint (converged,
local, not negative; `llc.diagnostics.judge`) and a factor of two in any one setting changes none of
them by more than a given share. Errors count against a cell: its change is the one that cannot be ruled
out at two standard errors, so that noisy cells do not pass for insensitive ones. Of several good cells
the one with the weakest pull to w* is nearest to the definition of the LLC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from stagewise.llc.settings import AXES

STANDARD_ERRORS = 2.0
"""Joint standard errors that are added to the change between neighbours."""

SETTINGS = (
    *AXES,
    *("num_chains", "num_burnin", "num_draws", "steps_per_draw", "batch_size"),
    *("paired", "preconditioner", "start", "integrator"),
)
"""What a fragment holds of the sampler's settings, in the order of the configuration."""


def change_by_factor_two(sweep: xr.Dataset, axis: str) -> xr.DataArray:
    """Return how much a factor of two in one setting may change each estimate.

    Parameters
    ----------
    sweep : xarray.Dataset
        Result of `llc.calibration.sweep`.
    axis : str
        The setting, one of `llc.calibration.AXES`.

    Returns
    -------
    xarray.DataArray
        With the dimensions of the estimates: the larger of both neighbours' differences, with
        `STANDARD_ERRORS` joint standard errors, relative to the estimate itself and scaled from the
        grid's ratio to a factor of two. Infinite where a neighbour has no value.
    """
    llc, error = sweep["llc_mean"], sweep["llc_stderr"]
    doublings = np.log2(sweep[axis] / sweep[axis].shift({axis: 1}))
    joint = np.sqrt(error**2 + error.shift({axis: 1}) ** 2)
    difference = abs(llc - llc.shift({axis: 1})) + STANDARD_ERRORS * joint
    below = (difference / doublings).fillna(np.inf)
    below[{axis: 0}] = -np.inf  # the first value has no neighbour below it
    above = below.shift({axis: -1}, fill_value=-np.inf)
    return (below.where(below > above, above) / abs(llc)).fillna(np.inf)


def ranked_cells(sweep: xr.Dataset, max_change: float) -> pd.DataFrame:
    """Rank all cells of a sweep, the best first.

    Parameters
    ----------
    sweep : xarray.Dataset
        Result of `llc.calibration.sweep`.
    max_change : float
        Largest change of an estimate by a factor of two in a setting, as a share.

    Returns
    -------
    DataFrame
        Layout `llc.layout.CALIBRATION`: a row a cell. First come cells that are ok at more
        checkpoints, then those that are ``insensitive``: their largest change, over settings and over
        the checkpoints at which they are ok, keeps within `max_change`. Among these weaker
        localisation comes first; otherwise, and among equals, smaller change.
    """
    ok = sweep["verdict"] == "ok"
    changes = {axis: change_by_factor_two(sweep, axis).where(ok).max("step") for axis in AXES}
    columns = {"num_ok": ok.sum("step"), **{f"change_{axis}": changes[axis] for axis in AXES}}
    table = xr.Dataset(columns).to_dataframe(dim_order=AXES).reset_index()
    table["num_checkpoints"] = sweep.sizes["step"]
    named = [f"change_{axis}" for axis in AXES]
    table["largest_change"] = table[named].max(axis=1, skipna=False).fillna(np.inf)
    table[named] = table[named].fillna(np.inf)
    table["insensitive"] = table["largest_change"] <= max_change
    pull = table["localization"].where(table["insensitive"], np.inf)
    table = (
        table.assign(pull=pull)
        .sort_values(
            ["num_ok", "insensitive", "pull", "largest_change"],
            ascending=[False, False, True, True],
            ignore_index=True,
        )
        .drop(columns="pull")
    )
    order = [*AXES, "num_ok", "num_checkpoints", *named, "largest_change", "insensitive"]
    return table[order].astype({"num_ok": int, "num_checkpoints": int})


def failures_of(best: Mapping[str, Any]) -> list[str]:
    """Return which of its own criteria the best cell fails, in words; none if it keeps them.

    Parameters
    ----------
    best : mapping
        First row of `ranked_cells`.
    """
    failures = []
    if best["num_ok"] < best["num_checkpoints"]:
        failures.append(f"ok at {best['num_ok']} of {best['num_checkpoints']} checkpoints")
    if not best["insensitive"]:
        amount = _amount(float(best["largest_change"]))
        failures.append(f"a factor of two may change an estimate by {amount}")
    return failures


def warnings_on(best: Mapping[str, Any], sweep: xr.Dataset, max_change: float) -> list[str]:
    """Return one sentence for everything that is wrong with the best cell, and what to do about it.

    Parameters
    ----------
    best : mapping
        First row of `ranked_cells`.
    sweep : xarray.Dataset
        Where it comes from.
    max_change : float
        As for `ranked_cells`.
    """
    place = {axis: best[axis] for axis in AXES}
    found = []
    for step in sweep["step"].values:
        cell = sweep.sel(place).sel(step=step)
        if str(cell["verdict"].item()) != "ok":
            verdict, reason = cell["verdict"].item(), cell["reason"].item()
            found.append(f"At step {step} the estimate is {verdict}: {reason}.")
    for axis in AXES:
        change = float(best[f"change_{axis}"])
        if change > max_change:
            found.append(
                f"A factor of two in {axis} may change an estimate by {_amount(change)}, more than "
                f"{100 * max_change:.0f} %: report {axis} with every LLC, and compare at one value."
            )
    for axis in AXES:
        values = sweep[axis].values
        for end, side in ((0, "smaller"), (-1, "larger")):
            if place[axis] == values[end]:
                found.append(
                    f"{axis} {place[axis]:g} lies on the edge of the grid: sweep {side} values too."
                )
    return found


def config_fragment(
    best: Mapping[str, Any],
    sweep: xr.Dataset,
    max_change: float,
    *,
    nested: Sequence[str] = (),
    names: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Write the best cell as YAML, with the criteria that it meets as comments.

    Parameters
    ----------
    best, sweep, max_change
        As for `warnings_on`.
    nested : sequence of str
        Keys of the configuration under which the settings go.
    names : mapping, optional
        Names of the settings that take the choice, each with the keys that are not the sampler's;
        one setting ``calibrated`` if not given.
    """
    known = {axis: float(best[axis]) for axis in AXES}
    values = {name: known.get(name, sweep.attrs.get(name)) for name in SETTINGS}
    setting = {name: _plain(name, value) for name, value in values.items()}
    extras = names or {"calibrated": {}}
    body: dict[str, Any] = {name: setting | dict(extra) for name, extra in extras.items()}
    for name in reversed(nested):
        body = {name: body}
    steps = ", ".join(str(step) for step in sweep["step"].values)
    failures = failures_of(best)
    head = [
        *(
            [f"FAILED, no cell keeps the criteria; this one fails least: {', '.join(failures)}."]
            * bool(failures)
        ),
        f"Sampler settings chosen for {sweep.attrs['subject']}, from {sweep['llc_mean'][0].size} "
        f"cells at each of the checkpoints {steps}.",
        f"ok at {best['num_ok']} of {best['num_checkpoints']} checkpoints; largest change by a factor "
        f"of two {_amount(best['largest_change'])} (at most {100 * max_change:.0f} % wanted).",
        *(f"WARNING: {sentence}" for sentence in warnings_on(best, sweep, max_change)),
    ]
    comments = "".join(f"# {line}\n" for line in head)
    return comments + yaml.safe_dump(body, sort_keys=False)


def _amount(change: float) -> str:
    return f"{100 * change:.0f} %" if np.isfinite(change) else "an unknown amount"


def _plain(name: str, value: Any) -> Any:
    """Return a setting as YAML's own type; stores hold truth values as numbers."""
    if name == "paired":
        return bool(value)
    return value.item() if isinstance(value, np.generic) else value
