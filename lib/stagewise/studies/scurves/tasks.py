"""Tasks that depend on one or several components at once, and their losses (S-curves post, "Examples").

Learned and target tensors are sums of products of vectors. No loss forms the tensor: inner products
of such tensors follow from those of their vectors. Vectors lie in tensors of shape
(replica, component, rank, dimension).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import mul

import torch
from torch import Tensor

from stagewise.core.seeding import StreamKey
from stagewise.studies.scurves.settings import Setting

Losses = Callable[[Tensor], Tensor]


def draw_vectors(setting: Setting, key: StreamKey, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Draw target and initial vectors, entries N(0, 1/d), the initial ones times `init_scale`.

    They depend on seed and shape alone, so that optimisers and tasks of one shape meet the same.

    Parameters
    ----------
    setting : Setting
    key : StreamKey
        Key of the study.
    seeds : sequence of int

    Returns
    -------
    targets, initial : Tensor, shape (seed, component, rank, dimension)
        In the setting's precision.
    """
    shape = (setting.num_components, setting.rank, setting.dimension)

    def draw(purpose: str) -> Tensor:
        keys = [key.child(setting.shape_name, purpose, seed) for seed in seeds]
        draws = [torch.randn(shape, generator=k.generator(), dtype=torch.float64) for k in keys]
        return torch.stack(draws) / setting.dimension**0.5

    dtype = torch.float64 if setting.precision == "double" else torch.float32
    return draw("target").to(dtype), (setting.init_scale * draw("initial")).to(dtype)


def in_their_span(targets: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
    """Return both sets of vectors in coordinates of the space that they span together.

    A loss of inner products has gradients in this span, so gradient descent never leaves it, and
    nothing that inner products tell is lost: 2r entries do for d. Adam looks at entries one by
    one, and cross-entropy at those of the matrix, so neither may be turned.

    Parameters
    ----------
    targets, initial : Tensor, shape (seed, component, rank, dimension)

    Returns
    -------
    targets, initial : Tensor, shape (seed, component, rank, 2 rank)
    """
    coordinates = torch.linalg.qr(torch.cat([targets, initial], dim=-2).mT).R.mT
    rank = targets.shape[-2]
    return coordinates[..., :rank, :].contiguous(), coordinates[..., rank:, :].contiguous()


def inner_product(one: Tensor, other: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Return the inner product of two tensors given by their vectors.

    A group of components makes a factor, the sum over the rank of products of vectors; the tensor is
    the outer product of its factors. For an attention head the groups are (Q, K) and (O, V), and
    the product is ``tr((Q K^T)^T Q' K'^T) tr((O V^T)^T O' V'^T)``.

    Parameters
    ----------
    one, other : Tensor, shapes (replica, component, rank, dimension), ranks may differ
    groups : sequence of sequence of int
        Indices of the components of each factor.

    Returns
    -------
    Tensor, shape (replica,)
    """
    if one.shape[-2] == other.shape[-2] == 1:  # many tiny matrix products take longer
        products = (one * other).sum(-1, keepdim=True)
    else:
        products = one @ other.mT
    parts = products.unbind(1)
    factors = (reduce(mul, (parts[j] for j in group)).sum((-2, -1)) for group in groups)
    return reduce(mul, factors)


def loss_function(setting: Setting, targets: Tensor) -> Losses:
    """Return the loss of a task as a function of the learned vectors.

    product, attention
        ``1/2 |T - M|^2`` with the target tensor T and the learned one M.
    no_self_term
        ``-<T, M>``, what is left without ``1/2 |M|^2`` and the constant ``1/2 |T|^2``.
    cross_entropy
        ``sum C (log C - log softmax(s M))`` with ``C = softmax(s T)`` over all entries: cross-entropy
        less the entropy of C, so that equality is zero.

    Parameters
    ----------
    setting : Setting
    targets : Tensor, shape (replica, component, rank, dimension)

    Returns
    -------
    callable
        From vectors of the same shape to losses, shape (replica,).
    """
    if setting.task == "cross_entropy":
        return _cross_entropy(targets, setting.logit_scale or 1.0)
    groups = setting.groups
    if setting.task == "no_self_term":
        return lambda vectors: -inner_product(targets, vectors, groups)
    # A residual costs d^2 r, inner products d r^2 and more of them.
    if setting.num_components == 2 and 2 * setting.rank > setting.dimension:
        return _residual(targets)
    constant = 0.5 * inner_product(targets, targets, groups)

    def squared_error(vectors: Tensor) -> Tensor:
        self_term = inner_product(vectors, vectors, groups)
        return constant - inner_product(targets, vectors, groups) + 0.5 * self_term

    return squared_error


def matrix_of(vectors: Tensor) -> Tensor:
    """Return ``sum_k a_k b_k^T``, shape (replica, dimension, dimension), of two components."""
    return vectors[:, 0].mT @ vectors[:, 1]


def _residual(targets: Tensor) -> Losses:
    truth = matrix_of(targets)
    return lambda vectors: 0.5 * (matrix_of(vectors) - truth).square().sum((-2, -1))


def _cross_entropy(targets: Tensor, scale: float) -> Losses:
    log_truth = torch.log_softmax(scale * matrix_of(targets).flatten(1), dim=-1)
    truth = log_truth.exp()

    def relative_entropy(vectors: Tensor) -> Tensor:
        log_learned = torch.log_softmax(scale * matrix_of(vectors).flatten(1), dim=-1)
        return (truth * (log_truth - log_learned)).sum(-1)

    return relative_entropy
