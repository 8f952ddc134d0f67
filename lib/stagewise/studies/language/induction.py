"""Induction in what the network predicts: on text, and on random tokens that come twice.

The prefix-matching score looks at attention, where induction may hide among many heads. These look at
losses. On text, a token that completes a bigram of its own row is compared with a control: the same
bigram at nearly the same place of another row, where both of its tokens have been seen, the second one
just as often, but never together. So knowing bigrams, having more context, or copying single tokens that
came before gains nothing; knowing what followed the last time does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.language.behaviour import losses_of
from stagewise.studies.language.settings import NetworkSettings


@dataclass(frozen=True)
class MatchedTokens:
    """Tokens that complete a repeated bigram, each with its control.

    Parameters
    ----------
    row, column : ndarray of int64, shape (match,)
        Where in the losses the completed token is; column k belongs to token k + 1.
    control_row, control_column : ndarray of int64, shape (match,)
    """

    row: np.ndarray
    column: np.ndarray
    control_row: np.ndarray
    control_column: np.ndarray


def _earlier(codes: np.ndarray) -> np.ndarray:
    """Return how often each entry has occurred before."""
    order = np.argsort(codes, kind="stable")
    _, first, size = np.unique(codes[order], return_index=True, return_counts=True)
    earlier = np.empty(len(codes), dtype=np.int64)
    earlier[order] = np.arange(len(codes)) - np.repeat(first, size)
    return earlier


def match_repeated_bigrams(rows: np.ndarray, vocab_size: int, max_distance: int) -> MatchedTokens:
    """Find the tokens that complete a bigram seen before in their row, and match a control to each.

    Parameters
    ----------
    rows : ndarray of int64, shape (row, token)
    vocab_size : int
        Its last token, end-of-text, is in no bigram that counts, and so is no token with itself.
    max_distance : int
        Largest difference of the two places, below the length of a row. Tokens without a control as
        near are left out.

    Returns
    -------
    MatchedTokens
    """
    num_rows, length = rows.shape
    tokens = rows.astype(np.int64) + np.arange(num_rows)[:, None] * vocab_size
    seen = _earlier(tokens.ravel()).reshape(rows.shape)
    first, second = rows[:, :-1].astype(np.int64), rows[:, 1:].astype(np.int64)
    pair = (first * vocab_size + second).ravel()
    row = np.repeat(np.arange(num_rows), length - 1)
    column = np.tile(np.arange(length - 1), num_rows)
    last = vocab_size - 1
    usable = ((first != second) & (first != last) & (second != last)).ravel()
    repeated = _earlier(pair + row * vocab_size**2) > 0
    both_seen = ((seen[:, :-1] > 0) & (seen[:, 1:] > 0)).ravel()
    # The second token has come once more at a repeated bigram than at the first one of its row, so a
    # control of the same kind is in another row. Kinds lie further apart than places of one kind do.
    kind = pair * length + seen[:, 1:].ravel()
    code = kind * 2 * length + column
    treated = np.flatnonzero(usable & repeated)
    controls = np.flatnonzero(usable & both_seen & ~repeated)
    matched, control = _nearest(code, treated, controls, max_distance)
    return MatchedTokens(row[matched], column[matched], row[control], column[control])


def _nearest(
    code: np.ndarray, treated: np.ndarray, controls: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the treated that have a control within reach, and the nearest one to each."""
    ordered = controls[np.argsort(code[controls], kind="stable")]
    padded = np.concatenate([[-1], ordered, [-1]])
    right = np.searchsorted(code[ordered], code[treated]) + 1
    best = np.full(len(treated), -1)
    distance = np.full(len(treated), reach + 1)
    for candidate in (padded[right - 1], padded[right]):
        away = np.abs(code[candidate] - code[treated])
        better = (candidate >= 0) & (away < distance)
        best[better], distance[better] = candidate[better], away[better]
    return treated[best >= 0], best[best >= 0]


@dataclass(frozen=True)
class Gain:
    """Mean loss of controls less that of what is predicted by induction, in nats.

    Parameters
    ----------
    value, stderr : float
        The error is over rows, because tokens of a row are not independent.
    count : int
        Tokens behind it.
    """

    value: float
    stderr: float
    count: int


def bigram_completion_gain(losses: Tensor, matches: MatchedTokens) -> Gain:
    """Return the gain at tokens that complete a repeated bigram: 0 for bigrams and for copying.

    Parameters
    ----------
    losses : Tensor, shape (row, token - 1)
        From `studies.language.behaviour.losses_of` on the rows that were matched.
    matches : MatchedTokens

    Raises
    ------
    ValueError
        If there are no matches.
    """
    if not len(matches.row):
        raise ValueError("no repeated bigram has a control: give more rows or a larger distance")
    values = losses.numpy(force=True)
    gains = (
        values[matches.control_row, matches.control_column] - values[matches.row, matches.column]
    )
    by_row = np.bincount(matches.row, weights=gains - gains.mean())
    stderr = float(np.sqrt((by_row**2).sum())) / len(gains)
    return Gain(float(gains.mean()), stderr, len(gains))


def second_copy_gains(params: Params, network: NetworkSettings, rows: Tensor) -> Tensor:
    """Return each row's mean loss in the first copy less that in the second, shape (row,), in nats.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    rows : Tensor of int64, shape (row, 1 + 2 half)
        From `studies.language.synthetic.repeated_sequences`. The first token of each copy is left out:
        nothing tells that the second copy begins.
    """
    half = rows.shape[1] // 2
    losses = losses_of(params, network, rows)
    return losses[:, 1:half].mean(1) - losses[:, half + 1 :].mean(1)
