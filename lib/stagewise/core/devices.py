"""Devices that networks are trained and sampled on."""

from __future__ import annotations

import torch


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
