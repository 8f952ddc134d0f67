"""The validation suite: models of known learning coefficient, each estimated by `llc.estimate`.

Settings follow from one stated rule a family, never from a single case, and every estimate goes
through the public `estimate_llc`. The rules were fixed on configurations that are not in the suite.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.exact import coefficients as exact
from stagewise.exact.coefficients import LearningCoefficient
from stagewise.exact.potentials import Potential
from stagewise.exact.reference_models import (
    linear_regression,
    population_linear_network,
    stiffest_curvature,
)
from stagewise.exact.settings import ValidationSettings
from stagewise.exact.volume_scaling import volume_exponent
from stagewise.llc.along import estimate_at
from stagewise.llc.settings import SGLDConfig, Start

logger = logging.getLogger(__name__)

BURNIN_SHARE = 1 / 3
"""Share of a chain's steps before its first draw."""

MOST_COUNTED = 4
"""Most dimensions in which volumes are counted; beyond, a quadrature at vast n_beta takes over."""

VOLUME_SHARE = 2e-3
"""Share of the points that counts in a volume."""

VAST = (1e24, 1e30)
"""Two values of n_beta at which a quadrature is as good as at infinity; they bound its error."""


@dataclass(frozen=True)
class Rule:
    """How the sampler of a family is set.

    Parameters
    ----------
    localization : float
        gamma. The true map has singular values 1 and the powers scale 1, so this is the prior's
        width against the model's own.
    step_bias : float
        Share by which the stiffest direction's variance may be wrong: epsilon c / 4 for curvature c.
    n_beta : float, optional
        Given where a loss confines its chains by itself.
    relaxation : float
        Elsewhere n_beta is the one that leaves the prior's own directions this many relaxation times
        2 / (epsilon gamma) in a chain: a larger one has less bias and chains that mix less.
    start : {"checkpoint", "gaussian"}
        Where chains begin; see `llc.settings.SGLDConfig`.
    as_studies : bool
        Whether the sampler is of the kind whose chains stay local in the studies: minibatches, steps by
        the stiffest directions (lanczos) and averaged noise, which leaves the step no bias.
    """

    localization: float
    step_bias: float
    n_beta: float | None = None
    relaxation: float = 1.0
    start: Start = "checkpoint"
    as_studies: bool = False


CONFINED = Rule(localization=0.1, step_bias=0.005, n_beta=1000.0)
PULLED = Rule(localization=1000.0, step_bias=0.005, n_beta=100.0)
AS_STUDIES = Rule(1.0, step_bias=0.025, n_beta=1000.0, start="gaussian", as_studies=True)
TWO_LAYERS = Rule(localization=4.0, step_bias=0.03, relaxation=0.15, start="gaussian")
DEEP = Rule(localization=4.0, step_bias=0.04, relaxation=0.05, start="gaussian")
RULES = {
    "quadratic": CONFINED,
    "scaled quadratic": CONFINED,
    "scaled, strong pull": PULLED,
    "minibatches": AS_STUDIES,
    "sum of powers": CONFINED,
    "normal crossing": TWO_LAYERS,
    "two layers": TWO_LAYERS,
    "deep": DEEP,
}
"""Sampling rule of each family, in the order in which figures show them."""

QUADRATICS = (
    Potential("quadratic, d = 10", (1,) * 10),
    Potential("quadratic, d = 50", (1,) * 50),
    Potential("quadratic, 4 of d = 20", (1,) * 4, num_unused=16),
)
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0)
SCALED = tuple(Potential(f"quadratic, scale {s:g}", (1,) * 20, scale=s) for s in SCALES)
STRONGLY_PULLED = tuple(
    Potential(f"quadratic, scale {s:g}, pull {5 / s:.2g}", (1,) * 20, scale=s) for s in SCALES
)
"""Named by gamma / (n_beta h), which is from 0.5 to 50: as n_beta and gamma of the local chains of the
regression study have it where the soft count of curvatures has its step, at h = gamma / n_beta = 10."""

REGRESSIONS = ((10, 0), (50, 0), (8, 12))
"""Inputs that are used and inputs that are 0."""

BATCH, NUM_SAMPLES, NOISE_STD = 64, 4096, 0.1
"""Of the regressions. Label noise s^2 raises the stiffest directions' variance by the share
epsilon n_beta s^2 / (4 m) with epsilon in units of the stiffest direction: here 0.4 %."""

POWERS = (
    Potential("sum of 6 quartics", (2,) * 6),
    Potential("sum of 9 sextics", (3,) * 9),
    Potential("2 quartics + 2 sextics", (2, 2, 3, 3)),
)
CROSSINGS = (
    Potential("product, w1^2 w2^4", (1, 2), product=True),
    Potential("product, w1^2 w2^2", (1, 1), product=True),
)
NETWORKS = (
    ((6, 3, 5), 0),
    ((10, 6, 10), 4),
    ((5, 4, 6), 2),
    ((7, 4, 6), 2),
    ((4, 2, 8), 1),
    ((4, 3, 9), 0),
    ((8, 2, 5), 1),
    ((3, 10, 4), 2),
    ((4, 10, 4), 3),
    ((5, 4, 4, 5), 2),
    ((4, 7, 6, 5), 0),
    ((5, 4, 4, 4, 5), 3),
)
"""Widths from input to output, and rank: the formula's four cases for two layers, then deep ones."""


@dataclass(frozen=True)
class Case:
    """One model of the suite.

    Parameters
    ----------
    family : str
        Key of `RULES`.
    known : LearningCoefficient
    make : callable
        Returns the model.
    potential : Potential, optional
        The potential behind the model, if it is a toy.
    """

    family: str
    known: LearningCoefficient
    make: Callable[[], Subject]
    potential: Potential | None = None


