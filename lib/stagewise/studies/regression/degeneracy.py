"""Parameters that no longer matter, counted along training (Hoogland et al. 2024, App. D.3.7).

A linear map of m outputs does not feel a matrix V that is added to it if V x = 0 for all its inputs x:
each input direction that carries nothing frees m parameters. A layer-norm channel whose weight vanishes
is such a direction, and so is a direction that embeddings no longer span, or that only ignored tokens
have. None of these changes moves any activation, so all are free together: they span a linear space of
parameters on which the function is constant, of dimension C. From that follows, and no more:

- in singular learning theory, at a minimum, lambda ≤ (d - C) / 2, d parameters in all (the learning
  coefficient is at most half the codimension of the set of equal loss);
- of the estimate at finite n_beta and gamma, the quadratic part 1/2 tr H (H + s)^-1, with
  s = gamma / n_beta, is at most (d - C) / 2, for directions of positive curvature and those of this
  space have none in common;
- so directions that become free while C rises by dC contributed at most dC / 2 before: this is the
  largest fall of the LLC that they explain. They explain less where they were soft already.

d / 2 is far above every estimate, so the count bounds no level: what can be compared are changes, and
their times. Only inputs are looked at; what outputs nobody reads is not counted, so C is from below.
Nothing ever vanishes exactly: what is counted is below a share of its first size, where curvature is
below the square of that share of what it would be, and the bounds hold as far as that is nothing.

Symmetries that are always there are no loss: a channel's scale can be moved between layer norm and
map, which leaves m - 1 of m, and the inner basis of a head's values is free, which leaves m - h for its
output map. For the prediction m = 1: a channel of the last layer norm that collapses together with its
linear weight frees nothing, for a product of two vanishing numbers has the coefficient of one, 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, ParameterLayout, Params
from stagewise.studies.regression.degeneracy_layout import DEGENERACY, SOURCES
from stagewise.studies.regression.input_moments import Moments, input_moments
from stagewise.studies.regression.settings import NetworkSettings

SHARES = (0.05, 0.1, 0.2)
"""Below which share of its first size an input direction carries nothing: that of claim R7 (0.1), and
others that show how much hangs on it."""


def degeneracy(
    checkpoints: Iterable[tuple[int, Params]],
    network: NetworkSettings,
    contexts: Batch,
    shares: Sequence[float] = SHARES,
) -> xr.Dataset:
    """Count the parameters that no input reaches, at several steps.

    Parameters
    ----------
    checkpoints : iterable of (int, dict of str to Tensor)
        Steps, ascending, and the parameters at each; the first ones are the measure of the others.
    network : NetworkSettings
    contexts : tuple of Tensor
        Inputs (context, K, D) and labels (context, K).
    shares : sequence of float
        An input direction carries nothing if its root mean square is below this share of the mean
        direction's at the first step.

    Returns
    -------
    xarray.Dataset
        Layout `degeneracy_layout.DEGENERACY`. The sources of a map add up to what it has lost; "tokens"
        is negative where attention singles out what a mean over all tokens would blur.
    """
    steps, rows, norms = [], [], []
    scales: dict[str, float] = {}
    for step, params in checkpoints:
        moments, _ = input_moments(params, network, contexts)
        scales = scales or {name: _mean_square(moment) for name, moment in moments.items()}
        steps.append(step)
        by_map = [
            _lost(name, moment, scales[name], _norm_weight(params, name), network, shares)
            for name, moment in moments.items()
        ]
        rows.append(np.stack(by_map, axis=1))
        norms.append(float(ParameterLayout.of(params).flatten(params).norm()))
    return DEGENERACY.dataset(
        {"lost": np.array(rows), "weight_norm": norms},
        {
            "step": xr.Variable("step", steps, {"units": "updates"}),
            "below": list(shares),
            "map": list(scales),
            "source": list(SOURCES),
        },
        {"num_contexts": len(contexts[0])},
    )


def _lost(
    name: str,
    moment: Moments,
    scale: float,
    norm_weight: Tensor | None,
    network: NetworkSettings,
    shares: Sequence[float],
) -> np.ndarray:
    """Return the parameters that a map has lost, shape (share, source)."""
    freed, heads = freed_by_direction(name, network), len(moment.seen)
    seen, unattended = (
        torch.linalg.eigvalsh(matrix) for matrix in (moment.seen, moment.unattended)
    )
    found = []
    for below in shares:
        level = below**2 * scale
        least, without = (int((values < level).sum()) for values in (seen, unattended))
        collapsed = 0 if norm_weight is None else int((norm_weight.abs() < below).sum())
        channels = min(collapsed * heads, without)
        found.append((channels, without - channels, least - without))
    return freed * np.array(found, dtype=float)


def freed_by_direction(name: str, network: NetworkSettings) -> int:
    """Return how many parameters an input direction that carries nothing frees in a map, of one head.

    Symmetries that are always there are taken off; see the module.
    """
    width = network.embed_dim
    inner = width // network.num_heads
    part = name.rsplit(".", 1)[-1]
    if part in ("query", "key"):
        return inner
    if part == "value":
        return inner - 1  # the channel's scale, taken off where every head has it
    if part == "unembedding":
        return 0
    if name.endswith("attention.output"):
        return max(width - inner, 0)
    return (network.mlp_dim if part == "input" else width) - 1


def _norm_weight(params: Params, name: str) -> Tensor | None:
    """Return the weights of the layer norm right before a map, which begin at one."""
    block, _, part = name.partition(".attention.")
    if part in ("query", "key", "value"):
        return params[f"{block}.attention_norm.weight"]
    if name.endswith(".mlp.input"):
        return params[f"{name.removesuffix('.mlp.input')}.mlp_norm.weight"]
    return None


def _mean_square(moment: Moments) -> float:
    """Return the mean square of inputs over directions and heads, with the attention that there is."""
    return float(moment.seen.diagonal(dim1=-2, dim2=-1).mean())
