"""How the loss of single tokens changes over each stage (Hoogland et al. 2024, App. C.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
import xarray as xr
from tokenizers import Tokenizer
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.language.behaviour import loss_changes
from stagewise.studies.language.layout import TOKEN_CHANGES
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.tokenizer import readable

MAX_TOKENS = 96
"""Tokens of a passage that are shown, from its start."""


_BROKEN = "\ufffd"
"""What stands for a token that is no whole character."""


def stage_names(stages: pd.DataFrame) -> list[str]:
    """Return what each stage is called, as in ``1A, step 0 to 400``."""
    return [
        f"{int(row.stage)}{row.type}, step {row.start:.0f} to {row.end:.0f}"
        for row in stages.itertuples()
    ]


def nearest(steps: Sequence[int], step: float) -> int:
    """Return the checkpoint nearest to a step."""
    return min(steps, key=lambda kept: abs(kept - step))


def token_changes(
    params_at: Callable[[int], Params],
    network: NetworkSettings,
    steps: Sequence[int],
    stages: pd.DataFrame,
    rows: Tensor,
    tokenizer: Tokenizer,
    count: int,
) -> xr.Dataset:
    """Return the rows whose tokens' losses change most, summed over stages and tokens.

    Rows with tokens that are no whole characters come last: they cannot be read.

    Parameters
    ----------
    params_at : callable
        ``params_at(step) -> params``.
    network : NetworkSettings
    steps : sequence of int
        Checkpoints.
    stages : DataFrame
        Layout `development.layout.STAGES`.
    rows : Tensor of int64, shape (row, token)
        Text that was held out, from which they are chosen.
    tokenizer : Tokenizer
    count : int

    Returns
    -------
    Dataset
        Layout `language.layout.TOKEN_CHANGES`: text without its first token, which is not predicted;
        stages are named by `stage_names`.
    """
    bounds = [nearest(steps, step) for step in [*stages["start"], stages["end"].iloc[-1]]]
    shown = rows[:, : MAX_TOKENS + 1]
    changes = torch.stack(
        [
            loss_changes(params_at(first), params_at(last), network, shown)
            for first, last in pairwise(bounds)
        ],
        dim=1,
    )
    texts = [tuple(readable(tokenizer, row[1:].tolist())) for row in shown]
    sums = changes.abs().sum((1, 2)).tolist()
    whole = [not any(_BROKEN in token for token in text) for text in texts]
    order = sorted(range(len(texts)), key=lambda row: (whole[row], sums[row]), reverse=True)
    chosen = order[:count]
    values = {
        "token": np.array([texts[row] for row in chosen], dtype=object),
        "change": changes[chosen].numpy(force=True),
    }
    return TOKEN_CHANGES.dataset(values, {"stage": stage_names(stages)})
