"""Losses and gradients in another precision than float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from stagewise.core.precisions import Precision


@contextmanager
def multiplied_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Let losses and gradients that are taken inside multiply in a precision; see `core.precisions`."""
    if precision == "bf16":
        # Without the cache of cast parameters: graphs would replay what it held at their recording.
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            yield
    elif precision == "tf32" and device.type == "cuda":
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
    else:
        yield
