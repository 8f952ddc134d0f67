"""Rows of random tokens with one thing planted in them, to see what heads look for (App. C.3).

Every row begins with the end-of-text token; the rest is drawn uniformly from the other tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.seeding import StreamKey


@dataclass(frozen=True)
class LastTokens:
    """Rows of different lengths, for the previous-token score.

    Parameters
    ----------
    tokens : Tensor of int64, shape (row, token)
        What stands behind a row's end is random too, and unseen by causal attention.
    last : Tensor of int64, shape (row,)
        Place of each row's last token.
    """

    tokens: Tensor
    last: Tensor


@dataclass(frozen=True)
class RepeatedPrefixes:
    """Rows [...][A][B][...][A][...], for the prefix-matching score (Olsson et al. 2022).

    Parameters
    ----------
    tokens : Tensor of int64, shape (row, token)
    first, second : Tensor of int64, shape (row,)
        Places of the two A; B stands at ``first + 1``. A and B occur nowhere else.
    """

    tokens: Tensor
    first: Tensor
    second: Tensor


def _uniform(shape: tuple[int, int], vocab_size: int, generator: torch.Generator) -> Tensor:
    tokens = torch.randint(vocab_size - 1, shape, generator=generator)
    tokens[:, 0] = vocab_size - 1
    return tokens


def last_tokens(
    vocab_size: int, num_rows: int, key: StreamKey, shortest: int = 16, longest: int = 64
) -> LastTokens:
    """Draw rows of uniform length from `shortest` to `longest` tokens."""
    generator = key.child("previous-token").generator()
    tokens = _uniform((num_rows, longest), vocab_size, generator)
    lengths = torch.randint(shortest, longest + 1, (num_rows,), generator=generator)
    return LastTokens(tokens, lengths - 1)


def repeated_prefixes(
    vocab_size: int, num_rows: int, key: StreamKey, length: int = 128
) -> RepeatedPrefixes:
    """Draw rows with A and B in their first half and A again in their second half.

    Raises
    ------
    ValueError
        If the vocabulary has no tokens besides A, B and end-of-text, or a half has no room for A and B.
    """
    if vocab_size < 4 or length < 6:
        raise ValueError(
            f"a vocabulary of {vocab_size} and rows of {length} leave no room for a repeated prefix: "
            "raise vocab_size above 3 and the length above 5"
        )
    generator = key.child("prefix-matching").generator()
    a = torch.randint(vocab_size - 1, (num_rows,), generator=generator)
    b = torch.randint(vocab_size - 2, (num_rows,), generator=generator)
    b += b >= a
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    # Draw from the tokens without A and B: shift what lies at or above each of the two.
    tokens = torch.randint(vocab_size - 3, (num_rows, length), generator=generator)
    tokens += tokens >= low[:, None]
    tokens += tokens >= high[:, None]
    tokens[:, 0] = vocab_size - 1
    half, rows = length // 2, torch.arange(num_rows)
    first = torch.randint(1, half - 1, (num_rows,), generator=generator)
    second = torch.randint(half, length, (num_rows,), generator=generator)
    tokens[rows, first], tokens[rows, first + 1], tokens[rows, second] = a, b, a
    return RepeatedPrefixes(tokens, first, second)


def repeated_sequences(vocab_size: int, num_rows: int, half: int, key: StreamKey) -> Tensor:
    """Draw rows of `half` random tokens followed by the same ones again.

    Returns
    -------
    Tensor of int64, shape (row, 1 + 2 half)
    """
    tokens = _uniform((num_rows, 1 + half), vocab_size, key.child("repeated").generator())
    return torch.cat([tokens, tokens[:, 1:]], dim=1)
