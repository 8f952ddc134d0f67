"""Programs: one step of stacked replicas, and the blocks of steps in which it runs.

All that changes from step to step is a row of tensors on the device: batches, noise, learning rates.
They are drawn for a block of steps at a time, each block from streams keyed by its number, and read at a
counter on the device. So a step asks nothing of the host and may be replayed as a CUDA graph, and a run
that begins inside a block draws the whole block again: to the bit what it would have been.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stagewise.core.capture import compiled, replayed
from stagewise.core.evaluation import Evaluation

logger = logging.getLogger(__name__)

Rows = Mapping[str, Tensor]
"""Tensors by name: of a step, or with an axis of steps in front."""

AGREEMENT = {"records": 0.05, "moves": 0.5}
"""Most by which a captured step may differ from the same step eagerly, as shares of what is recorded and
of the length of its move. Rounding (of bfloat16 too) makes less, a wrong step all of it; Adam's first
moves are large where the gradient is nothing but rounding."""


def runs_in_blocks(device: torch.device | str) -> bool:
    """Return whether networks are trained and sampled as programs on a device: on a GPU."""
    return torch.device(device).type == "cuda"


@dataclass(frozen=True)
class Program:
    """One step of stacked replicas.

    Parameters
    ----------
    state : mapping of str to Tensor
        All that steps change, in place.
    step : callable
        ``step(evaluate, rows) -> records``: moves the state, given a step's rows, and returns what is
        recorded of it. Operations on the device alone.
    evaluate : callable
        Losses and gradients, the part of a step that is compiled; see `core.evaluation`.
    block_steps : int
        Steps in a block. Draws depend on it.
    """

    state: Mapping[str, Tensor]
    step: Callable[[Evaluation, Rows], Rows]
    evaluate: Evaluation
    block_steps: int


class Blocks:
    """A program between two steps.

    Parameters
    ----------
    program : Program
    draw : callable
        ``draw(number) -> rows``, each with an axis of `block_steps` in front: a function of the number
        alone.
    captured : bool, optional
        Whether steps are compiled and replayed as a CUDA graph; without it, wherever there is a GPU.
        Where that fails they run eagerly, and the log says why.
    """

    def __init__(
        self, program: Program, draw: Callable[[int], Rows], captured: bool | None = None
    ) -> None:
        self.program, self._draw = program, draw
        device = next(iter(program.state.values())).device
        self._captured = device.type == "cuda" if captured is None else captured
        self._place = torch.zeros(1, dtype=torch.long, device=device)
        self._held: int | None = None
        self._rows: dict[str, Tensor] = {}
        self._records: dict[str, Tensor] = {}
        self._advance: Callable[[int], None] | None = None

    def begin(self, state: Rows, draw: Callable[[int], Rows]) -> None:
        """Take over another state, and other draws of the same shapes."""
        for name, own in self.program.state.items():
            own.copy_(state[name])
        self._draw, self._held = draw, None

    def rows(self, number: int) -> Rows:
        """Return the rows of a block; they are overwritten by those of the next one."""
        if number != self._held:
            drawn = self._draw(number)
            if not self._rows:
                self._rows = {name: value.clone() for name, value in drawn.items()}
            for name, value in drawn.items():
                self._rows[name].copy_(value)
            self._held = number
        return self._rows

    def run(self, start: int, stop: int) -> dict[str, Tensor]:
        """Make the steps from `start` to before `stop`.

        Returns
        -------
        dict of str to Tensor, each of shape (step, ...)
            What was recorded, on the CPU; read from the device once a block.
        """
        parts = []
        while start < stop:
            number, place = divmod(start, self.program.block_steps)
            count = min(stop - start, self.program.block_steps - place)
            self.rows(number)
            if self._advance is None:
                self._advance = self._prepared()
            self._place.fill_(place)
            self._advance(count)
            seen = {name: all_[place : place + count] for name, all_ in self._records.items()}
            parts.append({name: value.to("cpu", copy=True) for name, value in seen.items()})
            start += count
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _step(self, evaluate: Evaluation) -> None:
        rows = {name: all_.index_select(0, self._place)[0] for name, all_ in self._rows.items()}
        for name, value in self.program.step(evaluate, rows).items():
            if name not in self._records:  # at the first step, which is never part of a graph
                shape = (self.program.block_steps, *value.shape)
                self._records[name] = value.new_zeros(shape)
            self._records[name].index_copy_(0, self._place, value[None])
        self._place.add_(1)

    def _prepared(self) -> Callable[[int], None]:
        """Return what makes so many steps: a replay of graphs where that can be had."""
        plain = partial(self._step, self.program.evaluate)

        def eager(count: int) -> None:
            for _ in range(count):
                plain()

        if not self._captured:
            return eager
        if not torch.cuda.is_available():
            logger.warning("steps run eagerly: no GPU is visible")
            return eager
        ways: dict[str, Callable[[Evaluation], Evaluation]] = {
            "compiled": compiled,
            "not compiled": lambda evaluate: evaluate,
        }
        for words, prepared in ways.items():
            kept = (*self.program.state.values(), self._place)
            before = [tensor.clone() for tensor in kept]
            # Whatever a compiler or a driver raises, there is another way to go on.
            try:
                evaluate = prepared(self.program.evaluate)
                advance = replayed(partial(self._step, evaluate), kept)
                self._require_agreement(advance, eager)
            except Exception as error:
                for tensor, value in zip(kept, before, strict=True):
                    tensor.copy_(value)
                reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
                logger.warning("steps are not replayed as a CUDA graph, %s: %s", words, reason)
            else:
                logger.info("steps are replayed as a CUDA graph, %s", words)
                return advance
        logger.warning("steps run eagerly, which is many times slower on a GPU")
        return eager

    def _require_agreement(
        self, advance: Callable[[int], None], eager: Callable[[int], None]
    ) -> None:
        """Raise if the next step goes elsewhere by one way than by the other; leave all as it was."""
        kept = (*self.program.state.values(), self._place)
        before, found = [tensor.clone() for tensor in kept], []
        for one in (advance, eager):
            one(1)
            moves = [tensor.double() - old for tensor, old in zip(kept, before, strict=True)]
            records = [all_[before[-1]].double() for all_ in self._records.values()]
            found.append({"moves": moves, "records": records})
            for tensor, old in zip(kept, before, strict=True):
                tensor.copy_(old)
        for kind, share in AGREEMENT.items():
            for replay, expected in zip(*(one[kind] for one in found), strict=True):
                error = (replay - expected).nan_to_num().norm().item()
                size = expected.nan_to_num().norm().item()
                if error > share * size:
                    raise RuntimeError(
                        f"{kind} of a replayed step are off by {error:.3g} of {size:.3g}"
                    )
