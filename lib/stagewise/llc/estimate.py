"""The local learning coefficient of a checkpoint, with what is needed to judge it.

    llc = n_beta ( E[ L_n(w) ] - L_n(w*) )

with the expectation over the localised posterior that `llc.sgld` samples (Lau et al. 2023; Hoogland et
al. 2024, section 3.1 and App. A). The difference is averaged over pairs of losses on the same minibatch,
which removes the noise of the batch from the estimate and leaves its expectation unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, stacked_losses
from stagewise.core.seeding import StreamKey, as_key
from stagewise.llc.diagnostics import chain_diagnostics, judge
from stagewise.llc.estimate_layout import ESTIMATE
from stagewise.llc.minibatches import BatchSource
from stagewise.llc.posterior import Posterior, watanabe_n_beta
from stagewise.llc.sampling import Trace
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import sample_chains

DIVERGENCE_FACTOR = 10.0
"""A chain has diverged when its loss exceeds that at w* by this multiple of d / (2 n_beta), which a
regular model that used all its d parameters would show."""


def estimate_llc(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    batches: BatchSource,
    config: SGLDConfig,
    *,
    key: int | StreamKey,
    chains_at_a_time: int | None = None,
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

    Returns
    -------
    xarray.Dataset
        ``loss(chain, draw)``, ``baseline_loss(chain, draw)`` (the same minibatch at w*, or L_n(w*)
        where draws are not paired), ``burnin_loss(chain, burnin)``, ``displacement(chain, draw)``
        (|w - w*| / |w*|), ``init_loss`` (L_n(w*)), ``llc(chain)``, ``llc_mean``, ``llc_stderr`` (over
        chains), ``rhat``, ``ess``, ``drift(chain)``, ``diverged(chain)``, ``num_diverged``. Diverged
        chains are left out of mean, standard error and diagnostics; when more than half diverged,
        these are NaN and ``attrs["failure"]`` says so. Negative estimates are reported as they are.
        ``attrs["verdict"]`` and ``attrs["reason"]`` say whether to trust the estimate; see
        `llc.diagnostics.judge`. All settings are attributes.

    Raises
    ------
    ValueError
        If the inputs cannot be sampled: names what is wrong, before any sampling.
    """
    check_inputs(loss_fn, params, batches, as_key(key), config.paired)
    n_beta = config.n_beta
    if n_beta is None:
        if callable(batches):
            raise ValueError("n_beta=None is n / log(n): give the n samples, not a callable")
        n_beta = watanabe_n_beta(len(batches[0]))
    posterior = Posterior.around(params, loss_fn, n_beta, config.localization)
    # As many samples at a time as the chains take, so that this needs no more memory than they do.
    together = (chains_at_a_time or config.num_chains) * config.batch_size
    init_loss = None if callable(batches) else full_loss(loss_fn, params, batches, together)
    trace = sample_chains(posterior, batches, config, as_key(key), chains_at_a_time)
    settings = {**dataclasses.asdict(config), "n_beta": n_beta}
    return summarise(trace, posterior, init_loss, settings)


def check_inputs(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    batches: BatchSource,
    key: StreamKey,
    paired: bool,
) -> None:
    """Raise ValueError with one clear sentence if the estimate could not be made."""
    if not params:
        raise ValueError("params is empty: there is nothing to sample")
    for name, value in params.items():
        if not value.is_floating_point():
            raise ValueError(
                f"parameter {name!r} is {value.dtype}: leave integer tensors out of params"
            )
        if not torch.isfinite(value).all():
            raise ValueError(
                f"parameter {name!r} holds NaN or infinity at w*: check the checkpoint"
            )
    if len(dtypes := {value.dtype for value in params.values()}) > 1:
        raise ValueError(f"parameters have several types, {_listed(dtypes)}: convert them to one")
    if callable(batches):
        if not paired:
            raise ValueError("paired=False compares with L_n(w*): give the samples, not a callable")
        trial = batches(key.child("check"))
    else:
        lengths = {len(part) for part in batches}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                f"batches need one common, positive number of samples, not {sorted(lengths)}"
            )
        trial = tuple(part[:2] for part in batches)
    devices = {str(tensor.device) for tensor in (*params.values(), *trial)}
    if len(devices) > 1:
        raise ValueError(
            f"parameters and batches are on several devices, {_listed(devices)}: move them to one"
        )
    _check_loss(loss_fn, params, trial)


def _check_loss(loss_fn: LossFunction, params: Mapping[str, Tensor], trial: Batch) -> None:
    """Evaluate the loss once as it is and once stacked, as chains will."""
    shapes = [tuple(part.shape) for part in trial]
    leaves = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    try:
        loss = loss_fn(leaves, trial)
    except (RuntimeError, IndexError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"loss_fn fails on a batch of shapes {shapes} ({_first_line(error)}): "
            "make parameters and batches fit"
        ) from error
    if loss.ndim:
        raise ValueError(f"loss_fn must return a scalar, not shape {tuple(loss.shape)}")
    if not torch.isfinite(loss):
        raise ValueError(f"the loss at w* is {loss.item()}: the checkpoint cannot be sampled")
    if not loss.requires_grad:
        raise ValueError("the loss does not depend on params: there is no gradient to follow")
    layout = ParameterLayout.of(params)
    centre = layout.flatten({name: value.detach() for name, value in params.items()})
    stacked = tuple(torch.stack([part, part]) for part in trial)
    try:
        stacked_losses(loss_fn, layout, torch.stack([centre, centre]), stacked)
    except RuntimeError as error:
        raise ValueError(
            f"loss_fn cannot be stacked over chains by torch.func.vmap ({_first_line(error)}): "
            "use tensor operations alone"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _listed(items: Collection[object]) -> str:
    return " and ".join(sorted(map(str, items)))


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
    limit = DIVERGENCE_FACTOR * posterior.num_parameters / (2 * n_beta)
    diverged = ~np.all(np.isfinite(excess) & (excess < limit), axis=1)
    kept = ~diverged
    failure = ""
    if kept.sum() * 2 < len(kept):
        failure = f"{diverged.sum()} of {len(diverged)} chains diverged: lower step_size"
        kept = np.zeros_like(kept)
    with np.errstate(invalid="ignore", over="ignore"):  # diverged chains hold inf and NaN
        llc = n_beta * excess.mean(axis=1)
        early, late = np.array_split(excess, 2, axis=1)
        drift = n_beta * (late.mean(axis=1) - early.mean(axis=1))
        relative = trace.displacement.double().numpy() / (centre_norm or np.nan)
    mean = llc[kept].mean() if kept.any() else np.nan
    stderr = llc[kept].std(ddof=1) / np.sqrt(kept.sum()) if kept.sum() > 1 else np.nan
    rhat, ess = chain_diagnostics(excess[kept])

    result = ESTIMATE.dataset(
        {
            "loss": loss.astype("f4"),
            "baseline_loss": baseline.astype("f4"),
            "burnin_loss": burnin.astype("f4"),
            "displacement": relative.astype("f4"),
            "init_loss": reference,
            "llc": llc,
            "llc_mean": mean,
            "llc_stderr": stderr,
            "rhat": rhat,
            "ess": ess,
            "drift": drift,
            "diverged": diverged,
            "num_diverged": int(diverged.sum()),
        },
        {"chain": np.arange(len(loss)), "draw": np.arange(loss.shape[1])},
        {**attributes, "failure": failure},
    )
    return result.assign_attrs(judge(result)._asdict())
