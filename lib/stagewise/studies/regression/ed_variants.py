"""Essential dynamics of other vectors than the outputs: of the weights and of the loss's gradient.

Source: Hoogland et al. (2024), Appendix B.7. The moments of the optimiser are kept at the last step
alone and are not among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import xarray as xr

from stagewise.core.replicas import Batch, ParameterLayout, Params
from stagewise.development.essential_dynamics import essential_dynamics
from stagewise.studies.regression.ed_variants_layout import ED_VARIANTS
from stagewise.studies.regression.study import RegressionRun

COLUMNS = 16_384
"""Columns that are converted to double precision at a time."""


def gradient_vector(run: RegressionRun, params: Params, contexts: Batch) -> np.ndarray:
    """Return the gradient of the loss on fixed contexts as one vector, shape (parameter,)."""
    layout = ParameterLayout.of(params)
    leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
    gradients = torch.autograd.grad(run.loss(leaves, contexts), list(leaves.values()))
    return layout.flatten(dict(zip(leaves, gradients, strict=True))).numpy(force=True)


def ed_variants(
    run: RegressionRun,
    checkpoints: Iterable[tuple[int, Params]],
    contexts: Batch,
    num_components: int,
) -> xr.Dataset:
    """Find the principal components of outputs, weights and gradients at the same checkpoints.

    Parameters
    ----------
    run : RegressionRun
    checkpoints : iterable of (int, dict of str to Tensor)
        Steps and parameters, in the order of time.
    contexts : tuple of Tensor
        On which outputs and gradients are taken.
    num_components : int
        Principal components kept.

    Returns
    -------
    xarray.Dataset
        Layout `ed_variants_layout.ED_VARIANTS`.
    """
    steps, rows = [], []
    for step, params in checkpoints:
        steps.append(step)
        weights = ParameterLayout.of(params).flatten(params).numpy(force=True)
        outputs = run.function_vector(params, contexts)
        rows.append((outputs, weights, gradient_vector(run, params, contexts)))
    found = []
    for column in zip(*rows, strict=True):
        matrix = np.stack(column)

        def blocks(matrix: np.ndarray = matrix) -> Iterator[np.ndarray]:
            for start in range(0, matrix.shape[1], COLUMNS):
                yield matrix[:, start : start + COLUMNS]

        found.append(essential_dynamics(blocks, np.array(steps), num_components))
    return ED_VARIANTS.dataset(
        {
            name: np.stack([one[name].to_numpy() for one in found])
            for name in ("scores", "explained_variance_ratio")
        },
        {
            "variant": ["outputs", "weights", "gradients"],
            "step": steps,
            "pc": np.arange(1, num_components + 1),
        },
        {"run": run.name},
    )
