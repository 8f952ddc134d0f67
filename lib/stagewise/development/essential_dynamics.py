"""Essential dynamics: principal components of a training trajectory in function space.

The T x N matrix of outputs has few rows (checkpoints) and very many columns (outputs on the fixed
inputs), so the decomposition goes through its T x T Gram matrix, summed over blocks of columns.
Source: Hoogland et al. (2024), section 3.2 and Appendix B.7-B.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import scipy.linalg
import xarray as xr

from stagewise.core.unanswered import UnansweredError
from stagewise.development.layout import ED

KERNEL_REACH = 8.0
"""Half-width of the smoothing kernel in standard deviations; its weight beyond is below 1e-14."""


def gram_matrix(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Gram matrix between checkpoints of the column-centred outputs.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (T, f)
        Consecutive blocks of columns of the outputs; `f` may differ between blocks. One block at a
        time is converted to float64.

    Returns
    -------
    ndarray, shape (T, T)
        ``X @ X.T`` in float64 with every column of ``X`` centred over time; squared output units.

    Raises
    ------
    ValueError
        If there is no block, the blocks differ in their number of rows or hold non-finite values.
    """
    gram: np.ndarray | None = None
    for centred, _ in _centred(blocks):
        if gram is None:
            gram = np.zeros((len(centred), len(centred)))
        gram += centred @ centred.T
    if gram is None:
        raise ValueError("no block of outputs was given; check the trajectory store")
    return gram


def essential_dynamics(
    blocks_factory: Callable[[], Iterable[np.ndarray]], steps: np.ndarray, num_components: int
) -> xr.Dataset:
    """Principal components of a trajectory that is read twice in blocks of columns.

    Parameters
    ----------
    blocks_factory : callable
        Returns a fresh iterable of (T, f) blocks at every call. The first pass sums the Gram
        matrix, the second projects the outputs on the scores.
    steps : ndarray, shape (T,)
        Optimiser step of each checkpoint.
    num_components : int
        Number of principal components, at most T - 1.

    Returns
    -------
    xarray.Dataset
        ``scores (step, pc)``, ``explained_variance_ratio (pc)``, ``mean (feature)`` and
        ``components (pc, feature)`` with orthonormal rows in float32; attribute
        ``total_variance`` with divisor T - 1. ``pc`` counts from 1. The sign of each component
        makes its score of largest absolute value positive.

    Raises
    ------
    ValueError
        If the shapes disagree or the second pass yields other blocks than the first.
    stagewise.core.unanswered.UnansweredError
        If outputs are not finite, or span fewer dimensions than `num_components`.
    """
    steps = np.asarray(steps)
    gram = gram_matrix(blocks_factory())
    num_steps = len(gram)
    if steps.shape != (num_steps,):
        raise ValueError(f"steps has shape {steps.shape}, but the outputs have {num_steps} rows")
    if not 1 <= num_components <= num_steps - 1:
        raise ValueError(
            f"num_components is {num_components}, but {num_steps} checkpoints allow 1 to "
            f"{num_steps - 1}; lower it or store more checkpoints"
        )
    values, vectors = scipy.linalg.eigh(
        gram, subset_by_index=(num_steps - num_components, num_steps - 1)
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    floor = num_steps * np.finfo(float).eps * max(values[0], 0.0)
    if values[-1] <= floor:
        raise UnansweredError(
            f"the trajectory spans only {int((values > floor).sum())} dimensions, so "
            f"{num_components} components do not exist; lower num_components"
        )
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(num_components)])
    scale = np.sqrt(values)

    means, columns = [], []
    for centred, mean in _centred(blocks_factory()):
        means.append(mean)
        columns.append((centred.T @ vectors / scale).astype(np.float32))
    components = np.concatenate(columns).T if columns else np.empty((num_components, 0))
    lengths = np.linalg.norm(components, axis=1)
    if not np.allclose(lengths, 1.0, atol=1e-3):
        raise ValueError(
            "the second pass read other outputs than the first; blocks_factory must return a "
            "fresh iterable over the same blocks at every call"
        )
    total = float(np.trace(gram))
    return ED.dataset(
        {
            "scores": vectors * scale,
            "explained_variance_ratio": values / total,
            "mean": np.concatenate(means),
            "components": components,
        },
        {"step": steps, "pc": np.arange(1, num_components + 1)},
        {"total_variance": total / (num_steps - 1)},
    )


def smoothing_widths(num_steps: int, sigma_start: float, sigma_end: float) -> np.ndarray:
    """Give the standard deviation of the smoothing kernel at each sample.

    Parameters
    ----------
    num_steps : int
        Number of samples T.
    sigma_start, sigma_end : float
        Standard deviation at the first and the last sample, in samples; not negative.

    Returns
    -------
    ndarray, shape (T,)
        Widths in samples, linear along the trajectory.
    """
    if sigma_start < 0 or sigma_end < 0:
        raise ValueError(
            f"smoothing widths must not be negative, got {sigma_start} and {sigma_end}"
        )
    return np.linspace(sigma_start, sigma_end, num_steps)


