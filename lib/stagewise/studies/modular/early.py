"""Early training: the cross-entropy falls as the mean correct logit rises (claim G9).

With the logits o of a pair taken from their mean over K classes, its cross-entropy is
``log mean exp(o) + log K - o(y)``. While logits are small the first term is half their variance and
vanishes, so the loss is log K less the mean correct logit, with slope -1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, nan

import numpy as np
import scipy.stats

_FEWEST = 3


@dataclass(frozen=True)
class EarlyFit:
    """How the early loss follows the mean correct logit; NaN with fewer than three records.

    Parameters
    ----------
    slope : float
        Of the loss against the mean correct logit, by least squares; -1 as claimed.
    correlation : float
        Pearson's.
    largest_error : float
        Largest |loss - (log K - mean correct logit)| in nats. Of another loss than the cross-entropy it
        has no meaning.
    num_records : int
        Records before the loss has fallen by the stated amount.
    """

    slope: float
    correlation: float
    largest_error: float
    num_records: int


def fit_early(
    loss: np.ndarray, correct_logit: np.ndarray, num_classes: int, fall: float
) -> EarlyFit:
    """Fit a line to the loss against the mean correct logit, early in training.

    Parameters
    ----------
    loss : ndarray, shape (T,)
        From the first record on; positive.
    correct_logit : ndarray, shape (T,)
        Logit of the correct class less the mean over classes, averaged over the same pairs.
    num_classes : int
        K.
    fall : float
        Early records are those before the loss has fallen by so many nats; positive. Not a share of
        the first loss, log K, which would make the window grow with the number of classes, and with it
        what the logits' spread adds.

    Raises
    ------
    ValueError
        If the shapes disagree or `fall` is not positive.
    """
    loss, correct_logit = np.asarray(loss, dtype=float), np.asarray(correct_logit, dtype=float)
    if loss.ndim != 1 or loss.shape != correct_logit.shape or not loss.size:
        raise ValueError(
            f"losses and logits of the same records are needed; got {loss.shape} and "
            f"{correct_logit.shape}"
        )
    if not fall > 0:
        raise ValueError(f"fall must be positive, not {fall}")
    count = num_early(loss, fall)
    loss, correct_logit = loss[:count], correct_logit[:count]
    if count < _FEWEST or not (np.ptp(loss) > 0 and np.ptp(correct_logit) > 0):
        return EarlyFit(nan, nan, nan, count)
    line = scipy.stats.linregress(correct_logit, loss)
    error = float(np.abs(loss - log(num_classes) + correct_logit).max())
    return EarlyFit(float(line.slope), float(line.rvalue), error, count)


def num_early(loss: np.ndarray, fall: float) -> int:
    """Return the number of records before the loss has fallen by so many nats, or to NaN."""
    fallen = np.flatnonzero(~(loss >= loss[0] - fall))
    return int(fallen[0]) if fallen.size else len(loss)
