"""Claims on the inside of the network: R7, R8, R8b, R9."""

from __future__ import annotations

from math import sqrt

import numpy as np
import xarray as xr

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import Verdict, of_seeds
from stagewise.studies.regression.claims.evidence import RegressionEvidence
from stagewise.studies.regression.structure_readings import (
    half_heads,
    head_labels,
    mean_square_cosine,
    share_below,
    variance_shares,
)

Parts = dict[str, bool]
"""What a claim is made of, and whether it holds."""


@claim("R7")
def layer_norms_collapse(
    found: RegressionEvidence, *, below: float, min_share: float, max_factor: float
) -> Verdict:
    """R7: layer-norm weights collapse, most before the unembedding and together with its own."""
    parts, texts = {}, {}
    for seed, structure in found.structure_of("base").items():
        norms = share_below(structure["norm_weight"], below)
        *others, last = norms.isel(step=-1).values
        linear = share_below(structure["unembedding_weight"], below)
        lag = _factor_between(norms.isel(layer_norm=-1), linear)
        parts[seed] = {
            "collapses": last >= min_share,
            "most there": last > max(others),
            "linear weights": float(linear[-1]) >= min_share,
            "in tandem": lag <= max_factor,
        }
        texts[seed] = (
            f"unembedding {100 * last:.0f} %, other norms "
            f"{', '.join(f'{100 * share:.0f}' for share in others)} %, its linear weights "
            f"{100 * float(linear[-1]):.0f} %, half of it within a factor {lag:.2g} in time"
        )
    return _judged(parts, texts, "shares of the weights of each network, without error")


@claim("R8")
def embeddings_collapse(found: RegressionEvidence, *, max_ratio: float) -> Verdict:
    """R8: in both embeddings the smallest singular value is left behind by the others."""
    parts, texts = {}, {}
    for seed, structure in found.structure_of("base").items():
        lost, words = {}, []
        for name in ("token", "position"):
            sizes = structure[f"{name}_singular_value"].values
            left = sizes.min(1) ** 2 / np.median(sizes, 1) ** 2
            lost[f"{name}s"] = bool(left[-1] <= max_ratio * left[0])
            share = variance_shares(structure, name).values.min(1)
            size = sizes[-1].min() / sizes.min(1).max()
            words.append(
                f"{name}s {left[0]:.2g} to {left[-1]:.2g} of the median (of the variance "
                f"{100 * share[0]:.2g} to {100 * share[-1]:.2g} %; at {size:.2f} of its largest size)"
            )
        parts[seed], texts[seed] = lost, ", ".join(words)
    return _judged(parts, texts, "of each network, without error")


@claim("R8b")
def embeddings_align(found: RegressionEvidence, *, num_sd: float) -> Verdict:
    """R8b: the column spaces of the two embeddings align."""
    agrees, against, texts = {}, {}, {}
    for seed, structure in found.structure_of("base").items():
        chance = sqrt(2) * chance_of_cosines(structure)
        if not chance > 0:
            continue  # positions span the whole space: every other lies within it
        cosine = mean_square_cosine(structure, "all").values
        gain = cosine[-1] - cosine[0]
        agrees[seed] = bool(gain > num_sd * chance)
        against[seed] = not agrees[seed]
        texts[seed] = f"mean squared cosine {cosine[0]:.2f} to {cosine[-1]:.2f}"
    words = f"pairs of random spaces differ by ± {chance:.2f}" if agrees else ""
    return of_seeds(agrees, against, texts, words)


@claim("R9")
def heads_harden(
    found: RegressionEvidence, *, max_entropy: float, max_variability: float, min_heads: float
) -> Verdict:
    """R9: heads become hard and independent of the content, and do what can be named."""
    parts, texts, errors = {}, {}, {}
    for seed, structure in found.structure_of("base").items():
        hard = half_heads(structure, "attention_entropy") <= max_entropy
        constant = half_heads(structure, "attention_variability") <= max_variability
        both = (hard & constant).isel(step=[0, -1])
        became = int((both[-1] & ~both[0]).sum())
        labels = head_labels(structure.isel(step=[-1]))[0].ravel()
        named = {kind: int((labels == kind).sum()) for kind in ("previous_token", "x", "y")}
        parts[seed] = {
            "hard and constant": became >= min_heads,
            "previous token": named["previous_token"] > 0,
            "x or y": named["x"] + named["y"] > 0,
        }
        texts[seed] = (
            f"{became} of {labels.size} half-heads hard and constant; {named['previous_token']} for "
            f"the previous token, {named['x']} for x, {named['y']} for y"
        )
        errors[seed] = structure.attrs["num_contexts"]
    contexts = f"means over {min(errors.values())} contexts" if errors else ""
    return _judged(parts, texts, contexts)


def chance_of_cosines(structure: xr.Dataset) -> float:
    """Return the standard deviation of the mean squared cosine between two random spaces.

    For spaces of dimensions p ≤ q in d dimensions the sum of squared cosines has variance
    2 p q (d - p) (d - q) / (d^2 (d - 1) (d + 2)) (moments of Haar-distributed projections).
    """
    p, d = structure.sizes["component"], structure.sizes["channel"]
    q = structure.sizes["position_component"]
    return sqrt(2 * p * q * (d - p) * (d - q) / (d**2 * (d - 1) * (d + 2))) / p


def _factor_between(first: xr.DataArray, second: xr.DataArray) -> float:
    """Return the factor between the steps at which two shares reach half of their rise."""
    early, late = sorted((_half_rise(first), _half_rise(second)))
    return float(np.exp(late - early)) if np.isfinite(early + late) else np.inf


def _half_rise(share: xr.DataArray) -> float:
    """Return log(1 + step) when a share first is halfway to its last value; NaN if it does not rise."""
    values, time = share.values, np.log1p(share["step"].values)
    if not values[-1] > values[0]:
        return np.nan
    half = (values[0] + values[-1]) / 2
    after = int(np.argmax(values >= half))
    return float(np.interp(half, values[after - 1 : after + 1], time[after - 1 : after + 1]))


def _judged(parts: dict[int, Parts], texts: dict[int, str], uncertainty: str) -> Verdict:
    """Return the verdict on seeds that agree if every part holds, and are against it if none does."""
    texts = {seed: f"{texts[seed]}{_failing(own)}" for seed, own in parts.items()}
    return of_seeds(
        {seed: all(own.values()) for seed, own in parts.items()},
        {seed: not any(own.values()) for seed, own in parts.items()},
        texts,
        uncertainty,
    )


def _failing(parts: Parts) -> str:
    failing = [name for name, holds in parts.items() if not holds]
    return f" (fails: {', '.join(failing)})" if failing else ""
