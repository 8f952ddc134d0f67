"""What a language model does and is at a checkpoint (Hoogland et al. 2024, section 4 and App. C).

Means carry standard errors over rows; ratios by the delta method; differences are paired row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.sparse import csr_array
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.behaviour import (
    BigramProbe,
    bigram_cross_entropy,
    bigram_probe,
    icl_scores,
    losses_of,
    mean_and_stderr,
    ngram_score,
)
from stagewise.studies.language.heads import (
    composition,
    prefix_matching_attention,
    previous_token_attention,
    random_composition,
)
from stagewise.studies.language.induction import (
    MatchedTokens,
    bigram_completion_gain,
    match_repeated_bigrams,
    second_copy_gains,
)
from stagewise.studies.language.layout import METRICS
from stagewise.studies.language.model import without_positions
from stagewise.studies.language.positions import positional_shape
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.synthetic import (
    LastTokens,
    RepeatedPrefixes,
    last_tokens,
    repeated_prefixes,
    repeated_sequences,
)

_NUM_POSITION_PCS = 3
_RANDOM_PAIRS = 1000
"""Pairs of random heads behind the baseline of composition."""

Values = dict[str, np.ndarray | float]


@dataclass(frozen=True)
class Evaluation:
    """A fixed evaluation set with everything about it that does not depend on the network.

    Parameters
    ----------
    rows : Tensor of int64, shape (row, n_ctx)
        Text that was held out.
    bigrams : BigramProbe
    matches : MatchedTokens
        Of the same rows.
    ngrams : dict of int to Tensor
        Common n-grams by n.
    last : LastTokens
    prefixes : RepeatedPrefixes
    copies : Tensor of int64, shape (row, token)
        From `studies.language.synthetic.repeated_sequences`.
    icl_positions : tuple of int
        Early and late context position.
    ablation_positions : tuple of int
    composition_random : ndarray, shape (pair,)
    """

    rows: Tensor
    bigrams: BigramProbe
    matches: MatchedTokens
    ngrams: Mapping[int, Tensor]
    last: LastTokens
    prefixes: RepeatedPrefixes
    copies: Tensor
    icl_positions: tuple[int, int]
    ablation_positions: tuple[int, ...]
    composition_random: np.ndarray

    def measure(self, params: Params, network: NetworkSettings) -> Values:
        """Measure one checkpoint.

        Returns
        -------
        dict of str to ndarray or float
            Means with ``<name>_stderr``. Composition only for networks of two layers or more.
        """
        values = (
            self._text(params, network)
            | self._bigrams_and_ngrams(params, network)
            | self._heads(params, network)
            | _parameters(params)
        )
        if network.num_layers > 1:
            values |= self._composition(params, network)
        return values

    def _text(self, params: Params, network: NetworkSettings) -> Values:
        losses = losses_of(params, network, self.rows)
        places = torch.tensor(self.ablation_positions) - 1
        ablated = losses_of(without_positions(params), network, self.rows)[:, places]
        gain = bigram_completion_gain(losses, self.matches)
        samples = {
            "test_loss": losses.mean(1),
            "position_loss": losses[:, places],
            "ablated_loss": ablated,
            "ablation_effect": ablated - losses[:, places],
            "icl_score": icl_scores(losses, *self.icl_positions),
            "second_copy_gain": second_copy_gains(params, network, self.copies),
        }
        return _means(samples) | {
            "icl_score_row": samples["icl_score"].numpy(force=True).astype(np.float32),
            "completion_gain": gain.value,
            "completion_gain_stderr": gain.stderr,
        }

    def _bigrams_and_ngrams(self, params: Params, network: NetworkSettings) -> Values:
        scores = [ngram_score(params, network, some, self.rows) for some in self.ngrams.values()]
        return _means({"bigram_score": bigram_cross_entropy(params, network, self.bigrams)}) | {
            "ngram_score": np.array([score.value for score in scores]),
            "ngram_score_stderr": np.array([score.stderr for score in scores]),
        }

    def _heads(self, params: Params, network: NetworkSettings) -> Values:
        after, first = prefix_matching_attention(params, network, self.prefixes)
        samples = {
            "previous_token_score": previous_token_attention(params, network, self.last),
            "prefix_matching_score": after,
            "first_prefix_score": first,
        }
        return _means(samples)

    def _composition(self, params: Params, network: NetworkSettings) -> Values:
        composed = composition(params, network)
        return {
            "composition_query": composed.query.numpy(force=True),
            "composition_key": composed.key.numpy(force=True),
            "composition_value": composed.value.numpy(force=True),
        }


def evaluation_set(
    rows: Tensor,
    counts: csr_array,
    ngrams: Mapping[int, Tensor],
    network: NetworkSettings,
    *,
    num_synthetic: int,
    match_distance: int,
    icl_positions: Sequence[int],
    ablation_positions: Sequence[int],
    ngram_lengths: Sequence[int],
    key: StreamKey,
) -> Evaluation:
    """Return the evaluation set of a study.

    Parameters
    ----------
    rows : Tensor of int64, shape (row, n_ctx)
    counts : csr_array, shape (V, V)
        Bigrams of the training rows.
    ngrams : mapping of int to Tensor
        All common n-grams by n.
    network : NetworkSettings
    num_synthetic : int
        Rows of random tokens.
    match_distance : int
    icl_positions, ablation_positions, ngram_lengths : sequence of int
    key : StreamKey
        Of the evaluation, the same for all runs.

    Raises
    ------
    ValueError
        If a context position is outside a row, a length of n-gram has too few, or no bigram repeats.
    """
    length, vocab_size = network.context_length, network.vocab_size
    for name, positions in (("icl", icl_positions), ("ablation", ablation_positions)):
        if max(positions) >= length:
            raise ValueError(
                f"evaluation.{name}_positions goes to {max(positions)}, but rows have {length} tokens: "
                "lower it or raise context_length"
            )
    missing = sorted(set(ngram_lengths) - set(ngrams))
    if missing:
        raise ValueError(
            f"evaluation.ngram_lengths asks for {missing}, but there are common n-grams of lengths "
            f"{sorted(ngrams)} only: leave them out or lower language.ngrams"
        )
    matches = match_repeated_bigrams(rows.numpy(force=True), vocab_size, match_distance)
    if not len(matches.row):
        raise ValueError(
            "no repeated bigram has a control: raise evaluation.num_rows or match_distance"
        )
    return Evaluation(
        rows,
        bigram_probe(rows, counts, key),
        matches,
        {n: ngrams[n] for n in ngram_lengths},
        last_tokens(
            vocab_size, num_synthetic, key, shortest=min(16, length), longest=min(64, length)
        ),
        repeated_prefixes(vocab_size, num_synthetic, key, length=min(128, length)),
        repeated_sequences(vocab_size, num_synthetic, (length - 1) // 2, key),
        (icl_positions[0], icl_positions[1]),
        tuple(ablation_positions),
        random_composition(network, _RANDOM_PAIRS, key).numpy(force=True),
    )


def _means(samples: Mapping[str, Tensor]) -> Values:
    values: Values = {}
    for name, some in samples.items():
        mean, stderr = mean_and_stderr(some.double())
        values[name] = mean.numpy(force=True)
        values[f"{name}_stderr"] = stderr.numpy(force=True)
    return values


def _parameters(params: Params) -> Values:
    shape = positional_shape(params, _NUM_POSITION_PCS)
    square = sum(value.double().square().sum().item() for value in params.values())
    return {
        "position_variance_ratio": shape.explained_variance_ratio,
        "position_score": shape.scores.astype(np.float32),
        "position_norm": shape.norm,
        "weight_norm": square**0.5,
    }


def along_steps(
    evaluation: Evaluation, network: NetworkSettings, checkpoints: Iterable[tuple[int, Params]]
) -> xr.Dataset:
    """Measure parameters at several steps, and join that with what it is compared with.

    Returns
    -------
    xarray.Dataset
        Layout `language.layout.METRICS`.
    """
    pairs = ((step, evaluation.measure(params, network)) for step, params in checkpoints)
    steps, measured = zip(*pairs, strict=True)
    joined = {name: np.stack([values[name] for values in measured]) for name in measured[0]}
    entropy, stderr = mean_and_stderr(evaluation.bigrams.entropy)
    compared = {
        "bigram_entropy": entropy.item(),
        "bigram_entropy_stderr": stderr.item(),
        "num_matches": len(evaluation.matches.row),
        "composition_random": evaluation.composition_random.mean(),
    }
    coords = {
        "position": list(evaluation.ablation_positions),
        "ngram": list(evaluation.ngrams),
        "step": xr.Variable("step", list(steps), {"units": "updates"}),
    }
    return METRICS.dataset(joined | compared, coords)
