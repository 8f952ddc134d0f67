"""A loss as a function of some of its parameters, or of some of their entries."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, Params


def restricted(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    only: Collection[str] | Mapping[str, Tensor],
) -> tuple[LossFunction, Params]:
    """Hold the other parameters, or entries, where they are.

    Parameters
    ----------
    loss_fn, params
        As for `llc.estimate.estimate_llc`.
    only : collection of str, or mapping of str to Tensor of bool
        Names of the free parameters, or masks of their free entries.

    Returns
    -------
    loss_fn : callable
        Of the free ones; what is masked is a vector of its free entries.
    params : dict of str to Tensor

    Raises
    ------
    ValueError
        If a name is unknown, a mask has another shape or type, or nothing is free.
    """
    names = [only] if isinstance(only, str) else list(only)
    unknown = sorted(set(names) - set(params))
    if unknown or not names:
        raise ValueError(f"only names {unknown}, but parameters are {sorted(params)}")
    masks = dict(only) if isinstance(only, Mapping) else {}
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.shape != params[name].shape or not mask.any():
            raise ValueError(
                f"the mask of {name!r} must be of bool, of shape {tuple(params[name].shape)}, with "
                "some entry true"
            )
    fixed = {name: value.detach() for name, value in params.items()}
    places = {
        name: mask.flatten().nonzero()[:, 0].to(fixed[name].device) for name, mask in masks.items()
    }
    free = {
        name: fixed[name].flatten()[places[name]] if name in places else fixed[name]
        for name in names
    }

    def loss_of_free(values: Params, batch: Batch) -> Tensor:
        whole: Params = {}
        for name, held in fixed.items():
            if name not in values:
                whole[name] = held.to(next(iter(values.values())).dtype)
            elif name in places:
                flat = held.to(values[name].dtype).flatten()
                whole[name] = flat.index_put((places[name],), values[name]).reshape(held.shape)
            else:
                whole[name] = values[name]
        return loss_fn(whole, batch)

    return loss_of_free, free
