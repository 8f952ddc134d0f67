"""How much is spent where the learning coefficient is known, and on a second sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from stagewise.core.fields import Bounds, Count, Fraction, Positive, Settings, TwoOrMore

Metric = Literal["scalar", "gradient", "hessian", "lanczos"]
METRICS = get_args(Metric)

Steps = Annotated[int, Bounds(minimum=12)]
Moves = Annotated[int, Bounds(minimum=8)]


@dataclass(frozen=True)
class HMCConfig(Settings):
    """Settings of Hamiltonian Monte Carlo."""

    n_beta: Positive
    """[n beta] Inverse temperature times number of samples."""
    localization: Positive
    """[gamma] Strength of the pull to w*."""
    num_chains: Count
    """Chains; they share one step size, and are else independent."""
    num_burnin: Count
    """Moves before the first draw, in which the step size is adapted. Then it is fixed."""
    num_draws: TwoOrMore
    """Draws of a chain, one a move."""
    leapfrog_steps: Count
    """Most leapfrog steps of a move. Each move has a random number of them, evenly from 1 to this, so
    that no direction's period is hit at every move. 1 is MALA."""
    target_acceptance: Fraction = 0.8
    """Mean probability of acceptance that the step size is adapted to: 0.8 suits long moves, 0.57 those
    of one step."""
    preconditioner: Metric = "scalar"
    """Kind of P; see `llc.settings.Preconditioning`."""


@dataclass(frozen=True)
class ValidationSettings(Settings):
    """Estimates of known learning coefficients, and how much is spent on them."""

    num_chains: TwoOrMore
    """Chains of every estimate; their spread gives its interval."""
    num_steps: Steps
    """Steps of a chain, burn-in included, for products of powers and linear networks."""
    num_toy_steps: Steps
    """Steps of a chain, burn-in included, for sums of powers, which mix faster."""
    num_volume_points: Annotated[int, Bounds(minimum=5000)]
    """Points behind each volume that is counted."""


@dataclass(frozen=True)
class SecondOpinionSettings(Settings):
    """The same posteriors sampled by SGLD and by Hamiltonian Monte Carlo, and how much is spent."""

    num_chains: TwoOrMore
    """Chains of either sampler; their spread gives the error."""
    num_steps: Moves
    """SGLD steps of a chain, a quarter of them burn-in."""
    num_moves: Moves
    """Moves of a chain of Hamiltonian Monte Carlo, a quarter of them burn-in."""
    leapfrog_steps: Count
    """Most leapfrog steps of a move."""
    step_bias: Annotated[float, Bounds(minimum=1e-6, exclusiveMaximum=1)]
    """Share by which SGLD's step size puts the stiffest direction's variance wrong: epsilon c / 4 for
    the curvature c = n_beta h + gamma."""
    num_samples: TwoOrMore
    """[n] Samples of a reduced rank regression, with n_beta = n / log(n)."""
    batch_size: Count
    """[m] Samples in a minibatch of SGLD."""