def suite(key: StreamKey) -> list[Case]:
    """Return all cases, family by family; the key names the samples of those that have some."""
    toys = {
        "quadratic": QUADRATICS,
        "scaled quadratic": SCALED,
        "scaled, strong pull": STRONGLY_PULLED,
        "sum of powers": POWERS,
        "normal crossing": CROSSINGS,
    }
    cases = [Case(family, toy.exact, toy.model, toy) for family in toys for toy in toys[family]]
    for shape in REGRESSIONS:
        known = exact.quadratic(shape[0])
        cases.append(Case("minibatches", known, _regression(shape, key)))
    for widths, rank in NETWORKS:
        family = "two layers" if len(widths) == 3 else "deep"
        known = exact.deep_linear_network(widths, rank)
        cases.append(Case(family, known, _network(widths, rank)))
    return sorted(cases, key=lambda case: list(RULES).index(case.family))


def _regression(shape: tuple[int, int], key: StreamKey) -> Callable[[], Subject]:
    return lambda: linear_regression(
        *shape, num_samples=NUM_SAMPLES, noise_std=NOISE_STD, key=key.child("regression", *shape)
    )


def _network(widths: Sequence[int], rank: int) -> Callable[[], Subject]:
    return lambda: population_linear_network(widths, rank)


def sampler_of(
    case: Case, model: Subject, settings: ValidationSettings, key: StreamKey
) -> SGLDConfig:
    """Return the sampler that the rule of the case's family asks for."""
    rule = RULES[case.family]
    gamma = rule.localization
    if rule.as_studies:
        num_burnin = int(BURNIN_SHARE * settings.num_toy_steps)
        return SGLDConfig(
            step_size=4 * rule.step_bias,
            n_beta=rule.n_beta,
            localization=gamma,
            num_chains=settings.num_chains,
            num_burnin=num_burnin,
            num_draws=settings.num_toy_steps - num_burnin,
            batch_size=BATCH,
            preconditioner="lanczos",
            start=rule.start,
            integrator="averaged",
        )
    if rule.n_beta is not None and case.potential is not None:
        num_steps, n_beta = settings.num_toy_steps, rule.n_beta
        top = case.potential.typical_curvature(n_beta, gamma)
    else:
        num_steps = settings.num_steps
        curvature = stiffest_curvature(model, gamma, key)
        # epsilon = 4 bias / top and epsilon gamma num_steps / 2 = relaxation, solved for top.
        top = 2 * rule.step_bias * gamma * num_steps / rule.relaxation
        n_beta = (top - gamma) / curvature
    num_burnin = int(BURNIN_SHARE * num_steps)
    return SGLDConfig(
        step_size=4 * rule.step_bias / top,
        n_beta=n_beta,
        localization=gamma,
        num_chains=settings.num_chains,
        num_burnin=num_burnin,
        num_draws=num_steps - num_burnin,
        batch_size=1,
        paired=False,
        start=rule.start,
    )


def run_case(case: Case, settings: ValidationSettings, key: StreamKey) -> dict[str, object]:
    """Estimate one case.

    Returns
    -------
    dict
        A row of the layout `exact.layout.VALIDATION`. The interval is the central 95 % one
        by Student's t over chains; ``finite`` is the exact n_beta E[L] at the n_beta and gamma used,
        and ``independent`` the learning coefficient without a sampler, both for toys only.
    """
    model = case.make()
    own = key.child(model.name)
    sampler = sampler_of(case, model, settings, own.child("curvature"))
    estimate = estimate_at(model, 0, sampler, key=own.child("sgld"))
    value, stderr = float(estimate.llc_mean), float(estimate.llc_stderr)
    n_beta = float(estimate.attrs["n_beta"])
    kept = settings.num_chains - int(estimate.num_diverged)
    margin = stderr * float(stats.t.ppf(0.975, kept - 1)) if kept > 1 else np.nan
    finite = independent = independent_stderr = np.nan
    if case.potential is not None:
        finite = case.potential.finite(n_beta, sampler.localization)
        independent, independent_stderr = _independent(case, settings, own.child("volume"))
    bias = value - case.known.value
    logger.info("%s: exact %.3f, estimate %.3f", model.name, case.known.value, value)
    return {
        "case": model.name,
        "family": case.family,
        "num_parameters": model.num_parameters,
        "scale": case.potential.scale if case.potential is not None else np.nan,
        "exact": case.known.value,
        "multiplicity": case.known.multiplicity,
        "estimate": value,
        "stderr": stderr,
        "interval_low": value - margin,
        "interval_high": value + margin,
        "z_score": bias / stderr,
        "bias": bias,
        "finite": finite,
        "independent": independent,
        "independent_stderr": independent_stderr,
        "n_beta": n_beta,
        "localization": sampler.localization,
        "step_size": sampler.step_size,
        "num_diverged": int(estimate.num_diverged),
    }


def _independent(case: Case, settings: ValidationSettings, key: StreamKey) -> tuple[float, float]:
    """Return lambda without a sampler, by counting volumes or by quadrature, and its error."""
    potential = case.potential
    assert potential is not None
    num_used = len(potential.half_powers)
    if num_used <= MOST_COUNTED:
        return volume_exponent(
            potential.loss,
            num_used,
            case.known.multiplicity,
            num_points=settings.num_volume_points,
            share=VOLUME_SHARE,
            key=key,
        )
    low, high = (potential.finite(n_beta, 1.0) for n_beta in VAST)
    return high, abs(high - low)


def validate(settings: ValidationSettings, key: StreamKey) -> pd.DataFrame:
    """Run the whole suite; layout `exact.layout.VALIDATION`, one row a case."""
    return pd.DataFrame([run_case(case, settings, key) for case in suite(key)])
