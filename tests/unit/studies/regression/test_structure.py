"""Structure of the regression transformer against theory, and its claims on what was planted."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.run_evidence import RunEvidence
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED
from stagewise.core.seeding import StreamKey
from stagewise.development.settings import StageSettings
from stagewise.studies.regression.attention import (
    attention_patterns,
    head_scores,
    label_numbers,
    normalised_entropy,
    scored_queries,
    variability,
)
from stagewise.studies.regression.claims.evidence import RegressionEvidence
from stagewise.studies.regression.claims.structure import chance_of_cosines
from stagewise.studies.regression.figures import (
    attention_maps,
    attention_measure,
    fig29_embeddings,
    fig30_unembedding,
    fig31_layer_norms,
    fig34_heads,
)
from stagewise.studies.regression.model import initial_parameters, outputs
from stagewise.studies.regression.structure import principal_angles
from stagewise.studies.regression.structure_layout import LABELS, SCORES, STRUCTURE
from stagewise.studies.regression.structure_readings import (
    half_heads,
    head_labels,
    variance_shares,
)
from stagewise.studies.regression.task import sample_contexts
from tests.layouts import assert_keeps
from tests.unit.studies.regression.planted import (
    NETWORK,
    NORMS,
    TASK,
    attending,
    choosing,
    drifting,
    embedded,
    shrinking,
    structure_of,
)

STAGES = pd.DataFrame(
    {
        **{"run": "base-s1", "setting": "published", "stage": [1, 2], "type": ["A", "B"]},
        **{"start": [0.0, 100.0], "end": [100.0, 10_000.0], "sound": False},
        **{"num_sound": 3, "num_estimates": 33},
    }
)
LEDGER = yaml.safe_load((Path(__file__).parents[4] / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.regression.claims")


def verdict_on(claim, *structures):
    runs = [
        RunEvidence(f"base-s{n}", "base", n, structure) for n, structure in enumerate(structures)
    ]
    evidence = RegressionEvidence(
        runs,
        pd.DataFrame(),
        {},
        0.125,
        "AABBA",
        StageSettings(),
        0,
        {run.name: structure for run, structure in zip(runs, structures, strict=True)},
    )
    return CHECKS[claim](evidence, **LEDGER[claim]["thresholds"])


def verdicts(claim, plant, count=20):
    """Return the verdicts on networks that differ in their seed alone, one by one."""
    return [verdict_on(claim, structure_of(plant, seed)).verdict for seed in range(count)]


# Measures


def test_patterns_are_those_of_the_network(monkeypatch):
    """The stream that patterns are taken from is the network's own: swap one softmax for another."""
    params = initial_parameters(NETWORK, TASK, StreamKey(0, ("test",)))
    inputs, labels = sample_contexts(TASK, 5, StreamKey(1, ("test",)).generator())
    seen = []
    softmax = torch.softmax

    def watched(scores, dim):
        seen.append(softmax(scores, dim=dim))
        return seen[-1]

    monkeypatch.setattr(torch, "softmax", watched)
    outputs(params, NETWORK, inputs, labels)
    expected = torch.stack(seen, dim=1)
    torch.testing.assert_close(attention_patterns(params, NETWORK, inputs, labels), expected)


def test_entropy_of_equal_and_of_hard_attention():
    equal = torch.ones(6, 6).tril()
    equal = equal / equal.sum(-1, keepdim=True)
    entropy = normalised_entropy(torch.stack([equal, torch.eye(6)]))
    assert entropy[:, 0].isnan().all()
    torch.testing.assert_close(entropy[:, 1:], torch.tensor([[1.0] * 5, [0.0] * 5]))


def test_variability_of_constant_and_of_random_hard_attention():
    constant = torch.eye(4)[None].expand(50, -1, -1)
    assert variability(constant).abs().max() == 0
    # One of four keys at random: a row differs from the mean by 1 - 1/4.
    chosen = torch.eye(4)[torch.arange(400) % 4][:, None]
    torch.testing.assert_close(variability(chosen), torch.full((400, 1), 0.75))


@pytest.mark.parametrize(
    ("target", "on_x", "on_y"),
    [
        (lambda place: place, "self", "self"),
        (lambda place: place - 1, "previous_token", "previous_token"),
        (lambda place: place - 2, "previous_x", "previous_y"),
        (lambda place: 0, "x", "x"),
        (lambda place: 1, "y", "y"),
    ],
)
def test_scores_and_labels_of_heads_of_one_aim(target, on_x, on_y):
    pattern = torch.zeros(16, 16)
    for place in range(16):
        pattern[place, max(target(place), 0)] = 1
    scores = head_scores(pattern)
    labels = [LABELS[n] for n in label_numbers(scores, 0.8)]
    # The first y query attends to the second token, and the first x queries have none before them.
    assert labels == [on_x, on_y]
    assert scores[0, SCORES.index(on_x)] == scores[1, SCORES.index(on_y)] == 1


