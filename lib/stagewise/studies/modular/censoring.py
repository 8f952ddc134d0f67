"""Times of runs of which some ended before they got there (right censoring), and their median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats


@dataclass(frozen=True)
class Times:
    """When something happened in each run, or how long it had not.

    Parameters
    ----------
    values : ndarray, shape (run,)
        The time, or of a censored run the time up to which it was followed.
    censored : ndarray of bool, shape (run,)
    """

    values: np.ndarray
    censored: np.ndarray

    @classmethod
    def to_generalise(cls, runs: pd.DataFrame, unit: pd.Series | float = 1.0) -> Times:
        """Return the times to generalise of runs.

        Parameters
        ----------
        runs : DataFrame
            Layout `modular.layout.RUNS`; leave out runs that diverged.
        unit : Series or float
            What a step counts, such as each run's learning rate.

        Notes
        -----
        A test set that is learned at step 0, as a tiny one may be by chance, counts at step 1: 0 has no
        logarithm.
        """
        steps = runs["generalised_step"].fillna(runs["num_steps"]).clip(lower=1)
        return cls((steps * unit).to_numpy(dtype=float), runs["generalised_step"].isna().to_numpy())

    def where(self, flags: np.ndarray) -> Times:
        """Return the times of some runs."""
        return Times(self.values[flags], self.censored[flags])


@dataclass(frozen=True)
class MedianTime:
    """A median time, or a bound below it.

    Parameters
    ----------
    value : float
    is_bound : bool
        Whether too many runs are censored for the median, which is then above the value.
    """

    value: float
    is_bound: bool


def median_time(times: Times) -> MedianTime:
    """Return the median time by the Kaplan-Meier estimate (scipy.stats.ecdf).

    Without censored runs it is the usual median. Where the share of runs still to come does not get
    below one half, the median of the values, censored ones included, is a bound.

    Raises
    ------
    ValueError
        If there is no run.
    """
    if not len(times.values):
        raise ValueError("a median needs at least one run")
    data = scipy.stats.CensoredData.right_censored(times.values, times.censored)
    later = scipy.stats.ecdf(data).sf
    # The estimate is a product of shares, and one half is seldom met to the last digit.
    shares = np.round(later.probabilities, 12)
    if not (shares < 0.5).any():
        return MedianTime(float(np.median(times.values)), True)
    half, below = later.quantiles[shares <= 0.5][0], later.quantiles[shares < 0.5][0]
    return MedianTime(float(half + below) / 2, False)
