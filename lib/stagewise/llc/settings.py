"""Settings of the sampler behind an LLC, and the grids over which they are swept."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("none", "scalar", "gradient", "hessian", "lanczos")
"""none: P is 1 and epsilon is what it says. scalar: epsilon in units of the stiffest direction.
gradient, hessian: diagonal, from squares of the samples' gradients or from Hutchinson's probes.
lanczos: the stiffest directions themselves, whatever their angle to the parameters' axes."""


STARTS = ("checkpoint", "gaussian")


INTEGRATORS = ("euler", "averaged")


def check_bounds(config: object, least: Mapping[str, tuple[float, bool]]) -> None:
    """Raise ValueError if a field lies below its bound; each bound says whether it is allowed."""
    for name, (bound, inclusive) in least.items():
        value = getattr(config, name)
        if not (value >= bound if inclusive else value > bound):
            relation = "at least" if inclusive else "greater than"
            raise ValueError(
                f"{type(config).__name__}.{name} must be {relation} {bound}, not {value}"
            )


@dataclass(frozen=True)
class SGLDConfig:
    """Settings of the sampler.

    Parameters
    ----------
    step_size : float
        epsilon. With a preconditioner, in units of the stiffest direction: stable below 4, and with
        the integrator "euler" the variance in that direction is wrong by the share epsilon / 4.
    n_beta : float
        Inverse temperature times number of samples; only the product enters. Watanabe's choice for n
        samples is n / log(n).
    localization : float
        gamma, strength of the pull towards w*.
    num_chains : int
        Independent chains.
    num_burnin : int
        Steps of a chain before the first draw.
    num_draws : int
        Draws of a chain.
    batch_size : int
        m, samples in a minibatch. Not used when batches come from a callable.
    steps_per_draw : int
        Steps from one draw to the next.
    paired : bool
        Measure the loss at w* on the minibatch of each draw, which takes the noise of the batch out
        of the difference. It costs a forward pass of each sample, or one a draw where batches are
        generated. If not, draws are compared with L_n(w*).
    preconditioner : {"none", "scalar", "gradient", "hessian", "lanczos"}
        See `llc.settings.KINDS`.
    start : {"checkpoint", "gaussian"}
        Chains begin at w*, or at draws of the normal distribution that the curvature at w* suggests,
        so that flat directions need not be walked first.
    integrator : {"euler", "averaged"}
        Noise of each step of its own, as published; or averaged with the next step's, which takes the
        bias of the step size out of quadratic directions.

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    step_size: float
    n_beta: float
    localization: float
    num_chains: int
    num_burnin: int
    num_draws: int
    batch_size: int
    steps_per_draw: int = 1
    paired: bool = True
    preconditioner: str = "none"
    start: str = "checkpoint"
    integrator: str = "euler"

    def __post_init__(self) -> None:
        least = {
            "step_size": (0, False),
            "n_beta": (0, False),
            "localization": (0, True),
            "num_chains": (1, True),
            "num_burnin": (0, True),
            "num_draws": (2, True),
            "batch_size": (1, True),
            "steps_per_draw": (1, True),
        }
        check_bounds(self, least)
        choices = {"preconditioner": KINDS, "start": STARTS, "integrator": INTEGRATORS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"SGLDConfig.{name} must be one of {', '.join(known)}, "
                    f"not {getattr(self, name)!r}"
                )
        if self.uses_curvature and self.localization == 0:
            raise ValueError(
                "SGLDConfig.localization must be greater than 0 with a preconditioner or a gaussian "
                "start: without it flat directions have no scale"
            )

    @property
    def uses_curvature(self) -> bool:
        """Whether the curvature at w* has to be measured."""
        return self.preconditioner != "none" or self.start != "checkpoint"


AXES = ("step_size", "n_beta", "localization")
"""The settings that are swept, epsilon, n beta and gamma."""


@dataclass(frozen=True)
class Grid:
    """Values of every swept setting; the grid is their product.

    Parameters
    ----------
    step_size, n_beta, localization : tuple of float
        Ascending, at least two values each, because a cell is judged by its neighbours.

    Raises
    ------
    ValueError
        If an axis cannot be searched; names it.
    """

    step_size: tuple[float, ...]
    n_beta: tuple[float, ...]
    localization: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in AXES:
            values = getattr(self, name)
            ascending = all(low < high for low, high in itertools.pairwise(values))
            if len(values) < 2 or values[0] <= 0 or not ascending:
                raise ValueError(
                    f"Grid.{name} must be at least two ascending values above 0, not {values}"
                )

    def cells(self) -> list[dict[str, Any]]:
        """Return every cell as the settings that it stands for."""
        axes = [getattr(self, name) for name in AXES]
        return [dict(zip(AXES, values, strict=True)) for values in itertools.product(*axes)]
