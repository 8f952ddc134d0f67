"""The LLC of the loss at each position of the context (Hoogland et al. 2024, App. D.1, Fig. 24).

Chains sample the posterior of the mean loss, as for the LLC itself, and

    llc_k = n_beta ( E[ L_k(w) ] - L_k(w*) )

is taken of the loss at position k along them, with the same minibatch at w* as the pair of each draw.
The mean over k is the LLC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import Batch, Params
from stagewise.core.subject import Subject
from stagewise.llc.along import sgld_key, untrained_loss_of
from stagewise.llc.diagnostics import judge
from stagewise.llc.estimate import full_loss, summarise
from stagewise.llc.minibatches import baselines
from stagewise.llc.posterior import Posterior, watanabe_n_beta
from stagewise.llc.sampling import Visit, run
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import Langevin, LangevinState
from stagewise.studies.regression.model import predictions
from stagewise.studies.regression.position_layout import LLC_BY_POSITION
from stagewise.studies.regression.settings import NetworkSettings

PositionLosses = Callable[[Params, Batch], Tensor]
"""Losses of named parameters on a batch, shape (sample, K)."""


def squared_errors(network: NetworkSettings) -> PositionLosses:
    """Return the squared error of a regression network at every position, as a function."""

    def errors(params: Params, batch: Batch) -> Tensor:
        inputs, labels = batch[:2]
        return (predictions(params, network, inputs, labels) - labels).square()

    return errors


@dataclasses.dataclass(frozen=True)
class ByPosition:
    """SGLD that also says, at every draw, how much higher the loss is at each position than at w*.

    Parameters
    ----------
    kernel : Langevin
    losses : callable
        Losses at every position.
    at_centre : Tensor, shape (sample, K)
        The same of all samples at w*.
    """

    kernel: Langevin
    losses: PositionLosses
    at_centre: Tensor

    def init(self, chains: range) -> LangevinState:
        """Return some chains at their starts."""
        return self.kernel.init(chains)

    def step(self, state: LangevinState, number: int) -> tuple[LangevinState, Visit]:
        """Move every chain; statistics of a draw are its excess losses, by position."""
        state, visit = self.kernel.step(state, number)
        if number < self.kernel.config.num_burnin:
            return state, visit
        columns = enumerate(self._excess(visit).unbind(1), start=1)
        return state, dataclasses.replace(visit, statistics={str(k): one for k, one in columns})

    @torch.no_grad()
    def _excess(self, visit: Visit) -> Tensor:
        """Return the losses at every position less those at w*, shape (chain, K)."""
        assert visit.minibatch is not None
        posterior = self.kernel.posterior

        def single(vector: Tensor, *batch: Tensor) -> Tensor:
            return self.losses(posterior.layout.unflatten(vector), batch).mean(0)

        places = posterior.centre + visit.offset
        here = torch.func.vmap(single)(places, *visit.minibatch.samples)
        return here - self.at_centre[visit.minibatch.rows].mean(1)


def llc_by_position(
    subject: Subject, losses: PositionLosses, steps: Sequence[int], config: SGLDConfig
) -> xr.Dataset:
    """Estimate the LLC by position along training.

    Parameters
    ----------
    subject : Subject
        Of the mean loss over all positions.
    losses : callable
        Losses at every position, whose mean is that of the subject; see `squared_errors`.
    steps : sequence of int
        In the order of time.
    config : SGLDConfig
        Draws are paired, whatever it says.

    Returns
    -------
    xarray.Dataset
        Layout `position_layout.LLC_BY_POSITION`. Chains are those of `llc.along.llc_shard`; verdicts are
        those of the LLC of the mean loss, and diverged chains are left out.
    """
    untrained_loss = untrained_loss_of(subject)
    heartbeat = Heartbeat("checkpoint", len(steps), interval=0)
    found = []
    for count, step in enumerate(steps, start=1):
        found.append(_estimate(subject, losses, step, config, untrained_loss))
        heartbeat.beat(count, f"step {step}: LLC {found[-1]['llc_mean']:.2f}")
    columns = {name: np.stack([np.asarray(one[name]) for one in found]) for name in found[0]}
    columns |= {name: columns[name].astype(object) for name in ("verdict", "reason")}
    return LLC_BY_POSITION.dataset(
        columns,
        {"step": list(steps), "position": np.arange(1, columns["llc"].shape[1] + 1)},
        {
            **dataclasses.asdict(config),
            "run": subject.name,
            "num_samples": subject.num_samples,
            "untrained_loss": untrained_loss,
        },
    )


def _estimate(
    subject: Subject,
    losses: PositionLosses,
    step: int,
    config: SGLDConfig,
    untrained_loss: float,
) -> dict[str, Any]:
    n_beta = config.n_beta or watanabe_n_beta(subject.num_samples)
    params, loss_fn = subject.params_at(step), subject.loss_at(step)
    posterior = Posterior.around(params, loss_fn, n_beta, config.localization)
    together = config.num_chains * config.batch_size
    with torch.no_grad():
        pieces = zip(*(part.split(together) for part in subject.samples), strict=True)
        at_centre = torch.cat([losses(params, piece) for piece in pieces])
    key = sgld_key(subject, step, "shared")
    kernel = Langevin.prepared(posterior, subject.samples, config, key, together)
    names = ("num_burnin", "num_draws", "steps_per_draw")
    trace, _ = run(
        ByPosition(kernel, losses, at_centre),
        range(config.num_chains),
        **{name: getattr(config, name) for name in names},
        baseline=baselines(posterior, subject.samples, together * config.num_draws, together),
    )
    init_loss = full_loss(loss_fn, params, subject.samples)
    estimate = summarise(trace, posterior, init_loss, dataclasses.asdict(config))
    verdict, reason = judge(estimate, untrained_loss)
    kept = ~estimate["diverged"].to_numpy()
    kept &= np.isfinite(estimate["llc_mean"].item())  # none where more than half diverged
    excess = [by_draw.double().mean(1).numpy() for by_draw in trace.statistics.values()]
    chains = n_beta * np.stack(excess, axis=1)[kept]
    unknown = np.full(len(excess), np.nan)
    return {
        "llc": chains.mean(0) if len(chains) else unknown,
        "llc_stderr": chains.std(0, ddof=1) / len(chains) ** 0.5 if len(chains) > 1 else unknown,
        "llc_mean": estimate["llc_mean"].item(),
        "llc_mean_stderr": estimate["llc_stderr"].item(),
        "verdict": verdict,
        "reason": reason,
    }
