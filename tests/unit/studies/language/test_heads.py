"""Heads that are known to look back, match prefixes and compose are found to."""

from __future__ import annotations

import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.heads import (
    composition,
    composition_scores,
    prefix_matching_attention,
    previous_token_attention,
    random_composition,
)
from stagewise.studies.language.model import initial_parameters
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.synthetic import last_tokens, repeated_prefixes, repeated_sequences
from tests.unit.studies.language.networks import bigram_network, induction_network

KEY = StreamKey(0, ("language",))
VOCAB = 64


@pytest.fixture(scope="module")
def induction():
    return induction_network(VOCAB, 128)


# Rows


def test_rows_of_the_previous_token_score():
    rows = last_tokens(10, 4000, KEY)
    assert rows.tokens.shape == (4000, 64)
    assert (rows.tokens[:, 0] == 9).all()
    assert set(rows.tokens[:, 1:].unique().tolist()) == set(range(9))
    assert (rows.last.min(), rows.last.max()) == (15, 63)
    counts = rows.last.bincount()[15:].double()
    expected = 4000 / 49
    assert ((counts - expected).square() / expected).sum() < 94  # chi-squared, 48 degrees, p = 1e-4


def test_rows_of_the_prefix_score():
    rows = repeated_prefixes(12, 2000, KEY)
    assert rows.tokens.shape == (2000, 128)
    assert (rows.tokens[:, 0] == 11).all()
    assert rows.tokens[:, 1:].max() < 11
    assert (rows.first.min(), rows.first.max()) == (1, 62)
    assert (rows.second.min(), rows.second.max()) == (64, 127)
    for tokens, first, second in zip(rows.tokens, rows.first, rows.second, strict=True):
        a, b = tokens[first], tokens[first + 1]
        assert a != b
        assert torch.nonzero(tokens == a).flatten().tolist() == [first, second]
        assert torch.nonzero(tokens == b).flatten().tolist() == [first + 1]
    others = rows.tokens[:, 1:].flatten().bincount(minlength=11)
    assert others.min() > 0.9 * others.max()  # none of them is favoured
    with pytest.raises(ValueError, match="a vocabulary of 3 and rows of 128 leave no room"):
        repeated_prefixes(3, 5, KEY)


def test_rows_that_come_twice():
    rows = repeated_sequences(10, 7, 20, KEY)
    assert rows.shape == (7, 41)
    assert (rows[:, 0] == 9).all()
    assert torch.equal(rows[:, 1:21], rows[:, 21:])
    assert rows[:, 1:].max() < 9


# Patterns


def test_induction_by_hand_scores_one(induction):
    params, network = induction
    after, first = prefix_matching_attention(params, network, repeated_prefixes(VOCAB, 300, KEY))
    assert after.shape == first.shape == (300, 2, 2)
    assert after[:, 1, 0].min() > 0.999
    assert first[:, 1, 0].max() < 0.001
    others = torch.stack([after[:, 0, 0], after[:, 0, 1], after[:, 1, 1]])
    assert others.mean(1).max() < 0.02  # even attention would give 1/65 to 1/128


def test_previous_token_head_by_hand_scores_one(induction):
    params, network = induction
    scores = previous_token_attention(params, network, last_tokens(VOCAB, 300, KEY))
    assert scores.shape == (300, 2, 2)
    assert scores[:, 0, 0].min() > 0.999
    assert scores[:, 0, 1].mean() < 0.05
    assert scores[:, 1].mean(0).max() < 0.1


def test_scores_do_not_depend_on_how_rows_are_grouped(induction):
    params, network = induction
    rows = repeated_prefixes(VOCAB, 20, KEY)
    whole, parts = (prefix_matching_attention(params, network, rows, size) for size in (20, 7))
    torch.testing.assert_close(whole, parts)


def test_even_attention_scores_the_reciprocal_of_the_length():
    distribution = torch.full((VOCAB, VOCAB), 1 / VOCAB).double().numpy()
    params, network = bigram_network(distribution, 128)
    rows = last_tokens(VOCAB, 50, KEY)
    scores = previous_token_attention(params, network, rows)
    torch.testing.assert_close(scores[:, 0, 0], 1 / (rows.last + 1))


# Composition


def test_induction_by_hand_composes_by_keys(induction):
    params, network = induction
    found = composition(params, network)
    baseline = random_composition(network, 100, KEY)
    # V orthogonal directions written and read: sqrt(V) / (sqrt(V) sqrt(V)).
    assert found.key[0, 0].item() == pytest.approx(VOCAB**-0.5, rel=1e-5)
    assert found.key[0, 0] > baseline.mean() + 10 * baseline.std()
    assert found.query[0, 0] < 1e-6
    assert found.value[0, 0] < 1e-6
    random_pair = found.key[1, 1]
    assert abs(random_pair - baseline.mean()) < 5 * baseline.std()


def test_composition_is_the_formula():
    network = NetworkSettings(11, 8, 2, 3, 12)
    params = initial_parameters(network, KEY)

    def circuits(layer: int, head: int) -> tuple[torch.Tensor, torch.Tensor]:
        part, name = slice(4 * head, 4 * head + 4), f"blocks.{layer}.attention"
        q, k, v = (params[f"{name}.{n}.weight"][part].double() for n in ("query", "key", "value"))
        return q.T @ k, params[f"{name}.output.weight"][:, part].double() @ v

    def score(read: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        return (read @ written).norm() / (read.norm() * written.norm())

    found = composition(params, network)
    assert found.query.shape == (3, 3)
    for earlier in range(3):
        for later in range(3):
            written = circuits(0, earlier)[1]
            query_key, output_value = circuits(1, later)
            place = (earlier, later)
            torch.testing.assert_close(found.query[place], score(query_key.T, written))
            torch.testing.assert_close(found.key[place], score(query_key, written))
            torch.testing.assert_close(found.value[place], score(output_value, written))


def test_composition_is_one_where_one_direction_is_passed_on():
    direction = torch.nn.functional.one_hot(torch.tensor([2]), 5).double()
    same = (direction.T @ direction)[None]
    other = torch.nn.functional.one_hot(torch.tensor([3]), 5).double()
    assert composition_scores(same, same).item() == pytest.approx(1)
    assert composition_scores((other.T @ other)[None], same).item() == 0


def test_the_baseline_is_that_of_untrained_networks():
    network = NetworkSettings(5, 5, 2, 4, 32)
    untrained = torch.cat(
        [
            torch.stack([found.query, found.key, found.value]).flatten()
            for found in (
                composition(initial_parameters(network, KEY.child(n)), network) for n in range(10)
            )
        ]
    )
    baseline = random_composition(network, 480, KEY)
    error = (untrained.var() / 60 + baseline.var() / 480).sqrt()  # heads are shared by pairs
    assert abs(untrained.mean() - baseline.mean()) < 4 * error
