"""Measures of behaviour say what is known of networks built by hand."""

from __future__ import annotations

import itertools
from math import log

import numpy as np
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.behaviour import (
    bigram_cross_entropy,
    bigram_probe,
    icl_scores,
    loss_changes,
    losses_of,
    mean_and_stderr,
    ngram_score,
)
from stagewise.studies.language.bigrams import conditional_distribution, count_bigrams
from stagewise.studies.language.induction import (
    MatchedTokens,
    bigram_completion_gain,
    match_repeated_bigrams,
    second_copy_gains,
)
from stagewise.studies.language.model import initial_parameters, without_positions
from stagewise.studies.language.positions import positional_shape
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.synthetic import repeated_sequences
from stagewise.studies.language.tokens import TokenRows
from tests.unit.studies.language.networks import bigram_network, copying_network, induction_network

KEY = StreamKey(0, ("language",))
VOCAB = 12


@pytest.fixture(scope="module")
def chain() -> tuple[np.ndarray, torch.Tensor]:
    """Return rows of a random Markov chain, and the bigrams counted in them."""
    generator = np.random.default_rng(3)
    matrix = generator.dirichlet(np.full(VOCAB, 0.5), VOCAB).cumsum(1)
    stream = np.zeros(400 * 30, dtype=np.uint16)
    for place, draw in enumerate(generator.random(len(stream) - 1), 1):
        stream[place] = min(np.searchsorted(matrix[stream[place - 1]], draw), VOCAB - 1)
    rows = TokenRows(stream, 30)
    return count_bigrams(rows, VOCAB), rows[:]


@pytest.fixture(scope="module")
def bigrams(chain):
    distribution = conditional_distribution(chain[0], np.arange(VOCAB))
    distribution = np.where(distribution > 0, distribution, 1e-12)
    return bigram_network(distribution, 30)


@pytest.fixture(scope="module")
def induction():
    return induction_network(32, 65)


# Bigrams


def test_a_bigram_network_sits_at_the_bigram_entropy(chain, bigrams):
    counts, rows = chain
    probe = bigram_probe(rows, counts, KEY)
    scores = bigram_cross_entropy(*bigrams, probe)
    torch.testing.assert_close(scores, probe.entropy, rtol=0, atol=1e-5)
    assert probe.entropy.mean() < log(VOCAB) - 0.3  # there is something to know


def test_any_other_network_is_above_it_by_the_divergence(chain):
    counts, rows = chain
    probe = bigram_probe(rows, counts, KEY)
    even = bigram_network(np.full((VOCAB, VOCAB), 1 / VOCAB), 30)
    scores = bigram_cross_entropy(*even, probe)
    torch.testing.assert_close(scores, torch.full_like(scores, log(VOCAB)), rtol=0, atol=1e-6)
    untrained = NetworkSettings(VOCAB, 30, 2, 2, 8)
    scores = bigram_cross_entropy(initial_parameters(untrained, KEY), untrained, probe)
    assert (scores > probe.entropy).all()


def test_the_probe_is_fixed_and_skips_what_was_never_counted(chain):
    counts, rows = chain
    probe, again = bigram_probe(rows, counts, KEY), bigram_probe(rows, counts, KEY)
    assert torch.equal(probe.positions, again.positions)
    assert probe.positions.unique().tolist() == list(range(30))
    torch.testing.assert_close(probe.distribution.sum(1), torch.ones(len(rows)))
    partial = counts.copy().tolil()
    partial[3] = 0
    fewer = bigram_probe(rows, partial.tocsr(), KEY)
    at = torch.arange(len(rows))
    assert len(fewer.rows) == (rows[at, probe.positions] != 3).sum() < len(rows)


# n-grams, context, change


def test_ngram_score_is_the_ratio_of_losses(chain, bigrams):
    _, rows = chain
    probabilities = losses_of(*bigrams, rows)
    ngrams = rows[:50, 4:7]
    score = ngram_score(*bigrams, ngrams, rows)
    baseline, common = probabilities[:, 1], probabilities[:50, 5]
    assert score.value == pytest.approx((baseline.mean() / common.mean()).item(), rel=1e-6)
    # The delta method against resampling both samples.
    generator = np.random.default_rng(0)
    ratios = [
        generator.choice(baseline, len(baseline)).mean() / generator.choice(common, 50).mean()
        for _ in range(2000)
    ]
    assert score.stderr == pytest.approx(np.std(ratios), rel=0.15)
    same = ngram_score(*bigrams, rows[:, :3], rows)
    assert same.value == pytest.approx(1, rel=1e-6)


