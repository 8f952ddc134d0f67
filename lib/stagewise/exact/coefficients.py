"""Learning coefficients that are known exactly, with their multiplicities.

Near a minimum of the loss the volume of {L < epsilon} shrinks as epsilon^lambda (-log epsilon)^(m - 1):
lambda is the learning coefficient and m its multiplicity (Watanabe 2009). At finite n_beta an estimate
falls short of lambda by about (m - 1) / log(n_beta), and by a power of 1 / n_beta besides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple


class LearningCoefficient(NamedTuple):
    """A learning coefficient and how often its pole repeats.

    Parameters
    ----------
    value : float
        lambda.
    multiplicity : int
        m, at least 1.
    """

    value: float
    multiplicity: int


def quadratic(num_used: int) -> LearningCoefficient:
    """Return k / 2 for a loss that is quadratic in k directions and ignores the rest."""
    return LearningCoefficient(num_used / 2, 1)


def sum_of_powers(half_powers: Sequence[int]) -> LearningCoefficient:
    """Return the sum of 1 / (2 k_i) for the loss sum_i w_i^(2 k_i)."""
    return LearningCoefficient(sum(1 / (2 * k) for k in half_powers), 1)


def normal_crossing(half_powers: Sequence[int]) -> LearningCoefficient:
    """Return the least 1 / (2 k_i) for the loss prod_i w_i^(2 k_i); m counts how often it occurs."""
    largest = max(half_powers)
    return LearningCoefficient(1 / (2 * largest), list(half_powers).count(largest))


def reduced_rank_regression(
    num_inputs: int, num_outputs: int, num_hidden: int, rank: int
) -> LearningCoefficient:
    """Return the learning coefficient of a two-layer linear network.

    Parameters
    ----------
    num_inputs, num_outputs, num_hidden : int
        M, N and H.
    rank : int
        r, rank of the true map.

    Returns
    -------
    LearningCoefficient

    Raises
    ------
    ValueError
        If the network cannot express a map of this rank.

    Notes
    -----
    Aoyagi and Watanabe (2005), Stochastic complexities of reduced rank regression in Bayesian
    estimation: four cases, of which the first has multiplicity 2 when M + N + H + r is odd.
    """
    m, n, h, r = num_inputs, num_outputs, num_hidden, rank
    _check_rank((m, h, n), r)
    if m + h < n + r:
        return LearningCoefficient((h * m - h * r + n * r) / 2, 1)
    if n + h < m + r:
        return LearningCoefficient((h * n - h * r + m * r) / 2, 1)
    if m + n < h + r:
        return LearningCoefficient(m * n / 2, 1)
    odd = (m + n + h + r) % 2
    numerator = 2 * (h + r) * (m + n) + 2 * m * n - (h + r) ** 2 - m**2 - n**2
    return LearningCoefficient((numerator + odd) / 8, 1 + odd)


def deep_linear_network(widths: Sequence[int], rank: int) -> LearningCoefficient:
    """Return the learning coefficient of a linear network of any depth.

    Parameters
    ----------
    widths : sequence of int
        Units of each layer, from input to output, at least two.
    rank : int
        r, rank of the true map.

    Returns
    -------
    LearningCoefficient

    Raises
    ------
    ValueError
        If there are fewer than two widths, or the network cannot express a map of this rank.

    Notes
    -----
    Aoyagi (2024), as stated in Lau et al. (2023). Only the ell + 1 narrowest layers count: as many as
    keep the mean spare width, sum / ell, at least as large as that of the widest among them and
    smaller than that of every other layer.
    """
    if len(widths) < 2:
        raise ValueError(f"a network needs two widths or more, not {len(widths)}")
    _check_rank(widths, rank)
    spare = _narrowest([width - rank for width in widths])
    ell, total = len(spare) - 1, sum(spare)
    ceiling = math.ceil(Fraction(total, ell))
    rest = total - (ceiling - 1) * ell
    regular = Fraction(rank * (widths[0] + widths[-1]) - rank**2, 2)
    pairs = sum(a * b for a, b in combinations(spare, 2))
    singular = (
        Fraction(rest * (ell - rest), 4 * ell)
        - Fraction((ell - 1) * total**2, 4 * ell)
        + Fraction(pairs, 2)
    )
    return LearningCoefficient(float(regular + singular), rest * (ell - rest) + 1)


def _narrowest(spare: Sequence[int]) -> list[int]:
    """Return the spare widths of the layers that count; there is exactly one such set."""
    ordered = sorted(spare)
    for ell in range(1, len(ordered)):
        chosen, others = ordered[: ell + 1], ordered[ell + 1 :]
        if sum(chosen) >= ell * chosen[-1] and all(sum(chosen) < ell * other for other in others):
            break
    return chosen


def _check_rank(widths: Sequence[int], rank: int) -> None:
    if not 0 <= rank <= min(widths):
        raise ValueError(f"a linear network of widths {tuple(widths)} has no map of rank {rank}")
