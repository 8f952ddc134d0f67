"""What every instrument measures: a loss, the samples behind it, and parameters at one time or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, Params
from stagewise.core.seeding import StreamKey


@dataclass(frozen=True)
class Subject:
    """A network, or any function with parameters, along its training.

    A run of a study is a subject, a folder of someone's state dicts is one, and a model of known
    learning coefficient is one with a single step.

    Parameters
    ----------
    name : str
    steps : tuple of int
        Training steps at which there are parameters, in the order of time.
    params_at : callable
        ``params_at(step) -> params``; they may be read when they are asked for.
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``, the mean loss over the batch's samples.
    samples : tuple of Tensor
        The n samples that define L_n, along the leading axis.
    key : StreamKey
        Above all random streams of the subject.
    untrained_loss : float, optional
        Loss before anything was learned; without it, that at the first step.
    constant_loss : float, optional
        Loss of the best constant predictor, where there is one.
    function_vector : callable, optional
        ``function_vector(params) -> ndarray, shape (feature,)``: the point in function space whose
        trajectory essential dynamics looks at.
    exact_llc : float, optional
        Learning coefficient, where it is known.
    buffers_at : callable, optional
        ``buffers_at(step) -> buffers``: what training changed beside the parameters, such as the
        statistics of batch normalisation; `loss_fn` takes them with the parameters.
    """

    name: str
    steps: tuple[int, ...]
    params_at: Callable[[int], Params]
    loss_fn: LossFunction
    samples: Batch
    key: StreamKey = StreamKey(0)  # noqa: RUF009, a frozen name
    untrained_loss: float | None = None
    constant_loss: float | None = None
    function_vector: Callable[[Params], np.ndarray] | None = None
    exact_llc: float | None = None
    buffers_at: Callable[[int], Params] | None = None

    @classmethod
    def of_checkpoints(
        cls,
        name: str,
        checkpoints: Mapping[int, Params],
        loss_fn: LossFunction,
        samples: Batch,
        **known: Any,
    ) -> Subject:
        """Return a subject whose parameters are at hand, by training step in the order of time."""
        return cls(name, tuple(checkpoints), checkpoints.__getitem__, loss_fn, samples, **known)

    def loss_at(self, step: int) -> LossFunction:
        """Return the loss with the buffers of a step."""
        if self.buffers_at is None:
            return self.loss_fn
        buffers, loss_fn = self.buffers_at(step), self.loss_fn
        return lambda params, batch: loss_fn({**params, **buffers}, batch)

    @property
    def num_samples(self) -> int:
        """Number of samples n."""
        return len(self.samples[0])

    @property
    def num_parameters(self) -> int:
        """Dimension d of the parameter space."""
        return ParameterLayout.of(self.params_at(self.steps[0])).num_parameters
