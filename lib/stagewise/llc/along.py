"""The LLC of a subject along its training: estimates of some steps, joined and judged.

Every step is estimated on its own, by the key's streams alone, so results do not depend on how steps
are divided among jobs, nor on their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.core.programs import runs_in_blocks
from stagewise.core.progress import Heartbeat
from stagewise.core.schedules import shards
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.diagnostics import judge_all, locality
from stagewise.llc.estimate import Case, estimate_llc, estimate_together, full_loss
from stagewise.llc.kept import EstimateFiles
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.seals import StoreError

OF_ONE_STEP = ("verdict", "reason", "failure", "notes")
"""Attributes of an estimate that say nothing of several; the verdicts of all are variables."""


def sgld_key(subject: Subject, step: int, noise: str) -> StreamKey:
    """Return the key of a step's batches and noise.

    "shared" gives every step of the subject the same ones (Hoogland et al. 2024, App. E.3.2), "fresh"
    gives each its own.
    """
    key = subject.key.child("sgld")
    return key.child(step) if noise == "fresh" else key


def estimate_at(
    subject: Subject,
    step: int,
    config: SGLDConfig,
    *,
    key: StreamKey,
    **how: Any,
) -> xr.Dataset:
    """Estimate the LLC of a subject at one of its steps; `how` is as for `llc.estimate.estimate_llc`."""
    return estimate_llc(
        subject.loss_at(step),
        subject.params_at(step),
        subject.samples,
        config,
        key=key,
        **how,
    )


def llc_shard(
    subject: Subject,
    steps: Sequence[int],
    config: SGLDConfig,
    *,
    noise: str = "shared",
    chains_at_a_time: int | None = None,
    checkpoints_at_a_time: int = 1,
    kept: EstimateFiles | None = None,
) -> xr.Dataset:
    """Estimate the LLC of a subject at some of its steps.

    Parameters
    ----------
    subject : Subject
    steps : sequence of int
        Among the subject's steps, in any order.
    config : SGLDConfig
    noise : {"shared", "fresh"}
        See `sgld_key`.
    chains_at_a_time : int, optional
        See `llc.estimate.estimate_llc`.
    checkpoints_at_a_time : int
        Checkpoints whose chains run side by side on a GPU, which takes their memory together; a last
        group is filled up with its last one. No effect on results beyond rounding.
    kept : llc.kept.EstimateFiles, optional
        Estimates that are there already are taken, others left, as they come.

    Returns
    -------
    xarray.Dataset
        Layout `llc.layout.LLC_SHARD`: the estimates along ``step``, in the order given. Attributes hold
        the sampler's settings, ``run`` (the subject's name), ``noise``, ``num_samples`` and, where they
        are known, ``constant_loss`` and ``untrained_loss``.
    """
    loaded = {step: kept.load(step) for step in steps} if kept else {}
    found = {step: one for step, one in loaded.items() if one is not None}
    missing = [step for step in steps if step not in found]
    heartbeat = Heartbeat("checkpoint", len(steps), start=len(found), interval=0)
    programs = runs_in_blocks(subject.samples[0].device) and subject.buffers_at is None
    together = checkpoints_at_a_time if programs else 1
    for group in shards(np.array(missing), together):
        filled = group + group[-1:] * (together - len(group))  # another size would round otherwise
        cases = [
            Case(subject.loss_at(step), subject.params_at(step), sgld_key(subject, step, noise))
            for step in filled
        ]
        results = estimate_together(cases, subject.samples, config, chains_at_a_time)
        for step, one in zip(group, results, strict=False):
            found[step] = kept.save(step, one) if kept else one
            note = f"step {step}: LLC {one.llc_mean:.2f} +- {one.llc_stderr:.2f}"
            heartbeat.beat(len(found), note)
    estimates = [found[step].expand_dims(step=[step]) for step in steps]
    known = {name: getattr(subject, name) for name in ("constant_loss", "untrained_loss")}
    return joined(estimates).assign_attrs(
        run=subject.name,
        noise=noise,
        num_samples=subject.num_samples,
        **{name: value for name, value in known.items() if value is not None},
    )


def llc_along(
    subject: Subject, steps: Sequence[int], config: SGLDConfig, **sampling: Any
) -> xr.Dataset:
    """Estimate the LLC of a subject at some of its steps, and judge every estimate.

    Parameters
    ----------
    subject, steps, config, **sampling
        As for `llc_shard`.

    Returns
    -------
    xarray.Dataset
        Layout `llc.layout.LLC`, in the order of time: the estimates along ``step``, each with its
        ``verdict`` and ``reason``.
    """
    return gathered([llc_shard(subject, steps, config, **sampling)], steps)


def joined(estimates: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join estimates along ``step`` in the order given; attributes that they do not share go."""
    result = xr.concat(estimates, "step", combine_attrs="drop_conflicts")
    result.attrs = {name: v for name, v in result.attrs.items() if name not in OF_ONE_STEP}
    return result


def gathered(shards: Sequence[xr.Dataset], steps: Sequence[int]) -> xr.Dataset:
    """Join what `llc_shard` made of the steps of one subject in the order of time, and judge it.

    Parameters
    ----------
    shards : sequence of Dataset
        Layout `llc.layout.LLC_SHARD`.
    steps : sequence of int
        All of them, in any order.

    Returns
    -------
    xarray.Dataset
        Layout `llc.layout.LLC`: the estimates with what `llc.diagnostics.locality` and `judge_all` say.

    Raises
    ------
    StoreError
        If the shards hold other steps.
    """
    whole = joined(shards).sortby("step")
    if (found := whole["step"].values.tolist()) != sorted(steps):
        odd = min(set(found) ^ set(steps), default="two of one step")
        raise StoreError(f"the LLC shards do not hold the steps asked for ({odd}): delete them")
    untrained_loss = whole.attrs.get("untrained_loss", float(whole.init_loss[0]))
    constant_loss = whole.attrs.get("constant_loss", np.nan)
    judged = whole.merge(locality(whole, untrained_loss, constant_loss))
    return judged.merge(judge_all(whole, untrained_loss)).assign_attrs(whole.attrs)


def untrained_loss_of(subject: Subject) -> float:
    """Return the loss before training: as the subject states it, or else that at its first step."""
    if subject.untrained_loss is not None:
        return subject.untrained_loss
    first = subject.steps[0]
    return full_loss(subject.loss_at(first), subject.params_at(first), subject.samples)


def audited(
    stored: xr.Dataset, subject: Subject, steps: Sequence[int], config: SGLDConfig, **sampling: Any
) -> pd.DataFrame:
    """Estimate some steps again and compare every draw with the stored one.

    Parameters
    ----------
    stored : xarray.Dataset
        Layout `llc.layout.LLC`.
    subject, steps, config, **sampling
        As for `llc_shard`.

    Returns
    -------
    DataFrame
        Layout `llc.layout.AUDIT`, in the order of `steps`.
    """
    again = llc_shard(subject, steps, config, **sampling)
    rows = []
    for step in steps:
        one, other = again["loss"].sel(step=step), stored["loss"].sel(step=step)
        same = bool(np.array_equal(one, other, equal_nan=True))
        difference = float(np.abs(one.values - other.values).max())
        rows.append({"step": step, "identical": same, "largest_difference": difference})
    return pd.DataFrame(rows)
