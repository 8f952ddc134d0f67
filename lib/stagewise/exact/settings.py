"""How much is spent where the learning coefficient is known, and on a second sampler."""

from __future__ import annotations

from dataclasses import dataclass

from stagewise.llc.settings import KINDS, check_bounds

METRICS = tuple(kind for kind in KINDS if kind != "none")


@dataclass(frozen=True)
class HMCConfig:
    """Settings of the sampler.

    Parameters
    ----------
    n_beta : float
        Inverse temperature times number of samples.
    localization : float
        gamma, strength of the pull towards w*.
    num_chains : int
        Chains; they share one step size, and are else independent.
    num_burnin : int
        Moves before the first draw, in which the step size is adapted. Then it is fixed.
    num_draws : int
        Draws of a chain, one a move.
    leapfrog_steps : int
        Most leapfrog steps of a move. Each move has a random number of them, evenly from 1 to this,
        so that no direction's period is hit at every move. 1 is MALA.
    target_acceptance : float
        Mean probability of acceptance that the step size is adapted to: 0.8 suits long moves, 0.57
        those of one step.
    preconditioner : {"scalar", "gradient", "hessian", "lanczos"}
        Kind of P; see `llc.settings.KINDS`.

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    n_beta: float
    localization: float
    num_chains: int
    num_burnin: int
    num_draws: int
    leapfrog_steps: int
    target_acceptance: float = 0.8
    preconditioner: str = "scalar"

    def __post_init__(self) -> None:
        least = {
            "n_beta": (0, False),
            "localization": (0, False),
            "num_chains": (1, True),
            "num_burnin": (1, True),
            "num_draws": (2, True),
            "leapfrog_steps": (1, True),
            "target_acceptance": (0, False),
        }
        check_bounds(self, least)
        if not self.target_acceptance < 1:
            raise ValueError(
                f"HMCConfig.target_acceptance must be less than 1, not {self.target_acceptance}"
            )
        if self.preconditioner not in METRICS:
            raise ValueError(
                f"HMCConfig.preconditioner must be one of {', '.join(METRICS)}, "
                f"not {self.preconditioner!r}"
            )


@dataclass(frozen=True)
class ValidationSettings:
    """How much is spent on the suite.

    Parameters
    ----------
    num_chains : int
        Chains of every estimate.
    num_steps : int
        Steps of a chain, burn-in included, for products of powers and linear networks.
    num_toy_steps : int
        The same for sums of powers, which mix faster.
    num_volume_points : int
        Points behind each volume that is counted.
    """

    num_chains: int
    num_steps: int
    num_toy_steps: int
    num_volume_points: int


@dataclass(frozen=True)
class SecondOpinionSettings:
    """How much is spent on each model.

    Parameters
    ----------
    num_chains : int
        Chains of either sampler.
    num_steps : int
        SGLD steps of a chain, burn-in included.
    num_moves : int
        Moves of a chain of Hamiltonian Monte Carlo, burn-in included.
    leapfrog_steps : int
        Most leapfrog steps of a move.
    step_bias : float
        Share by which SGLD's step size puts the stiffest direction's variance wrong: epsilon c / 4
        for the curvature c = n_beta h + gamma.
    num_samples : int
        n of a regression, with n_beta = n / log(n).
    batch_size : int
        m of SGLD.
    """

    num_chains: int
    num_steps: int
    num_moves: int
    leapfrog_steps: int
    step_bias: float
    num_samples: int
    batch_size: int
