"""Phases of a mode: warm-up, fast growth, saturation (claim G8).

What is followed is a mode's contribution to the loss: the loss without the mode less the loss, or what
the mode alone takes off the loss of an embedding without any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import nan

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.studies.modular.behaviour import find_rise

_START, _END = 0.1, 0.9


@dataclass(frozen=True)
class ModePhases:
    """Three phases of one mode; NaN for what there is not.

    Parameters
    ----------
    start, end : float
        Steps at which the contribution passes 10 and 90 % of its largest; see
        `studies.modular.behaviour.find_rise`. Before is the warm-up, after it saturation.
    warm_up_speed, fast_speed, saturated_speed : float
        Mean speed in each phase, in shares of the largest contribution a step.
    """

    start: float
    end: float
    warm_up_speed: float
    fast_speed: float
    saturated_speed: float

    def are_three(self, factor: float) -> bool:
        """Return whether growth in between is at least so many times as fast as before and after.

        A phase without records is none, and a mode that falls again saturates by this measure.
        """
        return self.fast_speed >= factor * max(self.warm_up_speed, 0.0) and (
            self.fast_speed >= factor * max(self.saturated_speed, 0.0)
        )


def find_mode_phases(steps: np.ndarray, contribution: np.ndarray) -> ModePhases:
    """Divide the growth of a mode's contribution into phases.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Ascending.
    contribution : ndarray, shape (T,)
        In nats; near zero before the mode is there.

    Returns
    -------
    ModePhases
        All NaN if the contribution is nowhere positive.

    Raises
    ------
    ValueError
        As `studies.modular.behaviour.find_rise`.
    """
    steps, contribution = np.asarray(steps, dtype=float), np.asarray(contribution, dtype=float)
    largest = float(contribution.max())
    share = contribution / largest if largest > 0 else np.full_like(contribution, nan)
    rise = find_rise(steps, share, _START, _END)
    first, last = float(steps[0]), float(steps[-1])
    return ModePhases(
        start=rise.start,
        end=rise.end,
        warm_up_speed=_speed(_START - share[0], rise.start - first),
        fast_speed=_speed(_END - _START, rise.end - rise.start),
        saturated_speed=_speed(share[-1] - _END, last - rise.end),
    )


def phases_of_learned(own: xr.Dataset) -> dict[int, ModePhases]:
    """Return the phases of what each mode learned in the end alone takes off the loss, by mode.

    This contribution is the loss without modes less the loss with the mode. The other one, what its
    removal costs, would show phases of the other modes too, on which it depends.

    Parameters
    ----------
    own : Dataset
        One run of the layout `modular.layout.MODES`.
    """
    alone = (own["loss_without_modes"] - own["loss_with_mode"]).transpose("step", "mode")
    steps = own["step"].to_numpy()
    learned = own["learned"].isel(step=-1).to_numpy().astype(bool)
    return {
        int(own["mode"][k]): find_mode_phases(steps, alone[:, k].to_numpy())
        for k in np.flatnonzero(learned)
    }


def phases_in(rows: pd.DataFrame) -> Iterator[ModePhases]:
    """Yield the phases of each mode in rows of a table of layout `modular.layout.GROWTH`."""
    names = [field.name for field in fields(ModePhases)]
    for row in rows[names].to_dict("records"):
        yield ModePhases(**row)


def _speed(way: float, time: float) -> float:
    return float(way / time) if time > 0 else nan  # also where the time is NaN
