"""Clock or pizza: how a learned input mode is turned into the answer (Zhong et al. 2023).

Two tests of a trained network: the mode at which its activations follow the sum a + b, and how far
its logits depend on the difference a - b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import torch
from torch import Tensor

from stagewise.studies.modular.fourier import fold, pair_modulus, power_shares


@dataclass(frozen=True)
class Circuit:
    """Where an input mode appears before the unembedding.

    Parameters
    ----------
    mode, double : int
        Input mode k, and 2k mod p folded to 1..(p-1)/2.
    share_at_mode, share_at_double : float
        Shares of the power of the profile (see `find_circuits`) at these modes; NaN if nothing follows
        the sum.
    confounded : bool
        Whether another input mode may explain one of the two: 2k is an input mode itself, or k is the
        double of one.
    """

    mode: int
    double: int
    share_at_mode: float
    share_at_double: float
    confounded: bool

    @property
    def kind(self) -> str:
        """Return "clock" if the mode appears more at k than at 2k, "pizza" if less, else "neither"."""
        if self.share_at_mode == self.share_at_double or isnan(self.share_at_mode):
            return "neither"
        return "clock" if self.share_at_mode > self.share_at_double else "pizza"


def sum_profile(activations: Tensor) -> Tensor:
    """Return the mean of activations over pairs of equal sum, shape (p, unit).

    Parameters
    ----------
    activations : Tensor, shape (p, p, unit)
        Over a and b.

    Returns
    -------
    Tensor, shape (p, unit)
        Row s is the mean over pairs with (a + b) mod p = s. What depends on a alone, on b alone or on
        the difference averages to a constant.
    """
    residues = torch.arange(pair_modulus(activations), device=activations.device)
    return activations[residues, (residues[:, None] - residues) % len(residues)].mean(1)


def find_circuits(activations: Tensor, modes: Sequence[int]) -> list[Circuit]:
    """Return where each learned input mode appears before the unembedding.

    Only what follows the sum a + b can tell the answer, so the place of a mode is read off the
    activations' mean over pairs of equal sum: their profile.

    Parameters
    ----------
    activations : Tensor, shape (p, p, unit)
        What the unembedding reads, over a and b.
    modes : sequence of int
        Learned modes of the embedding, from 1 to (p-1)/2.

    Returns
    -------
    list of Circuit
        In the order of `modes`.

    Raises
    ------
    ModulusError
        If p is even or below 3.
    ValueError
        If activations are not over all pairs, or a mode is out of range.
    """
    modulus = pair_modulus(activations)
    shares = power_shares(sum_profile(activations))
    if any(not 1 <= mode <= len(shares) for mode in modes):
        raise ValueError(f"input modes are 1..{len(shares)}, not {list(modes)}")
    doubles = {mode: fold(2 * mode, modulus) for mode in modes}
    return [
        Circuit(
            mode=mode,
            double=double,
            share_at_mode=float(shares[mode - 1]),
            share_at_double=float(shares[double - 1]),
            confounded=double in doubles or mode in doubles.values(),
        )
        for mode, double in doubles.items()
    ]


def distance_irrelevance(correct_logits: Tensor) -> float:
    """Return how little correct logits depend on the difference of the residues, from 0 to about 1.

    The standard deviation over pairs of equal difference a - b, averaged over differences, by that over
    all pairs (Zhong et al. 2023, "The Clock and the Pizza"): 0 if the difference settles the
    logit, as |cos(pi k (a - b) / p)| in a pizza does; near 1 if it plays no part, as in a clock.

    Parameters
    ----------
    correct_logits : Tensor, shape (p, p)
        Logit of (a + b) mod p, over a and b.

    Returns
    -------
    float
        NaN if all logits are equal.

    Raises
    ------
    ModulusError, ValueError
        As `find_circuits`.
    """
    modulus = pair_modulus(correct_logits[..., None])
    values = correct_logits.double()
    residues = torch.arange(modulus, device=values.device)
    by_difference = values[(residues + residues[:, None]) % modulus, residues]
    spread = values.std(correction=0)
    if not spread > 0:
        return float("nan")
    return float(by_difference.std(1, correction=0).mean() / spread)
