"""Settings of the sampler behind an LLC, and the grids over which they are swept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from stagewise.core.fields import Bounds, Count, NotNegative, Positive, Settings, TwoOrMore
from stagewise.core.precisions import Precision

Preconditioning = Literal["none", "scalar", "gradient", "hessian", "lanczos"]
"""none: P is 1 and epsilon is what it says. scalar: epsilon in units of the stiffest direction.
gradient, hessian: diagonal, from squares of the samples' gradients or from Hutchinson's probes.
lanczos: the stiffest directions themselves, whatever their angle to the parameters' axes."""

KINDS = get_args(Preconditioning)

Start = Literal["checkpoint", "gaussian"]

AXES = ("step_size", "n_beta", "localization")
"""The settings that are swept, epsilon, n beta and gamma."""

Ascending = Annotated[tuple[Positive, ...], Bounds(minItems=2, uniqueItems=True)]


@dataclass(frozen=True)
class SGLDConfig(Settings):
    """Settings of the sampler (SGLD) behind one LLC curve."""

    step_size: Positive
    """[epsilon] Step size. With a preconditioner, in units of the stiffest direction: stable below 4,
    and with the integrator euler the variance in that direction is wrong by the share epsilon / 4."""
    n_beta: Positive | None
    """[n beta] Inverse temperature times number of samples; only the product enters. Null is n / log(n)
    for the n samples (Watanabe 2013)."""
    localization: NotNegative
    """[gamma] Strength of the pull to the checkpoint w*; 0 is none."""
    num_chains: Count
    """Independent chains at each checkpoint; their spread gives the error."""
    num_burnin: Annotated[int, Bounds(minimum=0)]
    """Steps of a chain before its first draw."""
    num_draws: TwoOrMore
    """Draws of a chain that count."""
    batch_size: Count
    """[m] Samples in a minibatch; not used where batches come from a callable."""
    steps_per_draw: Count = 1
    """Steps of a chain from one draw to the next."""
    paired: bool = True
    """Whether each draw's loss is compared with the checkpoint's on the same minibatch, which takes the
    noise of the batch out of the difference; if not, draws are compared with L_n(w*). It costs a
    forward pass of each sample, or one a draw where batches are generated."""
    preconditioner: Preconditioning = "none"
    """What sets each direction's step size; with any but none, step_size is in units of the
    stiffest."""
    start: Start = "checkpoint"
    """Whether chains begin at w*, or spread around it as the curvature at w* says, so that flat
    directions need not be walked first."""
    integrator: Literal["euler", "averaged"] = "euler"
    """Whether each step's noise is its own, as published, or averaged with the next step's, which takes
    the bias of the step size out of quadratic directions."""
    precision: Precision = "float32"
    """In what losses and gradients multiply: float32; tf32, with factors of 10 bits on a GPU and as
    float32 elsewhere; bf16, with products of 7 bits, chains and updates in float32."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the localisation."""
        if self.uses_curvature and self.localization == 0:
            yield (
                "{localization} must be above 0 with a preconditioner or a gaussian start: without it "
                "flat directions have no scale"
            )

    @property
    def uses_curvature(self) -> bool:
        """Whether the curvature at w* has to be measured."""
        return self.preconditioner != "none" or self.start != "checkpoint"


@dataclass(frozen=True)
class Grid(Settings):
    """Values of the three settings that are swept; the grid is their product."""

    step_size: Ascending
    """[epsilon] Step sizes."""
    n_beta: Ascending
    """[n beta] Inverse temperatures times number of samples."""
    localization: Ascending
    """[gamma] Strengths of the pull to the checkpoint."""

    def contradictions(self) -> Iterator[str]:
        """Yield what does not ascend: a cell is judged by its neighbours."""
        for axis in AXES:
            values = getattr(self, axis)
            if list(values) != sorted(values):
                yield f"{{{axis}}} must ascend, for cells are compared with their neighbours; order it"

    def cells(self) -> list[dict[str, Any]]:
        """Return every cell as the settings that it stands for."""
        axes = [getattr(self, name) for name in AXES]
        return [dict(zip(AXES, values, strict=True)) for values in itertools.product(*axes)]
