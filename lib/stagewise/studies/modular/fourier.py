"""Fourier modes of what a network computes on residues.

Mode k = 1..(p-1)/2 of a function on residues is its part in span{cos(2 pi k a / p), sin(2 pi k a / p)};
with the constant they are all of it. They are orthogonal, and p is odd, so that each mode has
both waves and doubling a mode is a permutation of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, Params

EMBEDDING = "embedding"
_ROUNDING = (
    1e-12  # of the squared norm: what single precision leaves of a function that is constant
)


class ModulusError(ValueError):
    """A modulus that does not have the modes 1..(p-1)/2, each with a sine and a cosine."""


def num_modes(modulus: int) -> int:
    """Return (p-1)/2, the number of modes without the constant.

    Raises
    ------
    ModulusError
        If the modulus is even or below 3.
    """
    if modulus < 3 or modulus % 2 == 0:
        raise ModulusError(
            f"modulus must be odd and at least 3 for Fourier modes 1..(p-1)/2, not {modulus}"
        )
    return (modulus - 1) // 2


def fold(mode: int, modulus: int) -> int:
    """Return the mode in 1..(p-1)/2, or 0 for the constant, that has the waves of frequency `mode`."""
    return min(mode % modulus, -mode % modulus)


def mode_powers(values: Tensor) -> Tensor:
    """Return the power ||P_k x||^2 of the constant (index 0) and each mode, summed over columns.

    Parameters
    ----------
    values : Tensor, shape (..., p, column)
        Functions of a residue, such as an embedding.

    Returns
    -------
    Tensor of float64, shape (..., (p+1)/2)
        Its sum is the squared Frobenius norm.

    Raises
    ------
    ModulusError
        If p is even or below 3.
    """
    modulus = values.shape[-2]
    num_modes(modulus)
    power = torch.fft.rfft(values.double(), dim=-2).abs().square().sum(-1) / modulus
    power[..., 1:] *= 2  # frequencies k and p - k are one mode
    return power


def power_shares(values: Tensor) -> Tensor:
    """Return each mode's share of the power without the constant, shape (..., (p-1)/2).

    The constant is the mean over residues, which cannot tell them apart. Shares of a constant
    function are NaN. See `mode_powers`.
    """
    return _shares(mode_powers(values))


def pair_powers(activations: Tensor) -> Tensor:
    """Return the power of functions of a pair by the mode of a and the mode of b.

    Parameters
    ----------
    activations : Tensor, shape (p, p, unit)
        Over a and b; those over pairs in the order of `studies.modular.task.pairs_of` take this shape by
        ``unflatten(0, (p, p))``.

    Returns
    -------
    Tensor of float64, shape ((p+1)/2, (p+1)/2)
        Entry (j, k) is the power of P_j on a and P_k on b; index 0 is the constant.

    Raises
    ------
    ModulusError
        If p is even or below 3.
    ValueError
        If activations are not over all pairs.
    """
    modulus = pair_modulus(activations)
    full = torch.fft.fft2(activations.double(), dim=(0, 1)).abs().square().sum(-1) / modulus**2
    half = num_modes(modulus) + 1
    for axis in (0, 1):  # add frequency p - k to frequency k
        first, rest = full.split([half, half - 1], axis)
        full = first.clone()
        full.narrow(axis, 1, half - 1).add_(rest.flip(axis))
    return full


def pair_power_shares(activations: Tensor) -> Tensor:
    """Return how activations over pairs depend on a and on b, by input mode.

    The power of mode k is the mean of that of P_k on a (whatever the mode of b) and of P_k on b. It is
    given as a share of all modes' power, the constant left out.

    Parameters
    ----------
    activations : Tensor, shape (p, p, unit)

    Returns
    -------
    Tensor of float64, shape ((p-1)/2,)
        NaN if the activations are constant.
    """
    powers = pair_powers(activations)
    return _shares((powers.sum(0) + powers.sum(1)) / 2)


def learned_modes(loss_without_mode: Tensor, test_loss: Tensor, factor: float) -> Tensor:
    """Return which modes are learned: the test loss without them is more than so many times as large.

    Power of the embedding does not say so: what a random start or the training pairs put into a mode
    may never reach the outputs.

    Parameters
    ----------
    loss_without_mode : Tensor, shape (..., mode)
        From `losses_without_mode`, on the test set.
    test_loss : Tensor, shape (...)
        Of the whole embedding.
    factor : float
        Above 1. A network that does worse than chance has no mode without which it would do much worse
        still.

    Returns
    -------
    Tensor of bool, shape (..., mode)

    Raises
    ------
    ValueError
        If `factor` is not above 1.
    """
    if not factor > 1:
        raise ValueError(f"factor must be above 1, not {factor}")
    return loss_without_mode > factor * test_loss[..., None]


def keep_modes(embedding: Tensor, modulus: int, modes: Sequence[int]) -> Tensor:
    """Return an embedding with nothing left but some modes; 0 is the constant.

    Parameters
    ----------
    embedding : Tensor, shape (row, d_e)
        The first p rows are residues; more rows (other symbols) stay as they are.
    modulus : int
    modes : sequence of int
        From 0 to (p-1)/2.

    Raises
    ------
    ModulusError
        If the modulus is even or below 3.
    ValueError
        If there are fewer rows than residues or a mode is out of range.
    """
    largest = num_modes(modulus)
    if len(embedding) < modulus:
        raise ValueError(f"an embedding of {len(embedding)} rows has no {modulus} residues")
    if any(not 0 <= mode <= largest for mode in modes):
        raise ValueError(f"modes of modulus {modulus} are 0..{largest}, not {list(modes)}")
    spectrum = torch.fft.rfft(embedding[:modulus].double(), dim=0)
    kept = torch.zeros_like(spectrum)
    index = torch.as_tensor(list(modes), dtype=torch.int64, device=embedding.device)
    kept[index] = spectrum[index]
    filtered = torch.fft.irfft(kept, n=modulus, dim=0).to(embedding.dtype)
    return torch.cat([filtered, embedding[modulus:]])


def losses_with_one_mode(
    loss_fn: LossFunction, params: Params, batch: Batch, modulus: int
) -> Tensor:
    """Return the loss when the embedding keeps only the constant and mode k, shape ((p-1)/2,).

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``.
    params : dict of str to Tensor
        With the embedding, shape (row, d_e), under "embedding". It is filtered wherever it is used,
        so at both ends of a network with a tied unembedding.
    batch : tuple of Tensor
    modulus : int

    Raises
    ------
    ModulusError, ValueError
        As `keep_modes`.
    """
    modes = range(1, num_modes(modulus) + 1)
    return _filtered_losses(loss_fn, params, batch, modulus, [[0, mode] for mode in modes])


def losses_without_mode(
    loss_fn: LossFunction, params: Params, batch: Batch, modulus: int
) -> Tensor:
    """Return the loss when mode k is removed from the embedding, shape ((p-1)/2,).

    Parameters and errors are those of `losses_with_one_mode`.
    """
    modes = range(num_modes(modulus) + 1)
    kept = [[mode for mode in modes if mode != removed] for removed in modes[1:]]
    return _filtered_losses(loss_fn, params, batch, modulus, kept)


def generalising_direction(
    layout: ParameterLayout, params: Params, final: Params, modulus: int, modes: Sequence[int]
) -> Tensor:
    """Return the way from an embedding to the final one within the learned modes.

    Parameters
    ----------
    layout : ParameterLayout
    params, final : dict of str to Tensor
        Of a checkpoint and of the end of training.
    modulus : int
    modes : sequence of int
        The modes learned in the end, from 1 to (p-1)/2.

    Returns
    -------
    Tensor, shape (num_parameters,)
        Zero but for the embedding of residues. Zero altogether without learned modes.
    """
    way = torch.zeros_like(params[EMBEDDING])
    change = (final[EMBEDDING] - params[EMBEDDING])[:modulus]
    way[:modulus] = keep_modes(change, modulus, modes)
    other = {name: torch.zeros_like(value) for name, value in params.items()}
    return layout.flatten({**other, EMBEDDING: way})


@torch.no_grad()
def _filtered_losses(
    loss_fn: LossFunction, params: Params, batch: Batch, modulus: int, kept: list[list[int]]
) -> Tensor:
    embedding = params[EMBEDDING]
    filtered = (keep_modes(embedding, modulus, modes) for modes in kept)
    return torch.stack([loss_fn({**params, EMBEDDING: one}, batch) for one in filtered])


def _shares(power: Tensor) -> Tensor:
    total = power[..., 1:].sum(-1, keepdim=True)
    constant = total <= _ROUNDING * power.sum(-1, keepdim=True)
    return (power[..., 1:] / total).where(~constant, torch.nan)


def pair_modulus(activations: Tensor) -> int:
    """Return p of activations over all pairs, shape (p, p, unit); errors as `pair_powers`."""
    if activations.ndim != 3 or activations.shape[0] != activations.shape[1]:
        raise ValueError(
            f"activations must be over all pairs, shape (p, p, unit), not {tuple(activations.shape)}"
        )
    num_modes(len(activations))
    return len(activations)
