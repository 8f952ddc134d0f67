"""Trace and largest eigenvalues of the loss's Hessian along training (Hoogland et al. 2024, D.1.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.spectrum import Spectrum, probed_spectrum
from stagewise.core.subject import Subject
from stagewise.llc.posterior import Posterior
from stagewise.llc.scale_layout import EIGENVALUES, HESSIAN
from stagewise.llc.scale_settings import HessianSizes


def hessian_along(subject: Subject, steps: Sequence[int], sizes: HessianSizes) -> xr.Dataset:
    """Measure trace and largest eigenvalues of the Hessian along training.

    Parameters
    ----------
    subject : Subject
    steps : sequence of int
        In the order of time.
    sizes : HessianSizes

    Returns
    -------
    xarray.Dataset
        Layout `llc.scale_layout.HESSIAN`. Every step meets the same samples and the same probes. The
        trace is the mean of z' H z over probes z of random signs (Hutchinson), after the largest
        eigenvalues have been taken out of it, which dominate its spread, and added one by one.
    """
    batch = tuple(part[: sizes.num_contexts] for part in subject.samples)
    counts = {name: getattr(sizes, name) for name in ("num_directions", "num_probes")}
    heartbeat = Heartbeat("checkpoint", len(steps))
    found = []
    for count, step in enumerate(steps, start=1):
        posterior = Posterior.around(subject.params_at(step), subject.loss_at(step), 1.0, 0.0)
        product, key = posterior.hessian_product(batch), subject.key.child("hessian")
        # One Lanczos step from z gives z' H z itself.
        spectrum = probed_spectrum(product, posterior.centre, **counts, num_steps=1, key=key)
        found.append(trace_and_eigenvalues(spectrum, sizes.num_directions))
        heartbeat.beat(count)
    columns = {name: np.stack([np.asarray(one[name]) for one in found]) for name in EIGENVALUES}
    return HESSIAN.dataset(
        columns,
        {"step": list(steps), "rank": np.arange(1, columns["eigenvalue"].shape[1] + 1)},
        {**dataclasses.asdict(sizes), "run": subject.name},
    )


def trace_and_eigenvalues(spectrum: Spectrum, count: int) -> dict[str, float | np.ndarray]:
    """Return the values of layout `llc.scale_layout.EIGENVALUES`, with so many eigenvalues."""
    trace = spectrum.trace(np.asarray)
    values = spectrum.values[:count].numpy(force=True).astype(float)
    return {"trace": trace.mean, "trace_stderr": trace.stderr, "eigenvalue": values}