def test_icl_score_reads_the_positions_it_names():
    losses = torch.arange(600.0)[None] ** 2
    assert icl_scores(losses).item() == 499**2 - 49**2
    assert icl_scores(losses, early=1, late=2).item() == 1
    with pytest.raises(ValueError, match=r"late \(601\) <= 600: change them"):
        icl_scores(losses, late=601)


def test_induction_learns_in_context_and_bigrams_do_not(induction, bigrams, chain):
    rows = repeated_sequences(32, 100, 32, KEY)
    scores = icl_scores(losses_of(*induction, rows), early=20, late=50)
    mean, error = mean_and_stderr(scores)
    assert mean < -3
    mean, error = mean_and_stderr(icl_scores(losses_of(*bigrams, chain[1]), 5, 25))
    assert abs(mean) < 4 * error


def test_loss_changes_are_token_by_token(chain, bigrams):
    _, rows = chain
    params, network = bigrams
    bias = torch.zeros(VOCAB)
    bias[7] = 2.0
    after = {**params, "unembedding.bias": params["unembedding.bias"] + bias}
    change = loss_changes(params, after, network, rows)
    assert change.shape == (400, 29)
    assert ((change < 0) == (rows[:, 1:] == 7)).all()
    nothing = loss_changes(params, params, network, rows)
    assert nothing.abs().max() == 0


def test_losses_do_not_depend_on_how_rows_are_grouped(monkeypatch, chain, induction):
    _, rows = chain
    whole = losses_of(*induction, rows)
    monkeypatch.setattr("stagewise.studies.language.behaviour._TOKENS_AT_A_TIME", 100)
    torch.testing.assert_close(whole, losses_of(*induction, rows), rtol=0, atol=1e-5)


# Positions


def test_ablation_hurts_induction_and_leaves_bigrams_alone(induction, bigrams, chain):
    def effect(params, network, rows):
        ablated = losses_of(without_positions(params), network, rows)
        return (ablated - losses_of(params, network, rows)).mean(0)

    found = effect(*induction, repeated_sequences(32, 60, 32, KEY))
    assert found[0].abs() < 1e-6  # one token has no order
    assert (found[[39, 59]] > 3).all()
    unharmed = effect(*bigrams, chain[1])
    torch.testing.assert_close(unharmed, torch.zeros_like(unharmed))


def with_positions(embedding: torch.Tensor):
    return {"position_embedding.weight": embedding}


def test_positions_on_a_line_have_one_component():
    line = torch.linspace(-1, 3, 50)[:, None] * torch.tensor([3.0, 0.0, 4.0, 0.0])
    shape = positional_shape(with_positions(line), 3)
    np.testing.assert_allclose(shape.explained_variance_ratio, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(shape.norm, 5 * np.abs(np.linspace(-1, 3, 50)), rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.diff(shape.scores[:, 0])), 5 * 4 / 49, rtol=1e-5)


def test_positions_of_a_random_walk():
    """In many dimensions PC k explains 6 / (pi k)^2 (Antognini & Sohl-Dickstein 2018)."""
    steps = torch.randn(200, 1500, generator=KEY.child("walk").generator())
    shape = positional_shape(with_positions(steps.cumsum(0)), 3)
    expected = 6 / (np.pi * np.arange(1, 4)) ** 2
    np.testing.assert_allclose(shape.explained_variance_ratio, expected, rtol=0.1)


# Induction


def random_rows(num_rows: int, vocab_size: int, length: int) -> torch.Tensor:
    generator = KEY.child("random-rows").generator()
    rows = torch.randint(vocab_size - 1, (num_rows, length), generator=generator)
    rows[:, 0] = vocab_size - 1
    return rows


