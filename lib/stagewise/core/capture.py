"""A step as CUDA graphs: recorded once, replayed without the host."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stagewise.core.evaluation import Evaluation

WARM_UPS = 3
"""Steps before a graph is recorded: libraries and the compiler allocate what they keep."""

REPEATS = 10
"""Steps of the longer graph: a replay costs the host some 10 microseconds."""


@functools.lru_cache(maxsize=8)
def compiled(evaluate: Evaluation) -> Evaluation:
    """Return a function compiled at its first call; the same object for the same function."""
    return torch.compile(evaluate, dynamic=False)


def replayed(step: Callable[[], None], kept: Sequence[Tensor]) -> Callable[[int], None]:
    """Return a function that makes so many steps by replaying graphs of them.

    Parameters
    ----------
    step : callable
        Operations on the GPU alone, on tensors that stay where they are.
    kept : sequence of Tensor
        What the step changes; as it was afterwards.

    Raises
    ------
    RuntimeError
        If an operation cannot be recorded.
    """
    before = [tensor.clone() for tensor in kept]

    def restore() -> None:
        for tensor, value in zip(kept, before, strict=True):
            tensor.copy_(value)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            step()
            restore()
    torch.cuda.current_stream().wait_stream(side)
    graphs = {}
    pool = torch.cuda.graph_pool_handle()  # one for both: they never run at the same time
    for repeats in (1, REPEATS):
        graphs[repeats] = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graphs[repeats], pool=pool):
            for _ in range(repeats):
                step()

    def advance(count: int) -> None:
        for _ in range(count // REPEATS):
            graphs[REPEATS].replay()
        for _ in range(count % REPEATS):
            graphs[1].replay()

    return advance