def smooth(scores: np.ndarray, sigma_start: float, sigma_end: float) -> np.ndarray:
    """Smooth scores in time with a Gaussian kernel that widens along the trajectory.

    Parameters
    ----------
    scores : ndarray, shape (T,) or (T, d)
        One column a coordinate.
    sigma_start, sigma_end : float
        As `smoothing_widths`, in samples (Hoogland et al. 2024: 0.1 to 300 over 5,000 checkpoints).

    Returns
    -------
    ndarray, shape of `scores`
        Weighted means. The weights at each sample sum to one over the samples that exist:
        nothing wraps around or is padded at the ends. A width of zero leaves the sample as it is.
    """
    scores = np.asarray(scores, dtype=float)
    num_steps = len(scores)
    widths = smoothing_widths(num_steps, sigma_start, sigma_end)
    smoothed = np.empty_like(scores)
    chunk = 256
    for start in range(0, num_steps, chunk):
        rows = np.arange(start, min(start + chunk, num_steps))
        reach = int(np.ceil(KERNEL_REACH * widths[rows].max()))
        low, high = max(rows[0] - reach, 0), min(rows[-1] + reach + 1, num_steps)
        lag = np.arange(low, high)[None, :] - rows[:, None]
        # Below a hundredth of a sample the neighbours weigh exp(-5000), which is zero.
        weights = np.exp(-0.5 * (lag / np.maximum(widths[rows], 0.01)[:, None]) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        smoothed[rows] = weights @ scores[low:high]
    return smoothed


def walk_scores(
    variance: np.ndarray,
    dimension: int,
    num_components: int,
    num_walks: int,
    seed: int,
    pull: float = 0.0,
) -> np.ndarray:
    """Principal component scores of Gaussian random walks, the null hypothesis for forms.

    As the dimension grows the scores of an even walk tend to cosines, ``PC_k(t) ~ cos(pi k t / T)``,
    and their plane curves to Lissajous figures (Antognini & Sohl-Dickstein 2018; Shinn 2023;
    Hoogland et al. 2024, B.7).

    Parameters
    ----------
    variance : ndarray, shape (T - 1,)
        Variance of each step in each dimension.
    dimension : int
        Dimension of each walk, at least `num_components`.
    num_components : int
        Number of scores.
    num_walks : int
        Number of walks.
    seed : int
        Seed; walk number i depends on the seed, the variances, the pull and i only.
    pull : float
        Rate at which a walk returns to its start, per share of the total variance: an
        Ornstein-Uhlenbeck process at the pace of the walk. At most 300, not negative.

    Returns
    -------
    ndarray, shape (num_walks, T, num_components)
        Scores in the unit of the root of the variance.
    """
    num_steps = len(variance) + 1
    if not num_components <= dimension or num_steps <= num_components:
        raise ValueError(
            f"a walk of {num_steps} samples in {dimension} dimensions does not have "
            f"{num_components} principal components; raise the dimension or lower num_components"
        )
    # Solution of dx = -pull x dc + dW in the clock c, which advances by the variance.
    clock = np.concatenate([[0.0], np.cumsum(variance)])
    growth = np.exp(pull * clock / max(clock[-1], 1e-300))[:, None]
    scale = np.sqrt(variance)[:, None] * growth[1:]
    scores = np.empty((num_walks, num_steps, num_components))
    for index in range(num_walks):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        walk = np.zeros((num_steps, dimension))
        np.cumsum(scale * rng.standard_normal((num_steps - 1, dimension)), axis=0, out=walk[1:])
        walk /= growth
        walk -= walk.mean(axis=0)
        _, axes = scipy.linalg.eigh(
            walk.T @ walk, subset_by_index=(dimension - num_components, dimension - 1)
        )
        scores[index] = walk @ axes[:, ::-1]
    return scores


def _centred(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Check each block and yield it in float64, centred over time, with its mean."""
    num_steps = None
    for number, block in enumerate(blocks):
        if np.ndim(block) != 2:
            raise ValueError(
                f"block {number} has {np.ndim(block)} dimensions; need (time, feature)"
            )
        num_steps = len(block) if num_steps is None else num_steps
        if len(block) != num_steps:
            raise ValueError(
                f"block {number} has {len(block)} rows and the first one {num_steps}; "
                "every block must hold all checkpoints"
            )
        centred = np.array(block, dtype=np.float64)
        mean = centred.mean(axis=0)
        if not np.isfinite(mean).all():
            raise UnansweredError(
                f"block {number} holds non-finite outputs; leave out the checkpoints that diverged"
            )
        centred -= mean
        yield centred, mean
