"""How the loss of single tokens changes over each stage (Hoogland et al. 2024, App. C.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.language.behaviour import loss_changes
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.tokenizer import readable

MAX_TOKENS = 96
"""Tokens of a passage that are shown, from its start."""


_BROKEN = "\ufffd"
"""What stands for a token that is no whole character."""


@dataclass(frozen=True)
class Passage:
    """A row of text with the change of each token's loss over every stage.

    Parameters
    ----------
    tokens : tuple of str
        The row, its first token left out: it is not predicted.
    changes : ndarray, shape (stage, token)
        In nats; negative where the loss fell.
    """

    tokens: tuple[str, ...]
    changes: np.ndarray


def stage_names(stages: pd.DataFrame) -> list[str]:
    """Return what each stage is called, as in ``1A, step 0 to 400``."""
    return [
        f"{int(row.stage)}{row.type}, step {row.start:.0f} to {row.end:.0f}"
        for row in stages.itertuples()
    ]


def nearest(steps: np.ndarray, step: float) -> int:
    """Return the checkpoint nearest to a step."""
    return int(steps[np.abs(steps - step).argmin()])


def passages(
    params_at: Callable[[int], Params],
    network: NetworkSettings,
    steps: np.ndarray,
    stages: pd.DataFrame,
    rows: Tensor,
    tokenizer: Tokenizer,
    count: int,
) -> list[Passage]:
    """Return the rows whose tokens' losses change most, summed over stages and tokens.

    Rows with tokens that are no whole characters come last: they cannot be read.

    Parameters
    ----------
    params_at : callable
        ``params_at(step) -> params``.
    network : NetworkSettings
    steps : ndarray
        Checkpoints.
    stages : DataFrame
        Layout `development.layout.STAGES`.
    rows : Tensor of int64, shape (row, token)
        Text that was held out, from which they are chosen.
    tokenizer : Tokenizer
    count : int
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
    return [Passage(texts[row], changes[row].numpy(force=True)) for row in order[:count]]
