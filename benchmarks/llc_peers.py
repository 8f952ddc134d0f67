"""Our LLC estimator beside devinterp 1.3.2 and 2.0.1: cost of a step, mixing, time to a given error.

Same checkpoint, samples, posterior (n_beta, gamma), minibatch size and loss function, one thread each.
The peers live in environments of their own under `.peers/`, made by pip on the first run. CPU time
everywhere; costs from interleaved rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from stagewise.core.curvature import largest_eigenpairs
from stagewise.core.network import network_descent
from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.llc.diagnostics import chain_diagnostics
from stagewise.llc.estimate import full_loss
from stagewise.llc.posterior import Posterior
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import sample_chains
from stagewise.stores.checkpoints import read_checkpoint
from stagewise.studies.regression.model import initial_parameters, mean_squared_error
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import sample_contexts

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".peers"
PEERS = ("1.3.2", "2.0.1")
TORCH = "torch==2.13.0"

KEY = StreamKey(0, ("peers",))
TASK = TaskSettings(4, 8, 0.125)
NETWORK = NetworkSettings(2, 4, 64, 64, "doubled")
NUM_SAMPLES = 4096

BURNIN_SHARE = 1 / 3
"""Share of every chain that is left out, whatever its length and sampler."""

GROUP = 4
"""Chains of one estimate."""

SCANNED = (0.25, 0.5, 1.0, 2.0)
"""Step sizes in units of the stiffest direction, epsilon (n_beta h + gamma); stable below 4."""


@dataclass(frozen=True)
class Problem:
    """What is sampled, the same for all."""

    params: Params
    data: Batch
    loss_fn: LossFunction
    n_beta: float
    localization: float
    batch_size: int

    @property
    def posterior(self) -> Posterior:
        """What all sample."""
        return Posterior.around(self.params, self.loss_fn, self.n_beta, self.localization)

    @property
    def init_loss(self) -> float:
        """L_n(w*), which the peers are given for nothing."""
        return full_loss(self.loss_fn, self.params, self.data)

    def top_rate(self) -> float:
        """Return n_beta h + gamma of the stiffest direction, from 1,024 samples."""
        few = tuple(part[:1024] for part in self.data)
        product = self.posterior.hessian_product(few)
        (top,), _ = largest_eigenpairs(product, self.posterior.centre, 1, KEY.child("top"))
        return self.n_beta * top.item() + self.localization


@dataclass(frozen=True)
class Traces:
    """Losses of independent chains from w*, less that at w*, times n_beta; shape (chain, step)."""

    paired: np.ndarray | None
    unpaired: np.ndarray


class Peer:
    """A version of devinterp in a process of its own."""

    def __init__(self, version: str, path_to_problem: Path) -> None:
        python = environment(version)
        self.process = subprocess.Popen(
            [str(python), "-m", "benchmarks.peer_devinterp", str(path_to_problem)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(FOLDER / f"devinterp-{version}.log").open("w"),
            text=True,
        )

    def run(self, settings: dict[str, Any]) -> tuple[float, np.ndarray]:
        """Return CPU seconds and losses, shape (chain, step)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(settings), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer has ended: see its log in {FOLDER}")
        answer = json.loads(line)
        return answer["seconds"], np.array(answer["losses"])

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def environment(version: str) -> Path:
    """Return the interpreter of a version's environment; make that with pip if it is not there."""
    folder = FOLDER / f"devinterp-{version}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing devinterp {version} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", TORCH, f"devinterp=={version}"]
        subprocess.run(install, check=True)
        done.touch()
    return python


def trained(num_steps: int) -> Params:
    """Return the laptop preset's network after a training of its own, kept for the next run."""
    path = FOLDER / f"checkpoint-{num_steps}.pt"
    if not path.exists():
        print(f"training {num_steps} steps", file=sys.stderr)
        settings = TrainingSettings(num_steps, 32, 3e-3, 0.5, (0.9, 0.999), 1e-8, num_steps)
        initial = initial_parameters(NETWORK, TASK, KEY)
        layout = ParameterLayout.of(initial)
        start = layout.flatten(initial)
        descent = network_descent(loss_of, layout, start, training_batch, settings)
        for step in range(num_steps):
            descent.advance(step)
        torch.save(layout.unflatten(descent.vectors[0].clone()), path)
    return torch.load(path, weights_only=True)


def training_batch(step: int) -> Batch:
    """Return the contexts of one update."""
    return sample_contexts(TASK, 32, KEY.child("training", step).generator())


def loss_of(params: Params, batch: Batch) -> torch.Tensor:
    """Return the training loss of the regression transformer."""
    return mean_squared_error(params, NETWORK, batch)


def stored(path: Path, step: int) -> Params:
    """Return a checkpoint of the pipeline's own store."""
    with h5py.File(path) as store:
        identity = str(store.attrs["identity"])
    arrays = read_checkpoint(path, step, identity)
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


