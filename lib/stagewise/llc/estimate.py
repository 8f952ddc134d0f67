"""The local learning coefficient of a checkpoint, with what is needed to judge it.

    llc = n_beta ( E[ L_n(w) ] - L_n(w*) )

with the expectation over the localised posterior that `llc.sgld` samples (Lau et al. 2023; Hoogland et
al. 2024, section 3.1 and App. A). The difference is averaged over pairs of losses on the same minibatch,
which removes the noise of the batch from the estimate and leaves its expectation unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.kernels import differentiable_kernels
from stagewise.core.precision import multiplied_in
from stagewise.core.programs import runs_in_blocks
from stagewise.core.replicas import Batch, LossFunction
from stagewise.core.seeding import StreamKey, as_key
from stagewise.llc.diagnostics import chain_diagnostics, judge
from stagewise.llc.estimate_layout import ESTIMATE
from stagewise.llc.inputs import checked_inputs
from stagewise.llc.minibatches import BatchSource
from stagewise.llc.posterior import Posterior, watanabe_n_beta
from stagewise.llc.preconditioning import Curvature
from stagewise.llc.restriction import restricted
from stagewise.llc.sampling import Trace
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.settling import growth, ran_away
from stagewise.llc.sgld import Langevin, sample_chains
from stagewise.llc.sgld_program import sample_programs


def estimate_llc(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    batches: BatchSource,
    config: SGLDConfig,
    *,
    key: int | StreamKey,
    chains_at_a_time: int | None = None,
    only: Collection[str] | Mapping[str, Tensor] | None = None,
    curvatures: dict[str, Curvature] | None = None,
) -> xr.Dataset:
    """Estimate the LLC of a network at given parameters.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar Tensor``, the mean loss over the batch's samples.
    params : dict of str to Tensor
        w*, floating point.
    batches : tuple of Tensor or callable
        The n samples along a leading axis, or ``batches(stream_key) -> batch``.
    config : SGLDConfig
    key : int or StreamKey
        Names the batches and the noise; the same key gives the same ones at every checkpoint.
    chains_at_a_time : int, optional
        Chains that run side by side; fewer take less memory. No effect on results beyond rounding.
    only : collection of str, or mapping of str to Tensor of bool, optional
        Parameters that are sampled, by name or by masks of their shape; the others are held at w*.
        Their LLC is the weight-refined one.
    curvatures : dict of str to Curvature, optional
        For several estimates of one network at the same parameters, batches, `key` and `only`: give each
        the same dict, empty at first, and what a preconditioner measures at w* is measured once.

    Returns
    -------
    xarray.Dataset
        ``loss(chain, draw)``, ``baseline_loss(chain, draw)`` (the same minibatch at w*, or L_n(w*)
        where draws are not paired), ``burnin_loss(chain, burnin)``, ``displacement(chain, draw)``
        (|w - w*| / |w*|), ``init_loss`` (L_n(w*)), ``llc(chain)``, ``llc_mean``, ``llc_stderr`` (over
        chains), ``rhat``, ``ess``, ``drift(chain)``, ``spread(chain)``
        (growth of |w - w*|^2), ``displacement_rhat``, ``diverged(chain)``, ``num_diverged``. Diverged
        chains are left out of mean, standard error and diagnostics; when more than half diverged,
        these are NaN and ``attrs["failure"]`` says so. Negative estimates are reported as they are.
        ``attrs["verdict"]`` and ``attrs["reason"]`` say whether to trust the estimate; see
        `llc.diagnostics.judge`; ``attrs["notes"]``, where there is any, what else to know of it. All
        settings are attributes. Whatever the types of parameters, chains run in float32 or better.

    Raises
    ------
    ValueError
        If the inputs cannot be sampled: names what is wrong, before any sampling.
    """
    case = Case(loss_fn, params, as_key(key), only, curvatures)
    (found,) = estimate_together([case], batches, config, chains_at_a_time)
    return found


@dataclasses.dataclass(frozen=True)
class Case:
    """One of several estimates under the same settings; fields are as for `estimate_llc`."""

    loss_fn: LossFunction
    params: Mapping[str, Tensor]
    key: StreamKey
    only: Collection[str] | Mapping[str, Tensor] | None = None
    curvatures: dict[str, Curvature] | None = None


def estimate_together(
    cases: Sequence[Case],
    batches: BatchSource,
    config: SGLDConfig,
    chains_at_a_time: int | None = None,
) -> list[xr.Dataset]:
    """Estimate the LLC at several parameters of one network; on a GPU their chains run side by side.

    Parameters
    ----------
    cases : sequence of Case
        Several are of one loss. An estimate does not depend on the others, but on a GPU for rounding
        where their number is another.
    batches, config, chains_at_a_time
        As for `estimate_llc`.
    """
    n_beta = config.n_beta
    if n_beta is None:
        if callable(batches):
            raise ValueError("n_beta=None is n / log(n): give the n samples, not a callable")
        n_beta = watanabe_n_beta(len(batches[0]))
    chains = chains_at_a_time or config.num_chains
    # As many samples at a time as the chains take, so that this needs no more memory than they do.
    together = chains * config.batch_size
    device = next((v.device for v in cases[0].params.values()), torch.device("cpu"))
    with (
        differentiable_kernels(fused=chains == 1 and not config.uses_curvature),
        multiplied_in(config.precision, device),
    ):
        ready = [_ready(case, batches, config, n_beta, together) for case in cases]
        if runs_in_blocks(device) and all(map(_in_blocks, ready)):
            kernels = [
                Langevin.prepared(
                    one.posterior, one.data, config, case.key, together, case.curvatures
                )
                for case, one in zip(cases, ready, strict=True)
            ]
            traces = sample_programs(kernels, ready[0].samples, chains_at_a_time)
        else:
            traces = [
                sample_chains(
                    *(one.posterior, one.data, config, case.key, chains_at_a_time, case.curvatures)
                )
                for case, one in zip(cases, ready, strict=True)
            ]
    return [
        summarise(
            *(trace, one.posterior, one.init_loss),
            {**dataclasses.asdict(config), "n_beta": n_beta, **one.notes},
        )
        for trace, one in zip(traces, ready, strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class _Ready:
    """A case whose inputs are checked."""

    posterior: Posterior
    data: BatchSource
    init_loss: float | None
    notes: Mapping[str, str]

    @property
    def samples(self) -> Batch:
        if callable(self.data):
            raise TypeError("batches are generated: there are no samples")
        return self.data


def _in_blocks(ready: _Ready) -> bool:
    """Return whether the chains can be a program: from samples, with a gradient that can be captured."""
    return not callable(ready.data) and not hasattr(ready.posterior.loss_fn, "loss_and_gradient")


def _ready(
    case: Case, batches: BatchSource, config: SGLDConfig, n_beta: float, together: int
) -> _Ready:
    loss_fn, params = case.loss_fn, case.params
    if case.only is not None:
        loss_fn, params = restricted(loss_fn, params, case.only)
    inputs = checked_inputs(
        *(loss_fn, params, batches, case.key),
        paired=config.paired,
        curvature=config.uses_curvature,
        n_beta=n_beta,
    )
    posterior = dataclasses.replace(
        Posterior.around(inputs.params, inputs.loss_fn, n_beta, config.localization),
        serial=inputs.serial,
    )
    data = inputs.batches
    init_loss = None if callable(data) else full_loss(loss_fn, inputs.params, data, together)
    notes = {"notes": "; ".join(inputs.notes)} if inputs.notes else {}
    return _Ready(posterior, data, init_loss, notes)


@torch.no_grad()
def full_loss(
    loss_fn: LossFunction, params: Mapping[str, Tensor], data: Batch, chunk: int = 1024
) -> float:
    """Return L_n, the mean loss over all samples, accumulated in double precision."""
    total, count = 0.0, len(data[0])
    for start in range(0, count, chunk):
        batch = tuple(part[start : start + chunk] for part in data)
        total += loss_fn(dict(params), batch).double().item() * len(batch[0])
    return total / count


def summarise(
    trace: Trace, posterior: Posterior, init_loss: float | None, attributes: Mapping[str, Any]
) -> xr.Dataset:
    """Turn traces into the estimate and its diagnostics; see `estimate_llc`."""
    n_beta, centre_norm = posterior.n_beta, posterior.centre.norm().item()
    burnin, loss = trace.burnin_loss.double().numpy(), trace.loss.double().numpy()
    if trace.baseline is None:
        baseline = np.full_like(loss, np.nan if init_loss is None else init_loss)
    else:
        baseline = trace.baseline.double().numpy()
    with np.errstate(invalid="ignore"):
        excess = loss - baseline
    reference = float(np.mean(baseline)) if init_loss is None else init_loss
    displacement = trace.displacement.double().numpy()
    diverged = ran_away(
        n_beta * excess, displacement, posterior.num_parameters, posterior.localization
    )
    kept = ~diverged
    failure = ""
    if kept.sum() * 2 < len(kept):
        failure = f"{diverged.sum()} of {len(diverged)} chains diverged: lower step_size"
        kept = np.zeros_like(kept)
    with np.errstate(invalid="ignore", over="ignore"):  # diverged chains hold inf and NaN
        llc = n_beta * excess.mean(axis=1)
        drift = n_beta * growth(excess)
        squares = displacement**2
        spread = growth(squares) / squares.mean(axis=1)
        relative = displacement / (centre_norm or np.nan)
    mean = llc[kept].mean() if kept.any() else np.nan
    stderr = llc[kept].std(ddof=1) / np.sqrt(kept.sum()) if kept.sum() > 1 else np.nan
    rhat, ess = chain_diagnostics(excess[kept])
    displacement_rhat, _ = chain_diagnostics(displacement[kept])

    result = ESTIMATE.dataset(
        {
            "loss": loss,
            "baseline_loss": baseline,
            "burnin_loss": burnin,
            "displacement": relative,
            "init_loss": reference,
            "llc": llc,
            "llc_mean": mean,
            "llc_stderr": stderr,
            "rhat": rhat,
            "ess": ess,
            "drift": drift,
            "spread": spread,
            "displacement_rhat": displacement_rhat,
            "diverged": diverged,
            "num_diverged": int(diverged.sum()),
        },
        {"chain": np.arange(len(loss)), "draw": np.arange(loss.shape[1])},
        {**{name: _plain(value) for name, value in attributes.items()}, "failure": failure},
    )
    return result.assign_attrs(judge(result)._asdict())


def _plain(value: Any) -> Any:
    """Return a setting as NetCDF can hold it: it has no truth values, and no None."""
    return int(value) if isinstance(value, bool) else "none" if value is None else value
