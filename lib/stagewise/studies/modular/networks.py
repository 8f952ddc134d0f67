"""Either architecture by the same names: what measures need of a network, whichever it is."""

from __future__ import annotations

from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, Params
from stagewise.studies.modular import model, transformer
from stagewise.studies.modular.settings import Network, Program, TransformerSettings


def activations(params: Params, network: Network, pairs: Tensor) -> Tensor:
    """Return what the unembedding reads, shape (pair, unit).

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings or TransformerSettings
    pairs : Tensor of int64, shape (pair, 2)
    """
    if isinstance(network, TransformerSettings):
        return transformer.activations(params, network, pairs)
    return model.activations(params, network, pairs)


def logits(params: Params, network: Network, pairs: Tensor) -> Tensor:
    """Return the logit of every residue, shape (pair, p); parameters as `activations`."""
    if isinstance(network, TransformerSettings):
        return transformer.logits(params, network, pairs)
    return model.logits(params, network, pairs)


def loss_function(program: Program) -> LossFunction:
    """Return what a program minimises, as a function of parameters and a batch of pairs and labels."""
    network = program.network
    if isinstance(network, TransformerSettings):
        return lambda params, batch: transformer.cross_entropy(params, network, batch)
    loss = model.cross_entropy if program.loss == "cross_entropy" else model.mean_squared_error

    def of_mlp(params: Params, batch: Batch) -> Tensor:
        return loss(params, network, batch)

    return of_mlp