# Samplers: a function from (chains, steps, seed) to CPU seconds and traces


Sampler = Callable[[int, int, int], tuple[float, Traces]]


def peer_sampler(problem: Problem, peer: Peer, step_size: float) -> Sampler:
    """Return devinterp's SGLD; its draws are compared with L_n(w*)."""
    common = {
        "step_size": step_size,
        "n_beta": problem.n_beta,
        "localization": problem.localization,
        "batch_size": problem.batch_size,
    }
    init_loss = problem.init_loss

    def run(num_chains: int, num_steps: int, seed: int) -> tuple[float, Traces]:
        counts = {"num_chains": num_chains, "num_steps": num_steps, "seed": seed}
        seconds, losses = peer.run({**common, **counts})
        return seconds, Traces(None, problem.n_beta * (losses - init_loss))

    return run


def our_sampler(
    problem: Problem,
    kind: str,
    start: str,
    step_size: float,
    *,
    paired: bool = True,
    batch_size: int | None = None,
    integrator: str = "averaged",
) -> Sampler:
    """Return ours; the time includes measuring the curvature and the losses at w*."""
    posterior, init_loss = problem.posterior, problem.init_loss

    def run(num_chains: int, num_steps: int, seed: int) -> tuple[float, Traces]:
        config = SGLDConfig(
            step_size,
            problem.n_beta,
            problem.localization,
            num_chains,
            num_burnin=0,
            num_draws=num_steps,
            batch_size=batch_size or problem.batch_size,
            paired=paired,
            preconditioner=kind,
            start=start,
            integrator=integrator,
        )
        begin = time.process_time()
        trace = sample_chains(posterior, problem.data, config, KEY.child("chains", seed))
        seconds = time.process_time() - begin
        loss = trace.loss.double().numpy()
        unpaired = problem.n_beta * (loss - init_loss)
        if trace.baseline is None:
            return seconds, Traces(None, unpaired)
        return seconds, Traces(problem.n_beta * (loss - trace.baseline.double().numpy()), unpaired)

    return run


def step_costs(
    problem: Problem, samplers: dict[str, Sampler], rounds: int, num_steps: int
) -> dict[str, np.ndarray]:
    """Return CPU seconds of a chain-step, shape (round,), in interleaved rounds.

    Runs of two lengths are subtracted, so that what is paid once a run does not count; both are long
    enough for our sampler to evaluate each sample once at w*. The first
    entry is a plain forward and backward pass of one minibatch.
    """
    leaves = {name: value.clone().requires_grad_() for name, value in problem.params.items()}
    batch = tuple(part[: problem.batch_size] for part in problem.data)

    def plain() -> float:
        begin = time.process_time()
        for _ in range(GROUP * num_steps):
            torch.autograd.grad(problem.loss_fn(leaves, batch), list(leaves.values()))
        return (time.process_time() - begin) / (GROUP * num_steps)

    costs: dict[str, list[float]] = {PLAIN: [], **{name: [] for name in samplers}}
    for number in range(rounds + 1):  # the first round warms up
        found = {PLAIN: plain()}
        for name, sampler in samplers.items():
            short, long = (sampler(GROUP, count, 0)[0] for count in (SHORT, SHORT + num_steps))
            found[name] = (long - short) / (GROUP * num_steps)
        for name, seconds in found.items():
            costs[name] += [seconds] if number else []
    return {name: np.array(values) for name, values in costs.items()}


# What a length of chain is worth


def kept(num_steps: int) -> slice:
    """Return the steps that count in a chain of that length."""
    return slice(int(BURNIN_SHARE * num_steps), num_steps)


def error_curve(excess: np.ndarray, truth: float, lengths: Sequence[int]) -> np.ndarray:
    """Return the root-mean-square error of an estimate from `GROUP` chains, shape (length, 2).

    From R chains, the squared bias is that of their mean, less the part that is chance (variance / R);
    to it is added variance / GROUP. The second column is the Monte Carlo error, by the jackknife.
    """
    rows = []
    for length in lengths:
        chains = excess[:, kept(length)].mean(axis=1)

        def error(some: np.ndarray) -> float:
            spread = some.var(ddof=1)
            squared_bias = max((some.mean() - truth) ** 2 - spread / len(some), 0.0)
            return float(np.sqrt(squared_bias + spread / GROUP))

        left_out = np.array([error(np.delete(chains, index)) for index in range(len(chains))])
        scatter = np.sqrt((len(chains) - 1) * np.mean((left_out - left_out.mean()) ** 2))
        rows.append((error(chains), scatter))
    return np.array(rows)


