"""The LLC over the scale s = gamma / n_beta, beside what a quadratic loss of its curvature would show.

In a quadratic loss the estimate is the soft count of curvatures, 1/2 tr H (H + s)^-1, and where w* is no
minimum also

    -n_beta g' (H / 2 + s) (H + s)^-2 g,

for the chains' mean moves down the gradient g to w* - (H + s)^-1 g. What the LLC shows beyond both is
what is not quadratic, and the noise of minibatches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey
from stagewise.core.spectrum import (
    Quadrature,
    Spectrum,
    lanczos_quadrature,
    probed_spectrum,
    soft_count,
    too_low,
)
from stagewise.core.subject import Subject
from stagewise.llc.along import untrained_loss_of
from stagewise.llc.diagnostics import judge, locality
from stagewise.llc.estimate import full_loss, summarise
from stagewise.llc.hessian_along import trace_and_eigenvalues
from stagewise.llc.minibatches import baselines
from stagewise.llc.posterior import Posterior
from stagewise.llc.preconditioning import Preconditioner
from stagewise.llc.sampling import run
from stagewise.llc.scale_layout import LLC_SCALE
from stagewise.llc.scale_settings import CurvatureSizes
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import Langevin, spread_around

NUM_EIGENVALUES = 3
"""Eigenvalues that stores keep, as many as the published figure shows."""

POINTS_PER_DOUBLING = 2
"""Of the curve of soft counts."""


def cells_of(base: SGLDConfig, factors: Sequence[float]) -> list[SGLDConfig]:
    """Return the base setting, then its scale divided by each factor by way of n beta and of gamma.

    Raises
    ------
    ValueError
        If the base leaves n beta open.
    """
    if base.n_beta is None:
        raise ValueError("n_beta must be a number where the LLC is measured over gamma / n_beta")
    return [
        base,
        *(dataclasses.replace(base, n_beta=base.n_beta * factor) for factor in factors),
        *(dataclasses.replace(base, localization=base.localization / factor) for factor in factors),
    ]


@dataclasses.dataclass(frozen=True)
class LocalQuadratic:
    """The loss around a checkpoint to second order.

    Parameters
    ----------
    spectrum : Spectrum
        Of the Hessian on some of the samples.
    along_gradient : Quadrature
        Of the gradient over all samples.
    """

    spectrum: Spectrum
    along_gradient: Quadrature

    def gradient_part(self, n_beta: float, scale: float) -> float:
        """Return what the gradient adds to the soft count."""

        def function(curvature: np.ndarray) -> np.ndarray:
            held = np.maximum(curvature, -scale / 2)
            return -n_beta * (held / 2 + scale) / (held + scale) ** 2

        return float(self.along_gradient.forms(function)[0])


def quadratic_at(
    subject: Subject, step: int, sizes: CurvatureSizes, key: StreamKey
) -> LocalQuadratic:
    """Measure gradient and curvature of a subject at one of its steps."""
    posterior = Posterior.around(subject.params_at(step), subject.loss_at(step), 1.0, 0.0)
    batch = tuple(part[: sizes.num_contexts] for part in subject.samples)
    product = posterior.hessian_product(batch)
    counts = {name: getattr(sizes, name) for name in ("num_directions", "num_probes")}
    spectrum = probed_spectrum(
        product, posterior.centre, **counts, num_steps=sizes.num_nodes, key=key
    )
    gradient = full_gradient(posterior, subject.samples)
    return LocalQuadratic(spectrum, lanczos_quadrature(product, gradient[None], sizes.num_nodes))


def full_gradient(posterior: Posterior, data: Batch, chunk: int = 512) -> Tensor:
    """Return the gradient of L_n at w*, shape (num_parameters,)."""
    total, count = torch.zeros_like(posterior.centre), len(data[0])
    for start in range(0, count, chunk):
        part = tuple(some[None, start : start + chunk] for some in data)
        total += (
            posterior.losses_and_gradients(posterior.centre[None], part)[1][0] * part[0].shape[1]
        )
    return total / count


def llc_over_scale(
    subject: Subject,
    steps: Sequence[int],
    base: SGLDConfig,
    factors: Sequence[float],
    sizes: CurvatureSizes,
) -> xr.Dataset:
    """Estimate the LLC of a subject at several steps and scales, beside the soft count.

    Parameters
    ----------
    subject : Subject
    steps : sequence of int
        In the order of time.
    base : SGLDConfig
        Its n beta and gamma are the first cell's.
    factors : sequence of float
        See `cells_of`.
    sizes : CurvatureSizes

    Returns
    -------
    xarray.Dataset
        Layout `llc.scale_layout.LLC_SCALE`. All cells and steps meet the same batches and noise. Chains
        are preconditioned by the directions of the spectrum that was measured for the count, and begin
        spread as it says.
    """
    cells, untrained_loss = cells_of(base, factors), untrained_loss_of(subject)
    heartbeat = Heartbeat("checkpoint", len(steps), interval=0)
    scales = np.array([_scale(cell) for cell in cells])
    grid = _grid(scales)
    found = []
    for count, step in enumerate(steps, start=1):
        quadratic = quadratic_at(subject, step, sizes, subject.key.child("scale", "curvature"))
        estimates = _estimates(subject, step, cells, quadratic.spectrum, untrained_loss)
        curve = [quadratic.spectrum.trace(soft_count(scale)) for scale in grid]
        values = {
            **{name: [one[name] for one in estimates] for name in estimates[0]},
            **{name: np.array(column) for name, column in _counts(quadratic, cells).items()},
            **dict(zip(("curve", "curve_stderr"), np.array(curve).T, strict=True)),
            **trace_and_eigenvalues(quadratic.spectrum, NUM_EIGENVALUES),
            "init_loss": full_loss(subject.loss_at(step), subject.params_at(step), subject.samples),
        }
        found.append(values)
        heartbeat.beat(count, f"step {step}: soft count {values['soft_count'][0]:.2f}")
    columns = {name: np.stack([np.asarray(one[name]) for one in found]) for name in found[0]}
    columns |= {name: columns[name].astype(object) for name in ("verdict", "reason")}
    return LLC_SCALE.dataset(
        {
            **columns,
            "n_beta": [cell.n_beta for cell in cells],
            "localization": [cell.localization for cell in cells],
        },
        {
            "step": list(steps),
            "scale": grid,
            "rank": np.arange(1, columns["eigenvalue"].shape[1] + 1),
        },
        {
            **dataclasses.asdict(base),
            **dataclasses.asdict(sizes),
            "run": subject.name,
            "num_samples": subject.num_samples,
            "untrained_loss": untrained_loss,
        },
    )


def _scale(cell: SGLDConfig) -> float:
    assert cell.n_beta is not None
    return cell.localization / cell.n_beta


def _grid(scales: np.ndarray) -> np.ndarray:
    """Return scales for a curve that goes a factor of two beyond those of the cells."""
    low, high = scales.min() / 2, scales.max() * 2
    return np.geomspace(low, high, round(POINTS_PER_DOUBLING * np.log2(high / low)) + 1)


def _counts(quadratic: LocalQuadratic, cells: Sequence[SGLDConfig]) -> dict[str, list[float]]:
    counts = [quadratic.spectrum.trace(soft_count(_scale(cell))) for cell in cells]
    return {
        "soft_count": [count.mean for count in counts],
        "soft_count_stderr": [count.stderr for count in counts],
        "too_low": [quadratic.spectrum.trace(too_low(_scale(cell))).mean for cell in cells],
        "gradient_part": [
            quadratic.gradient_part(float(cell.n_beta or np.nan), _scale(cell)) for cell in cells
        ],
    }


def _estimates(
    subject: Subject,
    step: int,
    cells: Sequence[SGLDConfig],
    spectrum: Spectrum,
    untrained_loss: float,
) -> list[dict[str, object]]:
    """Estimate the LLC in every cell; what does not depend on the cell is made once."""
    params, key = subject.params_at(step), subject.key.child("sgld")
    base = cells[0]
    around = Posterior.around(params, subject.loss_at(step), 1.0, 0.0)
    init_loss = full_loss(subject.loss_at(step), params, subject.samples)
    together = base.num_chains * base.batch_size
    seen = together * base.num_draws
    baseline = baselines(around, subject.samples, seen, together)
    lengths = {name: getattr(base, name) for name in ("num_burnin", "num_draws", "steps_per_draw")}
    found: list[dict[str, object]] = []
    for cell in cells:
        posterior = dataclasses.replace(
            around, n_beta=float(cell.n_beta or np.nan), localization=cell.localization
        )
        covariance = _covariance(spectrum, posterior)
        kernel = Langevin(
            posterior,
            subject.samples,
            cell,
            key,
            posterior.centre + spread_around(posterior.centre, covariance, cell, key),
            _unit_rate(covariance, spectrum, posterior),
        )
        trace, _ = run(kernel, range(cell.num_chains), **lengths, baseline=baseline)
        estimate = summarise(trace, posterior, init_loss, dataclasses.asdict(cell))
        verdict, reason = judge(estimate, untrained_loss)
        where = locality(estimate, untrained_loss, np.nan)
        names = ("llc_mean", "llc_stderr", "rhat", "ess", "num_diverged")
        found.append(
            {
                **{name: float(estimate[name]) for name in names},
                "displacement": float(where["mean_displacement"]),
                "verdict": verdict,
                "reason": reason,
            }
        )
    return found


def _covariance(spectrum: Spectrum, posterior: Posterior) -> Preconditioner:
    """Return (n_beta H + gamma)^-1 along the known directions, and with the mean curvature elsewhere."""
    centre, values = posterior.centre, spectrum.values
    known = float(values.sum())
    spare = max(len(centre) - len(values), 1)
    rest = torch.tensor((spectrum.trace(np.asarray).mean - known) / spare).to(centre)
    variance = posterior.variance(rest).expand(len(centre)).clone()
    return Preconditioner(variance, spectrum.directions, posterior.variance(values))


def _unit_rate(
    covariance: Preconditioner, spectrum: Spectrum, posterior: Posterior
) -> Preconditioner:
    """Scale P so that no rate exceeds 1, as far as the known curvatures bound the others."""
    least = spectrum.values[-1].clamp(min=0)
    stiffest = (posterior.n_beta * least + posterior.localization) * covariance.variance[0]
    return covariance.scaled(1 / max(float(stiffest), 1.0))
