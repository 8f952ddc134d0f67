"""What the language model predicts at a checkpoint (Hoogland et al. 2024, App. C.2).

Measures are returned sample by sample, so that means carry standard errors and differences are paired.
Rows may be anywhere and go to the network's device a few at a time; what is measured is on the CPU.
A context position is the number of tokens that a prediction sees: position k predicts token k + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from stagewise.core.replicas import Params, device_of
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.bigrams import bigram_entropy, conditional_distribution
from stagewise.studies.language.model import logits_at, token_losses
from stagewise.studies.language.settings import NetworkSettings

_TOKENS_AT_A_TIME = 1 << 13
"""Tokens in a forward pass of an evaluation, which bounds the memory of its logits."""


@torch.no_grad()
def losses_of(params: Params, network: NetworkSettings, rows: Tensor) -> Tensor:
    """Return the loss in nats of every prediction, float64, shape (row, token - 1).

    Column k - 1 is context position k.
    """
    size = max(1, _TOKENS_AT_A_TIME // rows.shape[1])
    device = device_of(params)
    chunks = [token_losses(params, network, some.to(device)).cpu() for some in rows.split(size)]
    return torch.cat(chunks).double()


def mean_and_stderr(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean over the first axis and its standard error."""
    return samples.mean(0), samples.std(0) / len(samples) ** 0.5


# Bigrams


@dataclass(frozen=True)
class BigramProbe:
    """One place in each of many rows, with what the bigrams say of the token that follows.

    Parameters
    ----------
    rows : Tensor of int64, shape (row, token)
    positions : Tensor of int64, shape (row,)
        Place of the token after which a prediction is made.
    distribution : Tensor, shape (row, V)
        Empirical distribution of the token that follows it in the training rows.
    entropy : Tensor of float64, shape (row,)
        Its entropy in nats, the least possible score.
    """

    rows: Tensor
    positions: Tensor
    distribution: Tensor
    entropy: Tensor


def bigram_probe(rows: Tensor, counts: csr_array, key: StreamKey) -> BigramProbe:
    """Choose a place at random in each row; rows whose token there was never counted are left out."""
    generator = key.child("bigram-probe").generator()
    positions = torch.randint(rows.shape[1], (len(rows),), generator=generator)
    tokens = rows[torch.arange(len(rows)), positions].numpy(force=True)
    known = np.asarray(counts.sum(axis=1)).ravel()[tokens] > 0
    keep = torch.from_numpy(np.flatnonzero(known))
    distribution = conditional_distribution(counts, tokens[known]).astype(np.float32)
    entropy = torch.from_numpy(bigram_entropy(counts, tokens[known]))
    return BigramProbe(rows[keep], positions[keep], torch.from_numpy(distribution), entropy)


@torch.no_grad()
def bigram_cross_entropy(params: Params, network: NetworkSettings, probe: BigramProbe) -> Tensor:
    """Return the cross-entropy of predictions with the bigram distribution, shape (row,), in nats.

    Its mean over rows is the bigram score, to be compared with the mean of `probe.entropy`.
    """
    size = max(1, _TOKENS_AT_A_TIME // probe.rows.shape[1])
    parts = zip(
        probe.rows.split(size),
        probe.positions.split(size),
        probe.distribution.split(size),
        strict=True,
    )
    scores = []
    device = device_of(params)
    for rows, positions, distribution in parts:
        logs = logits_at(params, network, rows.to(device), positions.to(device)).double()
        scores.append(-(distribution.double() * logs.log_softmax(-1).cpu()).sum(-1))
    return torch.cat(scores)


# n-grams


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over independent samples, with its standard error (delta method)."""

    value: float
    stderr: float


def ngram_score(params: Params, network: NetworkSettings, ngrams: Tensor, rows: Tensor) -> Ratio:
    """Return how much easier the ends of common n-grams are than n-th tokens of text.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    ngrams : Tensor of int64, shape (ngram, n)
        Of one length, as `studies.language.tokenizer.common_ngrams` lists them.
    rows : Tensor of int64, shape (row, token)
        Text that was held out, cut to its first n tokens.

    Returns
    -------
    Ratio
        Mean loss of the n-th token of rows, over mean loss of the last token of n-grams.
    """
    length = ngrams.shape[1]
    common = losses_of(params, network, ngrams)[:, -1]
    baseline = losses_of(params, network, rows[:, :length])[:, -1]
    (top, top_error), (bottom, bottom_error) = map(mean_and_stderr, (baseline, common))
    relative = ((top_error / top) ** 2 + (bottom_error / bottom) ** 2).sqrt()
    value = (top / bottom).item()
    return Ratio(value, value * relative.item())


# Context


def icl_scores(losses: Tensor, early: int = 50, late: int = 500) -> Tensor:
    """Return each row's loss at context position `late` less that at `early`, shape (row,).

    Parameters
    ----------
    losses : Tensor, shape (row, token - 1)
        From `losses_of`.

    Raises
    ------
    ValueError
        If rows are too short.
    """
    if not 1 <= early < late <= losses.shape[1]:
        raise ValueError(
            f"the ICL score needs context positions 1 <= early ({early}) < late ({late}) <= "
            f"{losses.shape[1]}: change them or the context length"
        )
    return losses[:, late - 1] - losses[:, early - 1]


def loss_changes(before: Params, after: Params, network: NetworkSettings, rows: Tensor) -> Tensor:
    """Return by how much the loss of each token but the first changed, shape (row, token - 1)."""
    return losses_of(after, network, rows) - losses_of(before, network, rows)
