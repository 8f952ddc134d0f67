"""Which documents are trained on, and which are held out: whole documents, never windows of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.documents import CorpusError
from stagewise.studies.language.settings import SplitSettings


def split_documents(
    sources: Sequence[str] | np.ndarray, settings: SplitSettings, key: StreamKey
) -> np.ndarray:
    """Return the index in `SPLITS` of every document, int8.

    Parameters
    ----------
    sources : sequence of str
        Of every document; each source is divided by itself, so that all are in every split.
    settings : SplitSettings
    key : StreamKey
        Names the random order, source by source.

    Raises
    ------
    CorpusError
        If a source has too few documents to hold one out.
    """
    names, member = np.unique(np.asarray(sources), return_inverse=True)
    split = np.zeros(len(member), dtype=np.int8)
    for index, name in enumerate(names):
        documents = np.flatnonzero(member == index)
        num_validation = max(1, round(len(documents) * settings.validation_share))
        num_sampling = round(len(documents) * settings.sampling_share)
        num_train = len(documents) - num_validation - num_sampling
        if num_train < 1:
            raise CorpusError(
                f"{name} has {len(documents)} documents, too few to hold out whole ones: cut its text "
                "into more files or rows, or lower the shares under language.corpus.split"
            )
        if settings.order == "random":
            generator = key.child("split", str(name)).generator()
            documents = documents[torch.randperm(len(documents), generator=generator).numpy()]
        split[documents[num_train : num_train + num_validation]] = 1
        split[documents[num_train + num_validation :]] = 2
    return split
