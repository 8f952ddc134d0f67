"""How the inside of a regression transformer changes: embeddings, layer norms, unembedding, heads.

Source: Hoogland et al. (2024), App. D.3.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.linalg
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.studies.regression.attention import (
    attention_patterns,
    head_scores,
    label_numbers,
    normalised_entropy,
    variability,
)
from stagewise.studies.regression.settings import NetworkSettings
from stagewise.studies.regression.structure_layout import (
    LABELS,
    QUERY_KINDS,
    SCORES,
    SPACES,
    STRUCTURE,
)

_NORM = "_norm.weight"


def along_steps(
    checkpoints: Iterable[tuple[int, Params]],
    network: NetworkSettings,
    contexts: Batch,
    threshold: float,
) -> xr.Dataset:
    """Return the structure of parameters at several steps; layout `structure_layout.STRUCTURE`.

    Parameters
    ----------
    checkpoints : iterable of (int, dict of str to Tensor)
        Steps, ascending, and the parameters at each.
    network : NetworkSettings
    contexts : tuple of Tensor
        Inputs (context, K, D) and labels (context, K) on which attention is looked at.
    threshold : float
        Score from which on a head earns a label.
    """
    steps, found = [], []
    for step, params in checkpoints:
        steps.append(step)
        found.append(
            parameter_structure(params) | attention_structure(params, network, contexts, threshold)
        )
    num_examples = contexts[1].shape[1]
    tokens = [f"{kind}{k}" for k in range(1, num_examples + 1) for kind in QUERY_KINDS]
    return STRUCTURE.dataset(
        {name: np.stack([values[name] for values in found]) for name in found[0]},
        {
            "step": xr.Variable("step", steps, {"units": "updates"}),
            "layer_norm": [name.removesuffix(".weight") for name in params if name.endswith(_NORM)],
            "layer": np.arange(1, network.num_layers + 1),
            "head": np.arange(1, network.num_heads + 1),
            "query": tokens,
            "key": tokens,
            "query_kind": list(QUERY_KINDS),
            "score": list(SCORES),
            "label": list(LABELS),
            "space": list(SPACES),
        },
        {"threshold": threshold, "num_contexts": len(contexts[0])},
    )


def parameter_structure(params: Params) -> dict[str, np.ndarray]:
    """Return what can be read off the parameters: embeddings, layer norms and unembedding."""
    token = params["token_embedding.weight"].numpy(force=True).astype(float)
    position = params["position_embedding.weight"].numpy(force=True).astype(float).T
    left, sizes, _ = np.linalg.svd(position, full_matrices=False)
    norms = [name.removesuffix(".weight") for name in params if name.endswith(_NORM)]
    weight, bias = (
        np.stack([params[f"{name}.{part}"].numpy(force=True) for name in norms])
        for part in ("weight", "bias")
    )
    # The prediction is the first entry of the output.
    linear = params["unembedding.weight"][0].numpy(force=True)
    offset = params["unembedding.bias"][0].numpy(force=True)
    return {
        "token_singular_value": np.linalg.svd(token, compute_uv=False),
        "position_singular_value": sizes,
        "principal_angle": np.stack(
            [principal_angles(token, space) for space in (left, left[:, : token.shape[1]])]
        ),
        "unembedding_weight": linear,
        "unembedding_bias": offset,
        "effective_weight": linear * weight[-1],
        "effective_bias": linear @ bias[-1] + offset,
        "norm_weight": weight,
        "norm_bias": bias,
    }


def principal_angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the principal angles between two column spaces in radians, the smallest first.

    Parameters
    ----------
    first, second : ndarray, shapes (d, p) and (d, q)
        Of full rank, p ≤ q.
    """
    return scipy.linalg.subspace_angles(first, second)[::-1]


@torch.no_grad()
def attention_structure(
    params: Params, network: NetworkSettings, contexts: Batch, threshold: float
) -> dict[str, np.ndarray]:
    """Return what heads attend to over contexts, with standard errors over contexts."""
    patterns = attention_patterns(params, network, *contexts)
    scores = head_scores(patterns)
    labels = label_numbers(scores, threshold)
    shares = torch.stack([(labels == n).float().mean(0) for n in range(len(LABELS))], dim=-1)
    sampled = {
        "attention_entropy": normalised_entropy(patterns),
        "attention_variability": variability(patterns),
        "head_score": scores,
    }
    return {
        **{name: _array(values.mean(0)) for name, values in sampled.items()},
        **{f"{name}_stderr": _array(_stderr(values)) for name, values in sampled.items()},
        "label_share": _array(shares),
        "mean_attention": _array(patterns.mean(0)),
    }


def _stderr(samples: Tensor) -> Tensor:
    return samples.std(0) / len(samples) ** 0.5


def _array(values: Tensor) -> np.ndarray:
    return values.numpy(force=True).astype(np.float32)
