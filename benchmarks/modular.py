"""What an update of a modular-addition network costs, batched with others and one by one.

Variants are interleaved and measured by CPU time, so that a busy machine slows all alike; medians over
rounds. One by one is what most people would write: a function of six tensors and ``torch.optim.Adam``.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.descent import stacked_descent
from stagewise.studies.modular.model import cross_entropy, initial_parameters
from stagewise.studies.modular.settings import NetworkSettings, Program, Replica, TaskSettings
from stagewise.studies.modular.stacked import all_pairs
from stagewise.studies.modular.stacked import initial_parameters as stacked_parameters
from stagewise.studies.modular.task import split

KEY = StreamKey(0, ("benchmark",))
TASK = TaskSettings(53, 0.8)
NETWORK = NetworkSettings(12, 48)


def batched(num_replicas: int, batch_size: int | None) -> Callable[[], None]:
    """Return a function that makes one update of every replica."""
    program = Program(TASK, NETWORK, num_steps=10**6, batch_size=batch_size)
    replicas = [Replica("benchmark", seed, 0.005, 2e-4) for seed in range(num_replicas)]
    keys = [replica.key(KEY) for replica in replicas]
    params = stacked_parameters(program, replicas, keys)
    descent = stacked_descent(program, replicas, keys, all_pairs(program, keys), params)
    step = 0

    def update() -> None:
        nonlocal step
        descent.advance(step)
        step += 1

    return update


class Module(torch.nn.Module):
    """The network as a module."""

    def __init__(self) -> None:
        super().__init__()
        width, hidden = NETWORK.embed_dim, NETWORK.hidden_dim
        self.embedding = torch.nn.Embedding(TASK.modulus, width)
        self.left, self.right = torch.nn.Linear(width, hidden), torch.nn.Linear(width, hidden)
        self.unembedding = torch.nn.Linear(hidden, TASK.modulus, bias=False)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        left, right = self.embedding(pairs).unbind(1)
        return self.unembedding(F.gelu(self.left(left) + self.right(right)))


def one_by_one(batch_size: int | None, as_module: bool) -> Callable[[], None]:
    """Return a function that makes one update of one network."""
    data, _ = split(TASK, KEY)
    generator = KEY.child("batch").generator()
    leaves = {n: v.requires_grad_() for n, v in initial_parameters(NETWORK, TASK, KEY).items()}
    module = Module()
    free = list(module.parameters()) if as_module else list(leaves.values())
    adam = torch.optim.Adam(free, 0.005, weight_decay=2e-4)

    def update() -> None:
        batch = data
        if batch_size is not None:
            rows = torch.randint(len(data[0]), (batch_size,), generator=generator)
            batch = data[0][rows], data[1][rows]
        adam.zero_grad()
        if as_module:
            loss = F.cross_entropy(module(batch[0]), batch[1])
        else:
            loss = cross_entropy(leaves, NETWORK, batch)
        loss.backward()
        if not loss.isfinite():
            raise FloatingPointError("the loss is not finite")
        adam.step()

    return update


def medians(
    variants: dict[str, tuple[Callable[[], None], int]], rounds: int, repeats: int
) -> dict[str, float]:
    """Return the median CPU milliseconds of an update of one network, by variant."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds + 1):  # the first is a warm-up
        for name, (function, count) in variants.items():
            calls = max(1, repeats // count)
            start = time.process_time()
            for _ in range(calls):
                function()
            times[name].append(1e3 * (time.process_time() - start) / (calls * count))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    """Print the cost per replica and the ratio to the batched one, for minibatches and full ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 8, 16, 32, 64])
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for size in (128, None):
        variants = {
            "one by one, function and torch.optim.Adam": (one_by_one(size, False), 1),
            "one by one, nn.Module and torch.optim.Adam": (one_by_one(size, True), 1),
        } | {f"batched, {n} replicas": (batched(n, size), n) for n in arguments.replicas}
        repeats = 128 if size else 8
        times = medians(variants, arguments.rounds if size else 5, repeats)
        reference = next(iter(times.values()))
        print(f"\nbatch {size or 'full'}: CPU ms per replica and update, and gain over the first")
        for name, value in times.items():
            print(f"  {name:45s} {value:8.3f}  {reference / value:6.2f}")


if __name__ == "__main__":
    main()