def test_x_and_y_share_all_attention_and_equal_attention_has_no_label():
    equal = torch.ones(16, 16).tril()
    scores = head_scores(equal / equal.sum(-1, keepdim=True))
    torch.testing.assert_close(scores[:, 4] + scores[:, 5], torch.ones(2))
    assert [LABELS[n] for n in label_numbers(scores, 0.8)] == ["none", "none"]
    assert scored_queries(16) == ([2, 4, 6, 8, 10, 12, 14], [3, 5, 7, 9, 11, 13])


def test_angles_between_planted_spaces():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((10, 4)))[0]
    turned = np.cos(0.3) * basis[:, 0] + np.sin(0.3) * basis[:, 2]
    pair = np.column_stack([turned, basis[:, 3]])
    # Equal spaces whatever the basis, and a turn by 0.3 in a plane.
    other = basis[:, :2] @ rng.standard_normal((2, 2))
    np.testing.assert_allclose(principal_angles(basis[:, :2], other), 0, atol=1e-7)
    np.testing.assert_allclose(principal_angles(basis[:, :2], pair), [0.3, np.pi / 2])


def test_cosines_of_random_spaces_have_their_mean_and_spread():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(400):
        first, second = rng.standard_normal((64, 5)), rng.standard_normal((64, 16))
        found.append((np.cos(principal_angles(first, second)) ** 2).mean())
    spread = chance_of_cosines(structure_of(drifting))
    assert np.mean(found) == pytest.approx(16 / 64, abs=4 * spread / 20)
    assert np.std(found) == pytest.approx(spread, rel=0.15)


def test_the_store_keeps_its_layout_and_the_effective_unembedding_predicts():
    structure = structure_of(drifting, num_contexts=8)
    assert_keeps(structure, STRUCTURE)
    assert structure.sizes["query"] == 16
    assert list(structure["query"].values[:3]) == ["x1", "y1", "x2"]
    assert list(structure["layer_norm"].values) == list(NORMS)
    shares = variance_shares(structure, "token")
    np.testing.assert_allclose(shares.sum("component"), 1)
    np.testing.assert_allclose(structure["label_share"].sum("label"), 1, rtol=1e-6)
    np.testing.assert_allclose(structure["mean_attention"].sum("key"), 1, rtol=1e-5)
    last = structure.isel(step=-1)
    normed = np.random.default_rng(0).standard_normal(64)
    by_parts = (
        last["unembedding_weight"] @ (last["norm_weight"][-1] * normed + last["norm_bias"][-1])
        + last["unembedding_bias"]
    )
    effective = (
        last["effective_weight"] @ xr.DataArray(normed, dims="channel") + last["effective_bias"]
    )
    assert float(effective) == pytest.approx(float(by_parts), rel=1e-5)


def test_entropies_and_labels_by_kind_of_query():
    structure = structure_of(attending({(1, 2): lambda place: place - 1}))
    entropy = half_heads(structure, "attention_entropy")
    assert entropy.sizes == {"step": 5, "layer": 2, "head": 4, "query_kind": 2}
    hard = entropy.isel(step=-1).values < 0.05
    assert hard[1, 2].all()
    assert hard.sum() == 2
    assert (head_labels(structure)[-1] != "none").sum() == 2


# Claims, on what was planted: power and false positives


COLLAPSED = dict.fromkeys(NORMS[:-1], 0.3) | {"unembedding_norm": 0.8}


def test_r7_finds_planted_collapse_and_nothing_in_drift():
    assert verdicts("R7", shrinking(COLLAPSED, 0.8)).count(SUPPORTED) >= 19
    assert verdicts("R7", drifting).count(SUPPORTED) == 0


@pytest.mark.parametrize(
    "plant",
    [
        shrinking({"unembedding_norm": 0.3}, 0.3),  # a minority of weights
        shrinking(COLLAPSED | {"blocks.0.attention_norm": 0.95}, 0.8),  # most elsewhere
        shrinking(COLLAPSED, 0.1),  # without the linear weights
        shrinking(COLLAPSED, 0.8, delay=0.6),  # long after one another
    ],
)
def test_r7_needs_all_its_parts(plant):
    assert SUPPORTED not in verdicts("R7", plant, 5)


