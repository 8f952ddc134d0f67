"""LLCs of parts of a regression network: where in it the LLC falls.

The parameters of one part are sampled and all others held where they are, which gives the
weight-refined LLC of the part. Parts do not add up to the LLC of the network: together they can make up
for each other, and apart they cannot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import Params
from stagewise.core.subject import Subject
from stagewise.llc.along import estimate_at, sgld_key, untrained_loss_of
from stagewise.llc.diagnostics import judge
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.regression.degeneracy_layout import LLC_REFINED
from stagewise.studies.regression.settings import NetworkSettings

Part = Mapping[str, Tensor]
"""Masks of free entries, by parameter."""


def parts_of(params: Params, network: NetworkSettings) -> dict[str, Part]:
    """Return the parts of a network, from the embeddings to the unembedding, and all layer norms.

    Every parameter is in one part: of each block, what decides where heads look (queries and keys), what
    they carry (values and output map), and the MLP.
    """

    def whole(*starts: str) -> dict[str, Tensor]:
        names = [name for name in params if name.startswith(starts) and "_norm." not in name]
        return {name: torch.ones_like(params[name], dtype=torch.bool) for name in names}

    parts: dict[str, Part] = {"embeddings": whole("token_embedding", "position_embedding")}
    for layer in range(network.num_layers):
        block = f"blocks.{layer}"
        name = f"{block}.attention.qkv.weight"
        looking = torch.zeros_like(params[name], dtype=torch.bool)
        looking[: 2 * network.embed_dim] = True
        parts |= {
            f"queries, keys {layer + 1}": {name: looking},
            f"values, outputs {layer + 1}": {
                name: ~looking,
                **whole(f"{block}.attention.output"),
            },
            f"MLP {layer + 1}": whole(f"{block}.mlp."),
        }
    norms = [name for name in params if "_norm." in name]
    return parts | {
        "unembedding": whole("unembedding."),
        "layer norms": {name: torch.ones_like(params[name], dtype=torch.bool) for name in norms},
    }


def refined_llc(
    subject: Subject, network: NetworkSettings, steps: Sequence[int], config: SGLDConfig
) -> xr.Dataset:
    """Estimate the LLC of every part of a network at several steps.

    Parameters
    ----------
    subject : Subject
        A run of the study.
    network : NetworkSettings
    steps : sequence of int
        In the order of time.
    config : SGLDConfig

    Returns
    -------
    xarray.Dataset
        Layout `degeneracy_layout.LLC_REFINED`. All steps meet the same batches and noise.
    """
    untrained_loss = untrained_loss_of(subject)
    parts = parts_of(subject.params_at(subject.steps[0]), network)
    heartbeat = Heartbeat("checkpoint", len(steps), interval=0)
    rows = []
    for count, step in enumerate(steps, start=1):
        rows.append(
            [_estimate(subject, step, part, config, untrained_loss) for part in parts.values()]
        )
        heartbeat.beat(count, f"step {step}")
    columns = {
        name: np.array([[one[name] for one in row] for row in rows], dtype=kind)
        for name, kind in (
            ("llc", float),
            ("llc_stderr", float),
            ("verdict", object),
            ("reason", object),
        )
    }
    sizes = [sum(int(mask.sum()) for mask in part.values()) for part in parts.values()]
    return LLC_REFINED.dataset(
        {**columns, "num_parameters": sizes},
        {"step": list(steps), "part": list(parts)},
        {**dataclasses.asdict(config), "run": subject.name, "num_samples": subject.num_samples},
    )


def _estimate(
    subject: Subject, step: int, part: Part, config: SGLDConfig, untrained_loss: float
) -> dict[str, Any]:
    key = sgld_key(subject, step, "shared")
    estimate = estimate_at(subject, step, config, key=key, only=part)
    verdict, reason = judge(estimate, untrained_loss)
    return {
        "llc": estimate["llc_mean"].item(),
        "llc_stderr": estimate["llc_stderr"].item(),
        "verdict": verdict,
        "reason": reason,
    }
