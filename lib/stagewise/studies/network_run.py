"""What all networks that are trained one by one have in common: a name, streams and checkpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from stagewise.core.replicas import ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.stores.checkpoints import read_checkpoint


def require_device(device: str) -> None:
    """Make a device ready: a GPU multiplies in full float32, as the CPU does, and not in TF32.

    Raises
    ------
    RuntimeError
        If the device is cuda and there is none.
    """
    if device != "cuda":
        return
    if not torch.cuda.is_available():
        raise RuntimeError("device is cuda but no GPU is visible: set device: cpu in the config")
    torch.set_float32_matmul_precision("highest")


@dataclass(frozen=True)
class NetworkRun(ABC):
    """One network of a study.

    Parameters
    ----------
    name : str
        Run id; names the run's random streams.
    training : TrainingSettings
    root_seed : int
    device : str
        "cpu" or "cuda".
    """

    study: ClassVar[str]

    name: str
    training: TrainingSettings
    root_seed: int
    device: str

    @property
    def key(self) -> StreamKey:
        """Key above all streams of this run."""
        return StreamKey(self.root_seed, (self.study, self.name))

    @abstractmethod
    def initial(self) -> Params:
        """Return the parameters before training."""

    def layout(self) -> ParameterLayout:
        """Return the parameters' layout."""
        return ParameterLayout.of(self.initial())

    def params_at(self, path_to_checkpoints: str, step: int, identity: str) -> Params:
        """Read the parameters at a checkpoint of this run; see `stores.checkpoints.read_checkpoint`."""
        arrays = read_checkpoint(path_to_checkpoints, step, identity)
        return {name: torch.from_numpy(value).to(self.device) for name, value in arrays.items()}

    def sgld_key(self, step: int, noise: str) -> StreamKey:
        """Return the key of a checkpoint's batches and noise.

        "shared" gives every checkpoint of the run the same ones (seed 003, App. E.3.2), "fresh" gives
        each its own.
        """
        key = self.key.child("sgld")
        return key.child(step) if noise == "fresh" else key