def test_r8_finds_planted_collapse_and_nothing_in_drift():
    planted = embedded(tokens=0.2, positions=0.2, aligned=True)
    collapsed = [structure_of(planted, seed) for seed in range(20)]
    drifted = [structure_of(drifting, seed) for seed in range(20)]
    for name in ("R8", "R8b"):
        assert [verdict_on(name, one).verdict for one in collapsed].count(SUPPORTED) >= 19
        assert [verdict_on(name, one).verdict for one in drifted].count(REFUTED) >= 19


@pytest.mark.parametrize(
    ("plant", "failing"),
    [
        (embedded(tokens=0.2, positions=0.8), "positions"),
        (embedded(tokens=0.8, positions=0.2), "tokens"),
    ],
)
def test_r8_says_which_part_fails(plant, failing):
    found = [verdict_on("R8", structure_of(plant, seed)) for seed in range(5)]
    assert {one.verdict for one in found} == {MIXED}
    assert all(f"(fails: {failing})" in one.value for one in found)
    assert verdict_on("R8b", structure_of(plant)).verdict == REFUTED


def test_r8_takes_growth_of_one_direction_for_no_collapse():
    def growing(params, progress, generator):
        token = params["token_embedding.weight"]
        left, sizes, right = torch.linalg.svd(token, full_matrices=False)
        sizes = torch.cat([sizes[:1] * (1 + 9 * progress), sizes[1:]])
        return {"token_embedding.weight": left @ torch.diag(sizes) @ right}

    assert verdicts("R8", growing, 5) == [REFUTED] * 5


NAMED = {
    (0, 0): lambda place: place - 1,
    (0, 1): lambda place: 0,
    (1, 0): lambda place: place,
}


def test_r9_finds_planted_heads_and_nothing_in_drift():
    assert verdicts("R9", attending(NAMED), 10).count(SUPPORTED) == 10
    found = verdicts("R9", drifting)
    assert SUPPORTED not in found
    assert found.count(REFUTED) >= 15  # in some a head attends to x tokens by chance


def test_r9_needs_hard_heads_that_do_not_look_at_the_content():
    structure = structure_of(choosing(0), num_contexts=64)
    entropy = half_heads(structure, "attention_entropy").isel(step=-1, layer=0, head=0)
    assert (entropy < 0.3).all()  # hard, and yet
    assert verdict_on("R9", structure).verdict == REFUTED
    soft = verdicts("R9", attending(NAMED, hardness=0.02), 3)
    assert SUPPORTED not in soft


def test_seeds_that_differ_are_mixed_and_no_seed_is_not_testable():
    planted, drift = structure_of(attending(NAMED)), structure_of(drifting)
    assert verdict_on("R9", planted, planted).verdict == SUPPORTED
    assert verdict_on("R9", planted, drift).verdict == MIXED
    assert verdict_on("R9").verdict == NOT_TESTABLE


# Figures

FIGURES = {
    fig29_embeddings: {},
    fig30_unembedding: {},
    fig31_layer_norms: {},
    fig34_heads: {},
    attention_maps: {},
    attention_measure: {"measure": "attention_variability"},
}


@pytest.mark.parametrize("module", FIGURES, ids=lambda module: module.__name__.split(".")[-1])
def test_figures_show_the_store_and_keep_their_numbers(module):
    structures = {
        f"base-s{seed}": structure_of(attending(NAMED), seed).assign_attrs(
            run=f"base-s{seed}", threshold=0.8
        )
        for seed in range(2)
    }
    shown = structures["base-s1"]
    wanted = inspect.signature(module.draw).parameters
    given = {"structures": structures, "structure": shown, "stages": STAGES, "run": "base-s1"}
    given |= FIGURES[module]
    drawn = module.draw(**{name: value for name, value in given.items() if name in wanted})
    drawn.figure.draw_without_rendering()
    assert np.isfinite(drawn.data["x"]).all()
    rows = drawn.data.set_index(["panel", "series"]).sort_index()
    last = shown.isel(step=-1)
    if module is fig29_embeddings:
        smallest = rows.loc[("a", "component 5"), "y"].iloc[-1]
        assert smallest == pytest.approx(float(variance_shares(last, "token")[-1]))
        assert ("c", "base-s0 component 1") in rows.index
        with pytest.raises(ValueError, match="base-s9 is not among the runs"):
            module.draw(structures=structures, stages=STAGES, run="base-s9")
    if module is fig34_heads:
        place = ("block 1, head 1, y queries", "previous_token")
        assert rows.loc[place, "y"].iloc[-1] == pytest.approx(1.0, abs=1e-3)
        assert (f"{place[0]}, label", "previous_token") in rows.index
    if module is attention_measure:
        mean = rows.loc[("block 2, head 1, x queries", "mean"), "y"].iloc[-1]
        own = half_heads(shown, "attention_variability").isel(step=-1, layer=1, head=0)
        assert mean == pytest.approx(float(own[0]))
