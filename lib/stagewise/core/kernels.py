"""Kernels of PyTorch that serve every derivative: fused ones are fast and know the first at best."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def differentiable_kernels(*, fused: bool) -> Iterator[None]:
    """Choose kernels with the derivatives that sampling needs, whatever the caller's mode.

    Gradients are on, also inside ``torch.no_grad()`` and ``torch.inference_mode()``; the fast path of
    ``nn.TransformerEncoder`` and ``nn.MultiheadAttention``, which has none, is off.

    Parameters
    ----------
    fused : bool
        Whether attention may be fused; else it is plain tensor operations, for fused attention has no
        second derivatives, and is no faster under `torch.func.vmap`.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with ExitStack() as modes:
            modes.enter_context(torch.inference_mode(False))
            modes.enter_context(torch.enable_grad())
            if not fused:
                modes.enter_context(sdpa_kernel(SDPBackend.MATH))
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
