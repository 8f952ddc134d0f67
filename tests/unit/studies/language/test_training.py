"""Rows, runs and metrics of the language study: each batch a function of its step, known networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from stagewise.core.network import NetworkTraining, network_descent
from stagewise.core.replicas import ParameterLayout, stacked_losses
from stagewise.core.seeding import StreamKey
from stagewise.core.training import Memory, train
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.journal import SegmentFiles
from stagewise.studies.language.batches import TrainingRows, repeated
from stagewise.studies.language.bigrams import conditional_distribution, count_bigrams
from stagewise.studies.language.layout import METRICS
from stagewise.studies.language.metrics import along_steps, evaluation_set
from stagewise.studies.language.model import cross_entropy, logits
from stagewise.studies.language.settings import Repetition
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import TokenRows, constant_predictor_loss
from tests.layouts import assert_keeps
from tests.unit.studies.language.networks import bigram_network, induction_network

KEY = StreamKey(0, ("test",))
SETTINGS = {
    "vocab_size": 24,
    "context_length": 12,
    "network": {
        "num_layers": 2,
        "num_heads": 2,
        "embed_dim": 8,
        "init_scale": 0.8,
        "position_scale": 0.8,
    },
    "training": {
        "num_steps": 30,
        "batch_size": 4,
        "learning_rate": 0.02,
        "weight_decay": 0.1,
        "betas": [0.9, 0.98],
        "epsilon": 1e-8,
        "segment_steps": 10,
        "repeated_share": 0.5,
        "repeated_tokens": [2, 4],
    },
}
RUN = LanguageRun.of("twolayers-s0", SETTINGS, 0, "cpu")
ONCE = Repetition(0.0, 2, 4)


def numbered(num_rows: int = 23, length: int = 12) -> TokenRows:
    """Return rows whose first token is their number."""
    stream = np.random.default_rng(0).integers(0, 24, (num_rows, length), dtype=np.uint16)
    stream[:, 0] = np.arange(num_rows)
    return TokenRows(stream.ravel(), length)


# Rows


def test_an_epoch_shows_rows_once_and_the_next_one_in_another_order():
    rows = TrainingRows(numbered(), 4, ONCE, KEY, "cpu")
    assert rows.steps_per_epoch == 5  # 23 rows fill five batches of four
    seen = [
        [rows.batch_at(step)[0][:, 0].tolist() for step in range(5 * e, 5 * e + 5)] for e in (0, 1)
    ]
    for epoch in seen:
        assert len({number for batch in epoch for number in batch}) == 20
    assert seen[0] != seen[1]


def test_a_batch_is_a_function_of_its_step_alone():
    repetition = Repetition(0.5, 2, 4)
    rows = TrainingRows(numbered(), 4, repetition, KEY, "cpu")
    late = rows.batch_at(17)[0]
    rows.batch_at(0)
    again = TrainingRows(numbered(), 4, repetition, KEY, "cpu").batch_at(17)[0]
    assert torch.equal(late, again)
    assert not torch.equal(late, rows.batch_at(18)[0])


def test_the_share_of_rows_repeats_a_passage_and_the_rest_is_text():
    plain = TrainingRows(numbered(), 4, ONCE, KEY, "cpu").batch_at(3)[0]
    mixed = TrainingRows(numbered(), 4, Repetition(0.5, 2, 4), KEY, "cpu").batch_at(3)[0]
    assert torch.equal(mixed[2:], plain[2:])
    for row, text in zip(mixed[:2].tolist(), plain[:2].tolist(), strict=True):
        periods = [n for n in (2, 3, 4) if row[n:] == row[:-n]]
        assert periods
        passage = row[: periods[0]]
        assert any(text[k : k + len(passage)] == passage for k in range(len(text)))


def test_passages_have_every_length_and_begin_anywhere():
    rows = torch.arange(12).expand(400, 12)
    made = repeated(rows, Repetition(1.0, 2, 5), KEY)
    assert {len(set(row)) for row in made.tolist()} == {2, 3, 4, 5}
    assert set(made[:, 0].tolist()) == set(range(11))  # a passage of two can begin at token 10
    assert int(made.max()) == 11


def test_fewer_rows_than_a_batch_is_one_sentence():
    with pytest.raises(ValueError, match=r"training\.batch_size is 24, .* 23 rows: give more text"):
        TrainingRows(numbered(), 24, ONCE, KEY, "cpu")


# Runs


def training_of(observe=lambda params: np.zeros(1), settings=RUN.training):
    rows, layout = RUN.training_rows(numbered()), ParameterLayout.of(RUN.initial())
    initial = layout.flatten(RUN.initial())
    descent = network_descent(RUN.loss, layout, initial, rows.batch_at, settings)
    return NetworkTraining(layout, descent, observe)


def test_a_run_learns_and_an_interrupted_one_ends_bit_identical(tmp_path):
    validation = RUN.tokens_in_context(numbered(), 5)

    def trained(folder, observe):
        training, journal = training_of(observe), SegmentFiles(tmp_path / folder, "id", 10)
        train(training.descent, 30, training.recorders([0, 30], range(0, 31, 5)), journal)
        return dict(training.checkpoints(journal)), journal.segments

    def logits_now(params):
        return RUN.function_vector(params, validation, "float16")

    kept, whole = trained("whole", logits_now)
    calls = iter(range(99))

    def killing(params):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return logits_now(params)

    with pytest.raises(KeyboardInterrupt):
        trained("cut", killing)
    _, resumed = trained("cut", logits_now)
    for left, right in zip(whole, resumed, strict=True):
        assert left.read_bytes() == right.read_bytes()
    start, end = ({n: torch.from_numpy(v) for n, v in kept[step].items()} for step in (0, 30))
    batch = RUN.training_rows(numbered()).batch_at(0)
    assert RUN.loss(end, batch) < RUN.loss(start, batch) - 0.1


def test_decay_and_learning_rate_are_those_of_torch():
    rows, layout = RUN.training_rows(numbered()), ParameterLayout.of(RUN.initial())
    leaves = {name: value.clone().requires_grad_() for name, value in RUN.initial().items()}
    optimiser = torch.optim.AdamW(leaves.values(), lr=0.02, betas=(0.9, 0.98), weight_decay=0.1)
    for step in range(30):
        optimiser.zero_grad()
        RUN.loss(leaves, rows.batch_at(step)).backward()
        optimiser.step()
    training = training_of()
    train(training.descent, 30, (), Memory())
    ours = layout.unflatten(training.descent.vectors[0])
    # Softmax does not see a key's bias: its gradient is rounding, which Adam scales up.
    for name, leaf in [(n, v) for n, v in leaves.items() if not n.endswith("key.bias")]:
        torch.testing.assert_close(ours[name], leaf.detach(), rtol=2e-4, atol=2e-5)


def test_a_diverging_run_names_the_key_of_the_study():
    training = training_of(settings=dataclasses.replace(RUN.training, max_learning_rate=1e3))
    with pytest.raises(FloatingPointError, match=r"lower training\.learning_rate$"):
        train(training.descent, 30, (), Memory())


def test_the_trajectory_holds_full_logits_at_one_place_of_each_row():
    rows, places = RUN.tokens_in_context(numbered(), 6)
    assert len(set(rows[:, 0].tolist())) == 6  # each from another row
    assert int(places.max()) < 11  # the next token is in the row
    vector = RUN.function_vector(RUN.initial(), (rows, places), "float32").reshape(6, 24)
    whole = logits(RUN.initial(), RUN.network, rows)
    for index, place in enumerate(places.tolist()):
        np.testing.assert_allclose(vector[index], whole[index, place].numpy(), atol=1e-6)


# The LLC


def test_the_llc_is_of_the_training_loss_with_its_repeated_rows():
    loss_fn, (samples,) = RUN.llc_target(numbered(), 8)
    periodic = [any(r[n:] == r[:-n] for n in (2, 3, 4)) for r in samples.tolist()]
    assert sum(periodic) == 4
    params = RUN.initial()
    torch.testing.assert_close(
        loss_fn(params, (samples,)), cross_entropy(params, RUN.network, (samples,))
    )
    layout = ParameterLayout.of(RUN.initial())
    vectors = torch.stack([layout.flatten(params)] * 2)
    stacked = stacked_losses(loss_fn, layout, vectors, (torch.stack([samples[:4], samples[4:]]),))
    apart = [loss_fn(params, (part,)) for part in samples.split(4)]
    torch.testing.assert_close(stacked, torch.stack(apart))


def test_an_estimate_of_the_instrument_runs_on_a_language_model():
    loss_fn, data = RUN.llc_target(numbered(), 16)
    config = SGLDConfig(
        step_size=1e-4,
        n_beta=10.0,
        localization=10.0,
        num_chains=2,
        num_burnin=2,
        num_draws=6,
        batch_size=4,
    )
    estimate = estimate_llc(loss_fn, RUN.initial(), data, config, key=KEY)
    assert np.isfinite(estimate.llc_mean)


def test_the_best_constant_prediction_is_the_frequency_of_tokens():
    rows = torch.tensor([[9, 0, 0, 1], [9, 0, 1, 2]])
    shares = np.array([3, 2, 1]) / 6  # the first token of a row is not predicted
    assert constant_predictor_loss(rows) == pytest.approx(-(shares * np.log(shares)).sum())


# Metrics


def measured(params, network, rows, counts):
    ngrams = {2: torch.randint(10, (30, 2)), 3: torch.randint(10, (30, 3))}
    instrument = evaluation_set(
        rows,
        counts,
        ngrams,
        network,
        num_synthetic=100,
        match_distance=30,
        icl_positions=(2, 20),
        ablation_positions=(1, 5),
        ngram_lengths=(2, 3),
        key=KEY,
    )
    metrics = along_steps(instrument, network, [(7, params)])
    assert_keeps(metrics, METRICS)
    return metrics


@pytest.fixture(scope="module")
def text():
    stream = np.random.default_rng(1).integers(0, 12, 200 * 40, dtype=np.uint16)
    rows = TokenRows(stream, 40)
    return rows[:], count_bigrams(rows, 12)


def test_an_induction_network_shows_in_all_measures(text):
    params, network = induction_network(12, 40)
    metrics = measured(params, network, *text)
    first, second = metrics["previous_token_score"][0], metrics["prefix_matching_score"][0]
    assert first[0].max() > 0.95
    assert second[1].max() > 0.9
    assert float(metrics["second_copy_gain"][0]) > 1.0
    assert float(metrics["composition_key"][0, 0, 0]) > 2 * float(metrics["composition_random"])
    assert metrics["step"].item() == 7


def test_a_bigram_network_sits_at_the_bigram_entropy(text):
    rows, counts = text
    distribution = conditional_distribution(counts, np.arange(12))
    params, network = bigram_network(np.where(distribution > 0, distribution, 1e-12), 40)
    metrics = measured(params, network, rows, counts)
    gap = float(metrics["bigram_score"][0] - metrics["bigram_entropy"])
    assert abs(gap) < 1e-3
    assert float(metrics["ablation_effect"].max()) == pytest.approx(0, abs=1e-6)
    # Both copies hold the same bigrams, and it looks at nothing else.
    assert float(metrics["second_copy_gain"][0]) == pytest.approx(0, abs=1e-6)


def test_one_layer_has_no_composition(text):
    rows, counts = text
    one = LanguageRun.of(
        "onelayer-s0",
        {
            **SETTINGS,
            "vocab_size": 12,
            "context_length": 40,
            "network": {**SETTINGS["network"], "num_layers": 1},
        },
        0,
        "cpu",
    )
    metrics = measured(one.initial(), one.network, rows, counts)
    assert "composition_key" not in metrics
    assert metrics["previous_token_score"].shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"icl_positions": (2, 40)}, r"evaluation\.icl_positions goes to 40, but rows have 40"),
        ({"ablation_positions": (1, 50)}, r"evaluation\.ablation_positions goes to 50"),
        ({"ngram_lengths": (2, 4)}, r"evaluation\.ngram_lengths asks for \[4\]"),
    ],
)
def test_what_cannot_be_measured_is_said_before_it_is_tried(text, changes, sentence):
    rows, counts = text
    asked = {
        "num_synthetic": 10,
        "match_distance": 30,
        "icl_positions": (2, 20),
        "ablation_positions": (1, 5),
        "ngram_lengths": (2,),
    } | changes
    network = dataclasses.replace(RUN.network, context_length=40)
    with pytest.raises(ValueError, match=sentence):
        evaluation_set(rows, counts, {2: torch.zeros(5, 2).long()}, network, key=KEY, **asked)
