"""What a training step and an SGLD chain-step cost, as multiples of a plain forward and backward pass.

The yardstick is `torch.nn` modules with autograd on the same batch. Variants are interleaved and
measured by CPU time, so that a busy machine slows all alike; medians over rounds.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stagewise.core.learning_rates import one_cycle_learning_rate
from stagewise.core.network import network_descent
from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.llc.posterior import Posterior
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import sample_chains
from stagewise.studies.regression.model import (
    initial_parameters,
    mean_squared_error,
    outputs,
    tokens_of,
)
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import sample_contexts

TASK = TaskSettings(4, 8, 0.125)
NETWORK = NetworkSettings(2, 4, 64, 64, "doubled")
KEY = StreamKey(0, ("benchmark",))


class Block(nn.Module):
    """One block written as most people would."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(64), nn.LayerNorm(64)
        self.qkv, self.out = nn.Linear(64, 192, bias=False), nn.Linear(64, 64, bias=False)
        self.mlp = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> Tensor:
        """Return the doubled residual stream."""
        heads = [
            h.unflatten(-1, (4, 16)).transpose(1, 2) for h in self.qkv(self.norm1(x)).chunk(3, -1)
        ]
        mixed = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        stream = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + stream + self.mlp(self.norm2(stream))


class Transformer(nn.Module):
    """The regression transformer as a module."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 64, bias=False)
        self.positions = nn.Parameter(torch.rand(16, 64) / 2 - 0.25)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm, self.unembed = nn.LayerNorm(64), nn.Linear(64, 5)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared error."""
        x = self.embed(tokens_of(inputs, labels)) + self.positions
        predicted = self.unembed(self.norm(self.blocks(x)))[:, ::2, 0]
        return (predicted - labels).square().mean()


def medians(variants: dict[str, Callable[[], None]], rounds: int, repeats: int) -> dict[str, float]:
    """Return the median CPU milliseconds of a call of each variant, interleaved."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for function in variants.values():
        function()
    for _ in range(rounds):
        for name, function in variants.items():
            start = time.process_time()
            for _ in range(repeats):
                function()
            times[name].append(1e3 * (time.process_time() - start) / repeats)
    return {name: statistics.median(values) for name, values in times.items()}


def training_variants(batch_size: int) -> dict[str, Callable[[], None]]:
    """Return plain passes and training steps on batches of one size."""
    params = initial_parameters(NETWORK, TASK, KEY)
    layout = ParameterLayout.of(params)
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    batch = sample_contexts(TASK, batch_size, KEY.generator())
    settings = TrainingSettings(10**6, batch_size, 1e-3, 0.5, (0.9, 0.999), 1e-8, 10**6)
    descent = network_descent(
        lambda p, b: mean_squared_error(p, NETWORK, b),
        layout,
        layout.flatten(params),
        lambda step: sample_contexts(TASK, batch_size, KEY.child("batch", step).generator()),
        settings,
    )
    steps = itertools.count()
    module = Transformer()
    plain_module = Transformer()
    adam = torch.optim.Adam(module.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda step: one_cycle_learning_rate(step, 10**6, 1.0, 0.5)
    )

    def full(p: dict[str, Tensor]) -> Tensor:
        return (outputs(p, NETWORK, *batch)[..., ::2, 0] - batch[1]).square().mean()

    def plain() -> None:
        torch.autograd.grad(full(leaves), list(leaves.values()))

    def plain_needed() -> None:
        torch.autograd.grad(mean_squared_error(leaves, NETWORK, batch), list(leaves.values()))

    def plain_modules() -> None:
        plain_module.zero_grad()
        plain_module(*batch).backward()

    def ours() -> None:
        descent.advance(next(steps))

    def usual() -> None:
        fresh = sample_contexts(TASK, batch_size, KEY.child("batch", 0).generator())
        adam.zero_grad()
        module(*fresh).backward()
        adam.step()
        scheduler.step()

    return {
        "forward+backward, all outputs": plain,
        "forward+backward, predictions only": plain_needed,
        "forward+backward, nn.Module": plain_modules,
        "training step": ours,
        "nn.Module + torch.optim.Adam step": usual,
    }


def chain_variants(batch_size: int, num_draws: int = 6) -> dict[str, Callable[[], None]]:
    """Return SGLD runs of one and of four chains; each call makes `num_draws` steps."""
    params = initial_parameters(NETWORK, TASK, KEY)
    posterior = Posterior.around(
        params, lambda p, b: mean_squared_error(p, NETWORK, b), n_beta=100.0, localization=100.0
    )
    data = sample_contexts(TASK, 4096, KEY.generator())

    def chains(count: int) -> Callable[[], None]:
        config = SGLDConfig(1e-5, 100.0, 100.0, count, 0, num_draws, batch_size)

        def run() -> None:
            sample_chains(posterior, data, config, KEY)

        return run

    return {"1 chain": chains(1), "4 chains": chains(4)}


def main() -> None:
    """Print a table of costs and ratios for each batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    draws = 6
    for size in arguments.batch_sizes:
        variants = training_variants(size) | chain_variants(size, draws)
        times = medians(variants, arguments.rounds, repeats=2)
        times["1 chain"] /= draws
        times["4 chains"] /= 4 * draws
        full = times["forward+backward, all outputs"]
        print(f"\nbatch {size}: CPU ms, and ratio to forward+backward of all outputs")
        for name, value in times.items():
            label = f"SGLD chain-step with paired forward, {name}" if "chain" in name else name
            print(f"  {label:55s} {value:8.2f}  {value / full:6.2f}")


if __name__ == "__main__":
    main()
