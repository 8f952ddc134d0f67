"""What the regression transformer does and is at a checkpoint.

Source: Hoogland et al. (2024), section 5 and Appendix D. Means over contexts carry standard errors over
contexts; differences are paired context by context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.model import predictions
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.study import RegressionRun
from stagewise.studies.regression.task import ridge_predictions

COLLAPSED_SHARE = 0.1
"""A layer-norm weight counts as collapsed below this share of its initial value of one."""

AT_A_TIME = 256
"""Contexts that run through the network together: as many as the caches of a core hold."""


class Evaluation:
    """A fixed evaluation set with everything about it that does not depend on the network.

    Parameters
    ----------
    task : TaskSettings
    contexts : tuple of Tensor
        Inputs (context, K, D) and labels (context, K).
    tasks : Tensor, shape (num_tasks, D), optional
        Finite set of tasks; the mean task is 0 without it.
    scaled_inputs, scaled_tasks : dict of float to tuple of Tensor
        Contexts whose inputs, or whose tasks, have another standard deviation, by that scale. Those that
        are the first of `contexts` are not run through the network again.
    """

    def __init__(
        self,
        task: TaskSettings,
        contexts: Batch,
        tasks: Tensor | None,
        scaled_inputs: Mapping[float, Batch],
        scaled_tasks: Mapping[float, Batch],
    ) -> None:
        self.scaled = {"": scaled_inputs, "_tasks": scaled_tasks}
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
        found = {
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
        }
        for kind, by_scale in self.scaled.items():
            found |= _joined_scales(
                kind,
                {
                    scale: (
                        predicted[: len(contexts[0])]
                        if self._begins_with(contexts)
                        else _predictions(params, network, contexts),
                        contexts[1],
                    )
                    for scale, contexts in by_scale.items()
                },
            )
        return found

    def ridge_token_loss(self) -> np.ndarray:
        """Return the loss of the ridge prediction at every position, shape (K,)."""
        return (self.ridge - self.labels).square().double().mean(0).numpy(force=True)

    def _begins_with(self, contexts: Batch) -> bool:
        count = len(contexts[0])
        own = (self.inputs[:count], self.labels[:count])
        return all(torch.equal(a, b) for a, b in zip(own, contexts, strict=True))


def evaluation_of(
    run: RegressionRun,
    *,
    num_contexts: int,
    num_scaled_contexts: int,
    input_scales: Sequence[float],
    task_scales: Sequence[float],
) -> Evaluation:
    """Return the evaluation set of a run.

    Scaled contexts are the first of the fixed ones with their inputs, or their task, multiplied by the
    scale and the same noise. Labels w'x are the same either way.
    """
    inputs, labels = run.fixed_contexts("evaluation", num_contexts)
    scaled = {
        scale: tuple(
            part[:num_scaled_contexts]
            for part in run.fixed_contexts("evaluation", num_contexts, scale)
        )
        for scale in {*input_scales, *task_scales}
    }
    few = inputs[:num_scaled_contexts]
    return Evaluation(
        run.task,
        (inputs, labels),
        run.tasks(),
        {scale: scaled[scale] for scale in input_scales},
        {scale: (few, scaled[scale][1]) for scale in task_scales},
    )


def _joined_scales(kind: str, scaled: Mapping[float, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Return what is measured at each scale from predictions and labels, shape (context, scale)."""
    rows: dict[str, list[Tensor]] = {"icl": [], "loss": [], "squared_prediction": []}
    for scale, (predicted, labels) in scaled.items():
        error = (predicted - labels).square().double()
        rows["icl"].append((error[:, -1] - error[:, 0]) / scale)
        rows["loss"].append(error.mean(1))
        rows["squared_prediction"].append(predicted.square().double().mean(1))
    return {f"{name}_scaled{kind}": torch.stack(values, dim=1) for name, values in rows.items()}


def summarised(
    samples: Mapping[str, Tensor], initial: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    """Return means over contexts and their errors.

    Parameters
    ----------
    samples, initial : mapping of str to Tensor
        `Evaluation.per_context` of a checkpoint and of the first one.

    Returns
    -------
    dict of str to ndarray
        Means with ``<name>_stderr``, and ``<name>_change_stderr``: the standard error of the mean's
        change since the first checkpoint, smaller than the joint error of two means because both are
        taken over the same contexts.
    """
    values: dict[str, np.ndarray] = {}
    for name, own in samples.items():
        values[name] = own.mean(0).numpy(force=True)
        values[f"{name}_stderr"] = _stderr(own)
        values[f"{name}_change_stderr"] = _stderr(own - initial[name])
    return values


def _stderr(samples: Tensor) -> np.ndarray:
    return (samples.std(0) / len(samples) ** 0.5).numpy(force=True)


def _predictions(params: Params, network: NetworkSettings, contexts: Batch) -> Tensor:
    pieces = zip(*(part.split(AT_A_TIME) for part in contexts), strict=True)
    return torch.cat([predictions(params, network, *piece) for piece in pieces])


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
    steps, measured, scores = [], [], []
    initial: dict[str, Tensor] = {}
    for step, params in checkpoints:
        samples = evaluation.per_context(params, network)
        initial = initial or samples
        measured.append(summarised(samples, initial) | _parameter_measures(params))
        scores.append(samples["icl_scaled"].float())
        steps.append(step)
    return METRICS.dataset(
        {
            **{name: np.stack([values[name] for values in measured]) for name in measured[0]},
            "icl_scaled_rest_stderr": np.stack([_stderr(scores[-1] - own) for own in scores]),
            "ridge_token_loss": evaluation.ridge_token_loss(),
        },
        {
            "position": np.arange(1, evaluation.task.num_examples + 1),
            "input_scale": list(evaluation.scaled[""]),
            "task_scale": list(evaluation.scaled["_tasks"]),
            "step": xr.Variable("step", steps, {"units": "updates"}),
            "layer_norm": list(layer_norm_weights(params)),
        },
    )