def estimate(excess: np.ndarray) -> tuple[float, float]:
    """Return the estimate from whole chains and its standard error over chains."""
    chains = excess[:, kept(excess.shape[1])].mean(axis=1)
    return float(chains.mean()), float(chains.std(ddof=1) / np.sqrt(len(chains)))


def effective_samples(excess: np.ndarray) -> float:
    """Return the bulk effective sample size of `GROUP` chains, mean over groups."""
    groups = np.split(excess[:, kept(excess.shape[1])], len(excess) // GROUP)
    return statistics.mean(chain_diagnostics(group)[1] for group in groups)


@dataclass(frozen=True)
class Row:
    """A sampler at one step size, measured."""

    name: str
    step_size: float
    llc: float
    stderr: float
    ess_rate: float
    length: int | None
    error: tuple[float, float]
    seconds: float
    range_of_seconds: tuple[float, float]


def measured(
    name: str,
    step_size: float,
    excess: np.ndarray,
    costs: tuple[float, float],
    truth: float,
    target: float,
) -> Row:
    """Judge a sampler's chains; `costs` are CPU seconds once a run and of a chain-step.

    The time to the target is that of the shortest chains from which on the error stays below it; its
    range moves the error curve by its Monte Carlo error, up and down.
    """
    once, each = costs
    total = excess.shape[1]
    lengths = list(range(6, total + 1, 2))
    curve = error_curve(excess, truth, lengths)

    def reached(errors: np.ndarray) -> int | None:
        above = np.flatnonzero(~(errors <= target))
        first = int(above[-1]) + 1 if len(above) else 0
        return lengths[first] if first < len(lengths) else None

    def seconds(length: int | None) -> float:
        return once + GROUP * each * length if length else np.inf

    length = reached(curve[:, 0])
    at = curve[lengths.index(length)] if length else curve[-1]
    bounds = (
        seconds(reached(curve[:, 0] - curve[:, 1])),
        seconds(reached(curve[:, 0] + curve[:, 1])),
    )
    ess_rate = effective_samples(excess) / seconds(total)
    return Row(
        name, step_size, *estimate(excess), ess_rate, length, tuple(at), seconds(length), bounds
    )


PLAIN = "forward+backward"

SHORT = 40
"""Steps of the shorter of two runs that are subtracted."""


def reference(problem: Problem, rate: float, num_chains: int, num_steps: int) -> list[Row]:
    """Return two long runs of ours, with a large batch and small steps, that should agree."""
    large = 4 * problem.batch_size
    rows = []
    for name, kind, step_size in (("reference", "lanczos", 0.2), ("its check", "none", 0.4 / rate)):
        sampler = our_sampler(problem, kind, "gaussian", step_size, batch_size=large)
        seconds, traces = sampler(num_chains, num_steps, 7)
        assert traces.paired is not None
        mean, stderr = estimate(traces.paired)
        ess_rate = effective_samples(traces.paired) / seconds
        rows.append(Row(name, step_size, mean, stderr, ess_rate, None, (0, 0), seconds, (0, 0)))
    return rows


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="a run's checkpoints.h5 (laptop sizes)")
    parser.add_argument("--step", type=int, help="step of that checkpoint")
    parser.add_argument("--training-steps", type=int, default=6000, help="without a checkpoint")
    parser.add_argument("--n-beta", type=float, default=100.0)
    parser.add_argument("--localization", type=float, default=100.0)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--chains", type=int, default=12)
    parser.add_argument("--length", type=int, default=360, help="steps of chains from w*")
    parser.add_argument("--short", type=int, default=120, help="steps of chains from a gaussian")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--target", type=float, default=0.05, help="RMSE as a share of the LLC")
    parser.add_argument("--reference-steps", type=int, default=400)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    if arguments.checkpoint:
        params = stored(arguments.checkpoint, arguments.step)
    else:
        params = trained(arguments.training_steps)
    problem = Problem(
        params,
        sample_contexts(TASK, NUM_SAMPLES, KEY.child("samples").generator()),
        loss_of,
        arguments.n_beta,
        arguments.localization,
        arguments.batch_size,
    )
    path = FOLDER / "problem.pt"
    torch.save({"params": params, "data": list(problem.data), "network": asdict(NETWORK)}, path)
    peers = {version: Peer(version, path) for version in PEERS}
    rate = problem.top_rate()
    print(f"L_n(w*) {problem.init_loss:.4f}, stiffest direction n_beta h + gamma = {rate:.0f}")

    costs = report_costs(problem, peers, rate, arguments.rounds)
    long = reference(problem, rate, 2 * GROUP, arguments.reference_steps)
    report_rows("References (large batch, small steps)", long)
    truth = long[0].llc

    rows = []
    for row in scan(problem, peers, rate, costs, arguments, truth):
        rows.append(row)
        report_rows("" if len(rows) > 1 else "Samplers", [row])
    for peer in peers.values():
        peer.close()
    report_best(rows, long[0])


