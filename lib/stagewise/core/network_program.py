"""Training as a program: networks of one layout, each with batches of its own, updated by Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from stagewise.core.descent import Descent
from stagewise.core.evaluation import Evaluation, evaluation
from stagewise.core.precision import multiplied_in
from stagewise.core.programs import Blocks, Program, Rows
from stagewise.core.replicas import Batch, LossFunction, ParameterLayout
from stagewise.core.settings import OptimiserSettings, TrainingSettings

BlockOfBatches = Callable[[int, int], Batch]
"""``batches(number, count)``: of the `count` steps of block `number`; parts (step, sample, ...)."""


class ProgramDescent(Descent):
    """The descent of some networks as a program; what it is made of besides is as for `Descent`.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``, the same for all networks.
    layout : ParameterLayout
    initial : Tensor, shape (network, parameter)
    batches : sequence of BlockOfBatches
        Of each network.
    settings : TrainingSettings
    block_steps : int
        Steps whose batches are drawn at a time.
    refuse : callable, optional
        As for `Descent`.
    captured : bool, optional
        As for `core.programs.Blocks`.
    """

    def __init__(
        self,
        loss_fn: LossFunction,
        layout: ParameterLayout,
        initial: Tensor,
        batches: Sequence[BlockOfBatches],
        settings: TrainingSettings,
        block_steps: int,
        refuse: Callable[[int, float], None] | None = None,
        captured: bool | None = None,
    ) -> None:
        optimiser = OptimiserSettings("adamw", betas=settings.betas, epsilon=settings.epsilon)
        vectors = initial.clone()
        super().__init__(vectors, [], optimiser, settings.learning_rate, refuse=refuse)
        moments, update, decay = list(self.moments.values()), self.update, settings.weight_decay

        def draw(number: int) -> Rows:
            steps = range(number * block_steps, (number + 1) * block_steps)
            drawn = zip(*(some(number, block_steps) for some in batches), strict=True)
            parts = {f"batch {place}": torch.stack(part, dim=1) for place, part in enumerate(drawn)}
            return {**_tables(settings, steps, vectors), **parts}

        def step(evaluate: Evaluation, rows: Rows) -> Mapping[str, Tensor]:
            parts = [part for name, part in rows.items() if name.startswith("batch")]
            with multiplied_in(settings.precision, vectors.device):
                losses, gradients = evaluate(vectors, *parts)
            if decay:
                vectors.mul_(rows["shrinkage"])
            update.adam(vectors, gradients, moments, rows["pace"], rows["correction"])
            return {"loss": losses}

        state = {"vectors": vectors, **self.moments}
        self._program = Program(state, step, evaluation(loss_fn, layout), block_steps)
        self._blocks = Blocks(self._program, draw, captured)

    def advance(self, step: int) -> Tensor:
        """Make one update; see `advance_to`, which makes many at less cost."""
        losses = self.advance_to(step, step + 1)
        return torch.full_like(self.vectors[:, 0], torch.nan) if losses is None else losses

    def advance_to(self, step: int, stop: int) -> Tensor | None:
        """Make the updates from a step to another while a network lives; return the last losses."""
        if not self.alive.any():
            return None
        losses = self._blocks.run(step, stop)["loss"]
        for place in (~losses.isfinite()).any(dim=1).nonzero()[:, 0].tolist():
            self.mark(step + place, losses[place].to(self.vectors.device))
        return losses[-1]


def _tables(settings: TrainingSettings, steps: range, like: Tensor) -> dict[str, Tensor]:
    """Return what Adam takes at each step, computed in double precision, each of shape (step,)."""
    (beta1, beta2), rates = settings.betas, [settings.learning_rate(step) for step in steps]
    numbers = {
        "pace": [rate / (1 - beta1 ** (step + 1)) for rate, step in zip(rates, steps, strict=True)],
        "correction": [1 - beta2 ** (step + 1) for step in steps],
        "shrinkage": [1 - rate * settings.weight_decay for rate in rates],
    }
    return {
        name: torch.tensor(values, dtype=torch.float64).to(like) for name, values in numbers.items()
    }