def test_matches_are_what_they_should_be():
    rows, reach = random_rows(300, 16, 40).numpy(), 5
    rows[::3, 20] = 15  # another document begins
    matches = match_repeated_bigrams(rows, 16, reach)
    assert len(matches.row) > 500

    def earlier(row: int, column: int) -> tuple[bool, bool, int]:
        """Whether the bigram and its first token came before, and how often its second did."""
        seen, (a, b) = rows[row, : column + 1].tolist(), rows[row, column : column + 2]
        together = any(pair == (a, b) for pair in itertools.pairwise(seen))
        return together, a in seen[:-1], seen.count(b)

    for row, column, other, place in zip(*vars(matches).values(), strict=True):
        bigram = rows[row, column : column + 2].tolist()
        assert bigram == rows[other, place : place + 2].tolist()
        assert bigram[0] != bigram[1]
        assert 15 not in bigram
        assert row != other
        assert abs(column - place) <= reach
        repeated, control = earlier(row, column), earlier(other, place)
        assert repeated[:2] == (True, True)
        assert control[:2] == (False, True)
        assert repeated[2] == control[2] > 0


def test_a_match_is_missed_only_where_there_is_none():
    rows = random_rows(40, 8, 20).numpy()
    found = match_repeated_bigrams(rows, 8, 19)
    pairs = {
        (row, column): (a, b)
        for row in range(40)
        for column, (a, b) in enumerate(zip(rows[row], rows[row, 1:], strict=False))
        if a != b and 7 not in (a, b)
    }

    def first(row: int, column: int) -> bool:
        return pairs[row, column] not in [pairs.get((row, c)) for c in range(column)]

    def kind(row: int, column: int) -> tuple:
        seen = rows[row, : column + 1].tolist()
        a, b = pairs[row, column]
        return a, b, seen.count(b), a in seen[:-1] and b in seen

    expected = {}
    for place in pairs:
        if not first(*place):
            away = [
                abs(other[1] - place[1])
                for other in pairs
                if other[0] != place[0] and first(*other) and kind(*other) == kind(*place)
            ]
            if away:
                expected[place] = min(away)
    distance = np.abs(found.column - found.control_column)
    places = zip(found.row.tolist(), found.column.tolist(), strict=True)
    assert dict(zip(places, distance.tolist(), strict=True)) == expected


def test_gain_on_repeated_bigrams(induction):
    rows = random_rows(400, 32, 65)
    matches = match_repeated_bigrams(rows.numpy(), 32, 16)
    gain = bigram_completion_gain(losses_of(*induction, rows), matches)
    assert gain.count == len(matches.row) > 300
    assert gain.value > 2
    assert gain.value > 20 * gain.stderr
    distribution = np.random.default_rng(0).dirichlet(np.ones(32), 32)
    losses = losses_of(*bigram_network(distribution, 65), rows)
    alone = bigram_completion_gain(losses, matches)
    assert abs(alone.value) < 1e-6
    copying = bigram_completion_gain(losses_of(*copying_network(32, 65), rows), matches)
    assert abs(copying.value) < 4 * copying.stderr
    assert copying.stderr < gain.value / 20


def test_error_of_the_gain_is_over_rows():
    """Ten copies of each match in a row tell no more than one."""
    losses = torch.randn(50, 20, generator=KEY.child("losses").generator()).double()
    row = np.arange(49)
    once = MatchedTokens(row, row % 20, row * 0 + 49, row * 0)
    many = MatchedTokens(*(np.repeat(part, 10) for part in vars(once).values()))
    first, second = (bigram_completion_gain(losses, matches) for matches in (once, many))
    assert first.value == pytest.approx(second.value)
    assert first.stderr == pytest.approx(second.stderr)
    gains = losses[49, 0] - losses[row, row % 20]
    assert first.stderr == pytest.approx(gains.std(correction=0).item() / 7, rel=1e-9)
    with pytest.raises(ValueError, match="no repeated bigram has a control"):
        bigram_completion_gain(losses, MatchedTokens(*(row[:0],) * 4))


def test_gain_on_the_second_copy(induction):
    rows = repeated_sequences(32, 100, 32, KEY)
    assert second_copy_gains(*induction, rows).mean() > 3
    distribution = np.random.default_rng(0).dirichlet(np.ones(32), 32)
    bigrams = bigram_network(distribution, 65)
    torch.testing.assert_close(
        second_copy_gains(*bigrams, rows), torch.zeros(100).double(), rtol=0, atol=1e-6
    )
