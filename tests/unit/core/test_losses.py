"""Losses: those of PyTorch, also stacked."""

import pytest
import torch
import torch.nn.functional as F

from stagewise.core.losses import cross_entropies


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_entropies_and_gradients_are_those_of_pytorch(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(3, 7, 11, generator=generator, dtype=dtype)
    labels = torch.randint(11, (3, 7), generator=generator)
    logits.requires_grad_()

    ours = cross_entropies(logits, labels)
    theirs = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    assert torch.equal(ours.flatten(), theirs)
    (our_gradient,) = torch.autograd.grad(ours.mean(), logits)
    (their_gradient,) = torch.autograd.grad(theirs.mean(), logits)
    assert torch.equal(our_gradient, their_gradient)
    stacked = torch.func.vmap(cross_entropies)(logits, labels)
    assert torch.equal(stacked, ours)
