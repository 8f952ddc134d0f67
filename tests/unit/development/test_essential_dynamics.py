from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from sklearn.decomposition import PCA

from stagewise.development.essential_dynamics import (
    essential_dynamics,
    gram_matrix,
    smooth,
    smoothing_widths,
    walk_scores,
)
from stagewise.development.layout import ED
from tests.layouts import assert_keeps


def blocks_of(outputs: np.ndarray, width: int = 70) -> Callable[[], Iterator[np.ndarray]]:
    def factory() -> Iterator[np.ndarray]:
        for start in range(0, outputs.shape[1], width):
            yield outputs[:, start : start + width]

    return factory


@pytest.fixture
def outputs() -> np.ndarray:
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.standard_normal((40, 300)), axis=0) + 50.0
    return walk.astype(np.float32)


def test_gram_matrix_is_that_of_the_centred_outputs(outputs: np.ndarray) -> None:
    centred = outputs.astype(float) - outputs.mean(axis=0, dtype=float)
    exact = centred @ centred.T
    assert gram_matrix(blocks_of(outputs)()) == pytest.approx(exact, abs=1e-9 * exact.max())


def test_agrees_with_pca(outputs: np.ndarray) -> None:
    steps = np.arange(40) * 10
    found = essential_dynamics(blocks_of(outputs), steps, 3)
    peer = PCA(3, svd_solver="full").fit(outputs.astype(float))
    scores = peer.transform(outputs.astype(float))
    sign = np.sign((scores * found["scores"].values).sum(axis=0))
    assert found["scores"].values == pytest.approx(scores * sign, abs=1e-8 * np.abs(scores).max())
    ratio = found["explained_variance_ratio"].values
    assert ratio == pytest.approx(peer.explained_variance_ratio_, rel=1e-10)
    assert found["mean"].values == pytest.approx(peer.mean_, rel=1e-12)
    # float32 storage
    assert found["components"].values == pytest.approx(peer.components_ * sign[:, None], abs=1e-6)
    assert found["components"].dtype == np.float32
    assert found["pc"].values.tolist() == [1, 2, 3]
    assert_keeps(found, ED)


def test_sign_and_block_width_do_not_matter(outputs: np.ndarray) -> None:
    steps = np.arange(40)
    first = essential_dynamics(blocks_of(outputs), steps, 3)["scores"].values
    assert (first[np.abs(first).argmax(axis=0), range(3)] > 0).all()
    mirrored = essential_dynamics(blocks_of(-outputs, 13), steps, 3)["scores"].values
    # A mirrored trajectory has mirrored components, and the convention undoes that.
    assert mirrored == pytest.approx(first, abs=1e-9 * np.abs(first).max())


def test_reads_one_block_at_a_time() -> None:
    alive = []

    class Tracked(np.ndarray):
        pass

    def factory() -> Iterator[np.ndarray]:
        for seed in range(6):
            block = np.random.default_rng(seed).standard_normal((10, 5)).view(Tracked)
            alive.append(seed)
            yield block

    essential_dynamics(factory, np.arange(10), 2)
    assert alive == [*range(6), *range(6)]


def test_errors_name_the_remedy(outputs: np.ndarray) -> None:
    steps = np.arange(40)
    with pytest.raises(ValueError, match="no block"):
        gram_matrix([])
    with pytest.raises(ValueError, match="block 1 has 39 rows"):
        gram_matrix([outputs, outputs[1:]])
    with pytest.raises(ValueError, match="non-finite"):
        gram_matrix([np.full((4, 2), np.nan)])
    with pytest.raises(ValueError, match="steps has shape"):
        essential_dynamics(blocks_of(outputs), steps[1:], 2)
    with pytest.raises(ValueError, match="num_components is 40"):
        essential_dynamics(blocks_of(outputs), steps, 40)
    line = np.outer(steps, np.ones(7))
    with pytest.raises(ValueError, match="only 1 dimensions"):
        essential_dynamics(blocks_of(line), steps, 2)
    once = blocks_of(outputs)()
    with pytest.raises(ValueError, match="fresh iterable"):
        essential_dynamics(lambda: once, steps, 2)


def test_smoothing_keeps_constants_and_the_inside_of_lines() -> None:
    time = np.arange(200.0)
    scores = np.stack([np.full(200, 3.0), time], axis=1)
    smoothed = smooth(scores, 4.0, 4.0)
    assert smoothed[:, 0] == pytest.approx(scores[:, 0], rel=1e-12)
    assert smoothed[40:160, 1] == pytest.approx(time[40:160], abs=1e-9)
    # No wraparound: the start of a line is pulled in by the mean of a half-normal, not to its end.
    assert smoothed[0, 1] == pytest.approx(4.0 * np.sqrt(2 / np.pi), rel=0.15)


def test_smoothing_damps_a_wave_by_the_known_factor() -> None:
    time = np.arange(600.0)
    omega = 2 * np.pi / 40
    wave = np.cos(omega * time)
    smoothed = smooth(wave, 5.0, 5.0)
    inside = slice(60, 540)
    assert smoothed[inside] == pytest.approx(
        np.exp(-0.5 * (5 * omega) ** 2) * wave[inside], abs=1e-9
    )


def test_smoothing_width_grows_along_the_trajectory() -> None:
    assert smoothing_widths(5, 1.0, 3.0) == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0])
    noise = np.random.default_rng(0).standard_normal(3000)
    smoothed = smooth(noise, 0.0, 30.0)
    assert smoothed[0] == noise[0]
    # White noise under a kernel of width s keeps a variance of 1 / (2 s sqrt(pi)).
    late = smooth(noise, 10.0, 10.0)
    expected = 1 / (20 * np.sqrt(np.pi))
    assert late.var() == pytest.approx(expected, rel=5 * np.sqrt(2 * 35 / 3000))
    with pytest.raises(ValueError, match="negative"):
        smooth(noise, -1.0, 1.0)


def test_high_dimensional_random_walks_have_cosine_scores() -> None:
    scores = walk_scores(np.ones(299), 600, 2, 1, seed=0)[0]
    time = (np.arange(300) + 0.5) / 300
    for k in (1, 2):
        cosine = np.cos(np.pi * k * time)
        assert abs(np.corrcoef(scores[:, k - 1], cosine)[0, 1]) > 0.98
    assert np.corrcoef(scores.T)[0, 1] == pytest.approx(0.0, abs=1e-9)


def test_each_random_walk_depends_on_its_number_only() -> None:
    few, many = (walk_scores(np.ones(49), 8, 2, n, seed=3) for n in (2, 4))
    assert (few == many[:2]).all()
    assert not np.allclose(many[0], many[1])
    with pytest.raises(ValueError, match="raise the dimension"):
        walk_scores(np.ones(49), 2, 3, 1, seed=0)