def report_costs(
    problem: Problem, peers: dict[str, Peer], rate: float, rounds: int
) -> dict[str, tuple[float, float]]:
    """Print costs of a chain-step as ratios; return each sampler's (once a run, each step)."""
    samplers = {
        **{f"devinterp {v}": peer_sampler(problem, peer, 0.1 / rate) for v, peer in peers.items()},
        "ours, unpaired": our_sampler(problem, "none", "checkpoint", 0.1 / rate, paired=False),
        **{
            f"ours, {kind}": our_sampler(
                problem, kind, start, 0.1 / rate if kind == "none" else 0.1
            )
            for kind, start in OURS
        },
    }
    found = step_costs(problem, samplers, rounds, num_steps=60)
    print(f"\nCPU cost of a chain-step, {GROUP} chains, median of {rounds} rounds [quartiles]")
    width = max(map(len, found))
    for name, seconds in found.items():
        versus = [PLAIN, *(f"devinterp {v}" for v in peers)]
        ratios = "   ".join(f"{spread(seconds / found[other]):20s}" for other in versus)
        print(f"  {name:{width}s} {1e3 * np.median(seconds):7.2f} ms   {ratios}")
    print("  (ratios to: " + ", ".join(versus) + ")")
    result = {}
    for name, sampler in samplers.items():
        each = float(np.median(found[name]))
        total = statistics.median(sampler(GROUP, SHORT, 0)[0] for _ in range(3))
        once = total - SHORT * GROUP * each
        result[name] = max(once, 0.0), each
        print(f"  {name:{width}s} {result[name][0]:7.2f} s once a run")
    return result


OURS = (
    ("none", "checkpoint"),
    ("scalar", "gaussian"),
    ("gradient", "gaussian"),
    ("hessian", "gaussian"),
    ("lanczos", "gaussian"),
)
"""Preconditioners of ours, and where their chains begin."""


def spread(values: np.ndarray) -> str:
    """Return a median and its quartiles as text."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def scan(
    problem: Problem,
    peers: dict[str, Peer],
    rate: float,
    costs: dict[str, tuple[float, float]],
    arguments: argparse.Namespace,
    truth: float,
) -> Iterator[Row]:
    """Yield every sampler at every step size of its scan."""
    counts, short = (arguments.chains, arguments.length), (arguments.chains, arguments.short)
    target = arguments.target * truth
    for epsilon in SCANNED:
        for version, peer in peers.items():
            name = f"devinterp {version}"
            _, traces = peer_sampler(problem, peer, epsilon / rate)(*counts, 1)
            yield measured(name, epsilon, traces.unpaired, costs[name], truth, target)
        for kind, start in OURS:
            scale = 1 / rate if kind == "none" else 1.0
            steps = counts if start == "checkpoint" else short
            _, traces = our_sampler(problem, kind, start, epsilon * scale)(*steps, 1)
            cost = costs[f"ours, {kind}"]
            if kind == "none":
                unpaired = costs["ours, unpaired"]
                yield measured("ours, unpaired", epsilon, traces.unpaired, unpaired, truth, target)
            assert traces.paired is not None
            yield measured(f"ours, {kind}", epsilon, traces.paired, cost, truth, target)


def report_rows(title: str, rows: Sequence[Row]) -> None:
    """Print a table of samplers."""
    if title:
        print(f"\n{title}")
        print("  sampler              epsilon  LLC +- error    ESS/s   steps, CPU s to target")
    for row in rows:
        low, high = row.range_of_seconds
        goal = f"{row.length} {row.seconds:7.2f} [{low:.2f}, {high:.2f}]" if row.length else "-"
        print(
            f"  {row.name:20s} {row.step_size:7.3g} {row.llc:7.2f} +- {row.stderr:4.2f} "
            f"{row.ess_rate:8.2f}   {goal}  RMSE {row.error[0]:.2f} +- {row.error[1]:.2f}",
            flush=True,
        )


def report_best(rows: Sequence[Row], truth: Row) -> None:
    """Print every sampler at the step size that reaches the target first, and the goals."""
    best: dict[str, Row] = {}
    for row in rows:
        if row.name not in best or row.seconds < best[row.name].seconds:
            best[row.name] = row
    report_rows("At each sampler's best step size", list(best.values()))
    print("\nTime to the target, relative to devinterp at its best; distance to the reference")
    for name, row in best.items():
        ratios = [row.seconds / best[f"devinterp {version}"].seconds for version in PEERS]
        distance = (row.llc - truth.llc) / np.hypot(row.stderr, truth.stderr)
        print(f"  {name:20s} {ratios[0]:6.2f} {ratios[1]:6.2f}   z = {distance:+.1f}")


if __name__ == "__main__":
    main()
