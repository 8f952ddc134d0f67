"""SGLD as a program: the chains of one checkpoint or of several, in blocks of steps.

The dynamics are those of `llc.sgld`; what differs is where random numbers come from. Rows and noise of a
block of steps are drawn on the device, from streams of the key, the chain and the block's number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from stagewise.core.evaluation import Evaluation, evaluation
from stagewise.core.programs import Blocks, Program, Rows
from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey
from stagewise.llc.minibatches import Minibatch
from stagewise.llc.sampling import Trace, joined
from stagewise.llc.sgld import Langevin, groups_of

NOISE_NUMBERS = 2**26
"""Most normal numbers of a chain in a block, 256 MB: 100 steps of small networks, 20 of large ones."""

MOST_STEPS = 100


def block_steps_of(num_parameters: int) -> int:
    """Return the steps in a block; random numbers depend on it, so it depends on the network alone."""
    return max(4, min(MOST_STEPS, NOISE_NUMBERS // num_parameters))


def sample_programs(
    kernels: Sequence[Langevin],
    data: Batch,
    chains_at_a_time: int | None = None,
    captured: bool | None = None,
) -> list[Trace]:
    """Run all chains of several kernels, side by side; see `llc.sgld.sample_chains`.

    Parameters
    ----------
    kernels : sequence of Langevin
        Of one loss and configuration; w* and the key may differ. What a kernel gives does not depend on
        the others, but for rounding where their number is another.
    data : tuple of Tensor
        The samples, from which minibatches are drawn with replacement.
    chains_at_a_time : int, optional
        Chains of each kernel that run side by side; all without it.
    captured : bool, optional
        As for `core.programs.Blocks`.

    Returns
    -------
    list of Trace
        One of each kernel.
    """
    config = kernels[0].config
    together = chains_at_a_time or config.num_chains
    baselines = [kernel.baseline(together) for kernel in kernels]
    traces: list[list[Trace]] = [[] for _ in kernels]
    blocks: dict[int, Blocks] = {}
    for group in groups_of(config.num_chains, together):
        state, draw = _start(kernels, group), _draws(kernels, len(data[0]), group)
        if len(group) not in blocks:  # the last group may be smaller
            blocks[len(group)] = Blocks(_program(kernels, data, state), draw, captured)
        else:
            blocks[len(group)].begin(state, draw)
        for place, trace in enumerate(_traced(kernels, data, blocks[len(group)], group, baselines)):
            traces[place].append(trace)
    return [joined(parts) for parts in traces]


def _start(kernels: Sequence[Langevin], group: range) -> dict[str, Tensor]:
    """Return chains at their starts, and the noise of their first step; kernel by kernel."""
    positions = [kernel.starts[group.start : group.stop] for kernel in kernels]
    noise = [
        _normal(kernel.key.child("noise", chain), (), kernel.posterior.centre)
        for kernel in kernels
        for chain in group
    ]
    return {"position": torch.cat(positions), "noise": torch.stack(noise)}


def _draws(kernels: Sequence[Langevin], num_samples: int, group: range) -> Callable[[int], Rows]:
    """Return the draws of a block: the rows of each step, and the noise of the step after it."""
    centre, config = kernels[0].posterior.centre, kernels[0].config
    steps = block_steps_of(len(centre))

    def draw(number: int) -> Rows:
        found: dict[StreamKey, tuple[Tensor, Tensor]] = {}
        for key in {kernel.key for kernel in kernels}:  # with shared noise there is one
            rows, noise = [], []
            for chain in group:
                stream = key.child("batch", chain, "block", number).generator(centre.device)
                shape = (steps, config.batch_size)
                choice = torch.randint(num_samples, shape, generator=stream, device=stream.device)
                rows.append(choice.to(centre.device))
                own = key.child("noise", chain, "block", number)
                noise.append(_normal(own, (steps,), centre))
            found[key] = torch.stack(rows, dim=1), torch.stack(noise, dim=1)
        parts = zip(*(found[kernel.key] for kernel in kernels), strict=True)
        both = (torch.cat(part, dim=1) for part in parts)
        return dict(zip(("rows", "noise"), both, strict=True))

    return draw


def _normal(key: StreamKey, shape: tuple[int, ...], like: Tensor) -> Tensor:
    stream = key.generator(like.device)
    shape = (*shape, *like.shape)
    drawn = torch.randn(shape, generator=stream, device=stream.device, dtype=like.dtype)
    return drawn.to(like.device)


def _program(kernels: Sequence[Langevin], data: Batch, start: Mapping[str, Tensor]) -> Program:
    posterior = kernels[0].posterior
    state = {name: value.clone() for name, value in start.items()}
    position, noise = state["position"], state["noise"]
    chains = len(position) // len(kernels)
    centre = torch.cat([k.posterior.centre.expand(chains, -1) for k in kernels])
    parts = [slice(first, first + chains) for first in range(0, len(position), chains)]

    def step(evaluate: Evaluation, rows: Rows) -> Rows:
        losses, gradients = evaluate(position, *(part[rows["rows"]] for part in data))
        offset, following = position - centre, rows["noise"]
        for kernel, own in zip(kernels, parts, strict=True):
            kernel.move(position[own], gradients[own], offset[own], (noise[own], following[own]))
        noise.copy_(following)
        return {"loss": losses, "displacement": offset.norm(dim=1)}

    taken = evaluation(posterior.loss_fn, posterior.layout, posterior.serial)
    return Program(state, step, taken, block_steps_of(posterior.num_parameters))


def _traced(
    kernels: Sequence[Langevin],
    data: Batch,
    blocks: Blocks,
    group: range,
    baselines: Sequence[Callable[[Minibatch], Tensor] | None],
) -> list[Trace]:
    """Return what the chains of a group saw, kernel by kernel."""
    config = kernels[0].config
    length = config.num_burnin + config.num_draws * config.steps_per_draw
    draws = range(config.num_burnin + config.steps_per_draw - 1, length, config.steps_per_draw)
    size, seen, paired = blocks.program.block_steps, [], []
    for first in range(0, length, size):
        stop = min(first + size, length)
        seen.append(blocks.run(first, stop))
        rows = blocks.rows(first // size)["rows"].unflatten(1, (len(kernels), len(group)))
        for step in (step for step in draws if first <= step < stop):
            for place, baseline in enumerate(baselines):
                if baseline is not None:
                    chosen = rows[step - first, place]
                    samples = tuple(part[chosen] for part in data)
                    paired.append(baseline(Minibatch(samples, chosen)))
    shape = len(kernels), len(group)
    records = {
        name: torch.cat([part[name] for part in seen]).T.unflatten(0, shape).contiguous()
        for name in seen[0]
    }
    base = None
    if paired:
        base = torch.stack(paired).cpu().unflatten(0, (len(draws), -1)).permute(1, 2, 0)
    return [
        Trace(
            records["loss"][place, :, : config.num_burnin],
            records["loss"][place, :, list(draws)],
            None if base is None else base[place].contiguous(),
            records["displacement"][place, :, list(draws)],
        )
        for place in range(len(kernels))
    ]
