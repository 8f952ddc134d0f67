"""One run of the language study: its settings as dataclasses, its network, rows and streams."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stagewise.core.devices import require_device
from stagewise.core.entries import build
from stagewise.core.replicas import Batch, LossFunction, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.studies.language.batches import TrainingRows, repeated
from stagewise.studies.language.model import cross_entropy, initial_parameters, logits_at
from stagewise.studies.language.settings import LanguageTraining, NetworkSettings, Repetition
from stagewise.studies.language.tokens import TokenRows

logger = logging.getLogger(__name__)

_ROWS_AT_A_TIME = 32
"""Rows in a forward pass of the observed logits."""


@dataclass(frozen=True)
class LanguageRun:
    """A run's settings and the functions that they define.

    Parameters
    ----------
    name : str
        Run id; names the run's random streams.
    training : TrainingSettings
    root_seed : int
    device : str
        "cpu" or "cuda".
    network : NetworkSettings
    repetition : Repetition
    """

    name: str
    training: TrainingSettings
    root_seed: int
    device: str
    network: NetworkSettings
    repetition: Repetition

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any], root_seed: int, device: str) -> LanguageRun:
        """Build a run from plain settings (keys vocab_size, context_length, network, training).

        Raises
        ------
        RuntimeError
            If the device is cuda and there is none.
        """
        require_device(device)
        training: LanguageTraining = build(LanguageTraining, settings["training"])
        sizes = {key: settings[key] for key in ("vocab_size", "context_length")}
        return cls(
            name,
            training.updates,
            root_seed,
            device,
            NetworkSettings(**sizes, **settings["network"]),
            training.repetition,
        )

    @property
    def key(self) -> StreamKey:
        """Key above all streams of this run."""
        return StreamKey(self.root_seed, ("language", self.name))

    def initial(self) -> Params:
        """Return the parameters before training."""
        params = initial_parameters(self.network, self.key)
        return {name: value.to(self.device) for name, value in params.items()}

    def training_rows(self, rows: TokenRows) -> TrainingRows:
        """Return the batches of the run."""
        size, key = self.training.batch_size, self.key.child("batch")
        return TrainingRows(rows, size, self.repetition, key, self.device)

    @property
    def evaluation_key(self) -> StreamKey:
        """Key of the evaluation set, the same for all runs."""
        return StreamKey(self.root_seed, ("language", "evaluation"))

    def fixed_rows(self, rows: TokenRows, purpose: str, count: int) -> Tensor:
        """Return some rows of a split, the same for all runs; all there are, and a warning, if fewer."""
        if count > len(rows):
            logger.warning("%s: %d rows are asked for, all %d are taken", purpose, count, len(rows))
        key = StreamKey(self.root_seed, ("language", purpose))
        return rows[torch.randperm(len(rows), generator=key.generator())[:count]]

    def loss(self, params: Params, batch: Batch) -> Tensor:
        """Return the training loss of a batch."""
        return cross_entropy(params, self.network, batch)

    def llc_target(self, rows: TokenRows, num_samples: int) -> tuple[LossFunction, Batch]:
        """Return the loss whose LLC is estimated, and the fixed rows that define L_n.

        The loss is that of training, over all positions, and the rows are repetitive in the share that
        those of training are. Without the fused kernel, which cannot be stacked over chains.
        """
        samples = self.fixed_rows(rows, "llc-samples", num_samples)
        num_repetitive = round(self.repetition.share * len(samples))
        if num_repetitive:
            key = StreamKey(self.root_seed, ("language", "llc-repetition"))
            samples[:num_repetitive] = repeated(samples[:num_repetitive], self.repetition, key)
        return partial(_stackable_loss, network=self.network), (samples.to(self.device),)

    def tokens_in_context(self, rows: TokenRows, count: int) -> Batch:
        """Return rows of a split and one place in each: what the trajectory is observed on.

        Places are those whose next token is in the row, so that forms can be read with what follows.
        """
        chosen = self.fixed_rows(rows, "trajectory", count)
        generator = StreamKey(self.root_seed, ("language", "trajectory-places")).generator()
        places = torch.randint(chosen.shape[1] - 1, (len(chosen),), generator=generator)
        return chosen.to(self.device), places.to(self.device)

    @torch.no_grad()
    def function_vector(self, params: Params, contexts: Batch, precision: str) -> np.ndarray:
        """Return the logits at tokens-in-context as one vector, shape (context * V,)."""
        pieces = zip(*(part.split(_ROWS_AT_A_TIME) for part in contexts), strict=True)
        found = torch.cat([logits_at(params, self.network, *piece) for piece in pieces])
        return found.flatten().numpy(force=True).astype(precision)


def _stackable_loss(params: Params, batch: Batch, network: NetworkSettings) -> Tensor:
    return cross_entropy(params, network, batch, fused=False)
