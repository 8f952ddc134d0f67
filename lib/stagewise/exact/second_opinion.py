"""Two samplers on the same posterior: SGLD with minibatches, and Hamiltonian Monte Carlo without.

Their errors have nothing in common but the random numbers' generator: SGLD is biased by its step size
and its minibatches, Hamiltonian Monte Carlo (`exact.hmc`) by neither. So where they agree within their
standard errors, SGLD's are to be trusted at settings like these.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.exact.hmc import sample_hmc
from stagewise.exact.potentials import Potential
from stagewise.exact.reference_models import reduced_rank_regression, stiffest_curvature
from stagewise.exact.settings import HMCConfig, SecondOpinionSettings
from stagewise.llc.along import estimate_at
from stagewise.llc.settings import SGLDConfig

logger = logging.getLogger(__name__)

BURNIN_SHARE = 1 / 4
"""Share of a chain that comes before its first draw, for both samplers."""

TOY_N_BETA = 100.0
LOCALIZATION = 20.0
"""n_beta of toys and gamma of all models: flat directions forget their start well within a chain."""

TOY_STEP_SHARE = 0.25
"""Share of the allowed step bias in toys: all directions in use are stiff, so that the bias is one of
the whole estimate, and all relax fast, so that short steps suffice."""

NOISE_STD = 0.3
"""Standard deviation of the label noise in samples of a reduced rank regression."""

TOYS = (
    Potential("quadratic, d = 20", (1,) * 20),
    Potential("quadratic, 8 of d = 20", (1,) * 8, num_unused=12),
    Potential("sum of 8 quartics", (2,) * 8),
)
REGRESSIONS = ((5, 4, 3, 1), (6, 5, 3, 0), (8, 4, 5, 3))
"""Inputs, outputs, hidden units and true rank."""


@dataclass(frozen=True)
class Case:
    """One model and its posterior.

    Parameters
    ----------
    model : Subject
    n_beta : float
    stiffness : float
        c = n_beta h + gamma of the stiffest direction, where chains spend their time.
    exact : float
        n_beta (E[L] - L(w*)) of this posterior; NaN where it is not known.
    step_share : float
        Share of the allowed step bias that is used.
    """

    model: Subject
    n_beta: float
    stiffness: float
    exact: float = np.nan
    step_share: float = 1.0


def cases(settings: SecondOpinionSettings, key: StreamKey) -> Iterator[Case]:
    """Yield the cases, toys first."""
    yield from map(_toy, TOYS)
    for shape in REGRESSIONS:
        yield _regression(shape, settings, key)


def _toy(toy: Potential) -> Case:
    stiffness = toy.typical_curvature(TOY_N_BETA, LOCALIZATION)
    exact = toy.finite(TOY_N_BETA, LOCALIZATION)
    return Case(toy.model(), TOY_N_BETA, stiffness, exact, TOY_STEP_SHARE)


def _regression(
    shape: tuple[int, int, int, int], settings: SecondOpinionSettings, key: StreamKey
) -> Case:
    own = key.child("regression", *shape)
    size = settings.num_samples
    model = reduced_rank_regression(*shape, num_samples=size, noise_std=NOISE_STD, key=own)
    n_beta = size / float(np.log(size))
    curvature = stiffest_curvature(model, LOCALIZATION, own.child("curvature"))
    return Case(model, n_beta, n_beta * curvature + LOCALIZATION)


def compare_case(case: Case, settings: SecondOpinionSettings, key: StreamKey) -> dict[str, object]:
    """Sample one posterior twice.

    Returns
    -------
    dict
        A row of the layout `exact.layout.SECOND_OPINION`; ``z_score`` is the difference in
        joint standard errors.
    """
    model, own = case.model, key.child(case.model.name)
    num_burnin = max(1, int(BURNIN_SHARE * settings.num_steps))
    sampler = SGLDConfig(
        step_size=4 * case.step_share * settings.step_bias / case.stiffness,
        n_beta=case.n_beta,
        localization=LOCALIZATION,
        num_chains=settings.num_chains,
        num_burnin=num_burnin,
        num_draws=settings.num_steps - num_burnin,
        batch_size=min(settings.batch_size, model.num_samples),
    )
    sgld = estimate_at(model, 0, sampler, key=own.child("sgld"))
    num_burnin = max(1, int(BURNIN_SHARE * settings.num_moves))
    moves = HMCConfig(
        n_beta=case.n_beta,
        localization=LOCALIZATION,
        num_chains=settings.num_chains,
        num_burnin=num_burnin,
        num_draws=settings.num_moves - num_burnin,
        leapfrog_steps=settings.leapfrog_steps,
    )
    hmc = sample_hmc(model.loss_fn, model.params_at(0), model.samples, moves, key=own.child("hmc"))
    difference = float(sgld.llc_mean) - float(hmc.llc_mean)
    joint = float(np.hypot(sgld.llc_stderr, hmc.llc_stderr))
    logger.info("%s: SGLD %.3f, HMC %.3f", model.name, sgld.llc_mean, hmc.llc_mean)
    return {
        "case": model.name,
        "num_parameters": model.num_parameters,
        "sgld": float(sgld.llc_mean),
        "sgld_stderr": float(sgld.llc_stderr),
        "hmc": float(hmc.llc_mean),
        "hmc_stderr": float(hmc.llc_stderr),
        "z_score": difference / joint,
        "acceptance": float(hmc.acceptance.mean()),
        "sgld_rhat": float(sgld.rhat),
        "hmc_rhat": float(hmc.rhat),
        "sgld_verdict": sgld.attrs["verdict"],
        "hmc_verdict": hmc.attrs["verdict"],
        "exact": case.exact,
        "n_beta": case.n_beta,
        "localization": LOCALIZATION,
        "sgld_step_size": sampler.step_size,
        "hmc_step_size": float(hmc.step_size),
    }


def second_opinion(settings: SecondOpinionSettings, key: StreamKey) -> pd.DataFrame:
    """Compare both samplers on every case; layout `exact.layout.SECOND_OPINION`."""
    return pd.DataFrame([compare_case(case, settings, key) for case in cases(settings, key)])
