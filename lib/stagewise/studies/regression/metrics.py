"""What the regression transformer does and is at a checkpoint.

Source: Hoogland et al. (2024), section 5 and Appendix D. Means over contexts carry standard errors over
contexts; differences are paired context by context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.model import predictions
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import ridge_predictions

COLLAPSED_SHARE = 0.1
"""A layer-norm weight counts as collapsed below this share of its initial value of one."""


class Evaluation:
    """A fixed evaluation set with everything about it that does not depend on the network.

    Parameters
    ----------
    task : TaskSettings
    contexts : tuple of Tensor
        Inputs (context, K, D) and labels (context, K).
    tasks : Tensor, shape (num_tasks, D), optional
        Finite set of tasks; the mean task is 0 without it.
    scaled_contexts : dict of float to tuple of Tensor
        Contexts whose inputs have another standard deviation, by that scale.
    """

    def __init__(
        self,
        task: TaskSettings,
        contexts: Batch,
        tasks: Tensor | None,
        scaled_contexts: Mapping[float, Batch],
    ) -> None:
        self.scaled_contexts = scaled_contexts
        inputs, labels = contexts
        self.task, self.inputs, self.labels = task, inputs, labels
        exact = ridge_predictions(inputs.double(), labels.double(), task.noise_variance)
        self.ridge = exact.to(labels.dtype)
        mean_task = torch.zeros(task.dimension) if tasks is None else tasks.mean(0)
        self.mean_task_prediction = inputs @ mean_task.to(inputs)

    @torch.no_grad()
    def per_context(self, params: Params, network: NetworkSettings) -> dict[str, Tensor]:
        """Return every sampled measure context by context, shape (context, ...)."""
        predicted = _predictions(params, network, (self.inputs, self.labels))
        error = (predicted - self.labels).square().double()
        square = predicted.square().double()
        last, middle = self.task.num_examples - 1, self.task.dimension - 1
        return {
            "test_loss": error.mean(1),
            "token_loss": error,
            "mean_squared_prediction": square.mean(1),
            "token_squared_prediction": square,
            "icl_locate": error[:, middle] - error[:, 0],
            "icl_refine": error[:, last] - error[:, middle],
            "icl_total": error[:, last] - error[:, 0],
            "distance_to_ridge": (predicted - self.ridge).square().double().mean(1),
            "distance_to_mean_task": (
                (predicted - self.mean_task_prediction).square().double().mean(1)
            ),
            "icl_scaled": torch.stack(
                [
                    _icl_score(_predictions(params, network, contexts), contexts[1]) / scale
                    for scale, contexts in self.scaled_contexts.items()
                ],
                dim=1,
            ),
        }

    def measure(
        self, params: Params, network: NetworkSettings, initial: Mapping[str, Tensor]
    ) -> dict[str, np.ndarray]:
        """Measure one checkpoint.

        Parameters
        ----------
        params : dict of str to Tensor
        network : NetworkSettings
        initial : mapping
            `per_context` of the first checkpoint.

        Returns
        -------
        dict of str to ndarray
            Means over contexts with ``<name>_stderr``, and ``<name>_change_stderr``: the standard
            error of the mean's change since the first checkpoint, smaller than the joint error of
            two means because both are taken over the same contexts.
        """
        values: dict[str, np.ndarray] = {}
        for name, samples in self.per_context(params, network).items():
            values[name] = samples.mean(0).numpy(force=True)
            values[f"{name}_stderr"] = _stderr(samples)
            values[f"{name}_change_stderr"] = _stderr(samples - initial[name])
        return values | _parameter_measures(params)


def _stderr(samples: Tensor) -> np.ndarray:
    return (samples.std(0) / len(samples) ** 0.5).numpy(force=True)


def _predictions(params: Params, network: NetworkSettings, contexts: Batch) -> Tensor:
    pieces = zip(*(part.split(1024) for part in contexts), strict=True)
    return torch.cat([predictions(params, network, *piece) for piece in pieces])


def _icl_score(predicted: Tensor, labels: Tensor) -> Tensor:
    """Return the loss at the last position less that at the first, shape (context,)."""
    error = (predicted - labels).square().double()
    return error[:, -1] - error[:, 0]


def _parameter_measures(params: Params) -> dict[str, np.ndarray]:
    norms = layer_norm_weights(params)
    collapsed = [(w.abs() < COLLAPSED_SHARE).double().mean().item() for w in norms.values()]
    square = sum(value.double().square().sum().item() for value in params.values())
    return {
        "weight_norm": np.array(square**0.5),
        "layer_norm_collapsed": np.array(collapsed),
    }


def layer_norm_weights(params: Params) -> Params:
    """Return the weights of every layer norm, named as in the figures, in the order of the network."""
    suffix = "_norm.weight"
    return {name.removesuffix(".weight"): w for name, w in params.items() if name.endswith(suffix)}


def along_steps(
    evaluation: Evaluation, network: NetworkSettings, checkpoints: Iterable[tuple[int, Params]]
) -> xr.Dataset:
    """Measure parameters at several steps, the first ones first; layout `regression.layout.METRICS`."""
    steps, measured, initial = [], [], None
    for step, params in checkpoints:
        initial = initial or evaluation.per_context(params, network)
        measured.append(evaluation.measure(params, network, initial))
        steps.append(step)
    return METRICS.dataset(
        {name: np.stack([values[name] for values in measured]) for name in measured[0]},
        {
            "position": np.arange(1, evaluation.task.num_examples + 1),
            "input_scale": list(evaluation.scaled_contexts),
            "step": xr.Variable("step", steps, {"units": "updates"}),
            "layer_norm": list(layer_norm_weights(params)),
        },
    )
