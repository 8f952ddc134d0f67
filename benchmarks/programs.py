"""Captured programs beside the eager loop, on one GPU in one run, with what was to be reached.

Every way does a short and a longer piece of the same work at the published size; the difference is
timed, so that compiling, capturing and the start of libraries are not in it (their seconds are a
column). One line a way as soon as it is known; those that no longer fit into the minutes are left out:

    .venv/bin/python -m benchmarks.programs --minutes 8 > benchmarks/programs.csv
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from benchmarks.gpu import Work, data_of, network_of, updates_of
from benchmarks.paper_cost import configuration
from stagewise.core.kernels import differentiable_kernels
from stagewise.core.precision import multiplied_in
from stagewise.core.precisions import Precision
from stagewise.core.seeding import StreamKey
from stagewise.llc.posterior import Posterior
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import Langevin, sample_chains
from stagewise.llc.sgld_program import sample_programs
from stagewise.workflow.runs import Run, expand_runs

COLUMNS = (
    *("work", "way", "precision", "replicas", "ms", "times_faster", "goal", "verdict"),
    *("seconds_before", "memory_mb", "device", "torch"),
)


@dataclass(frozen=True)
class Way:
    """One way to do a work; the first of each work is what the others are compared with."""

    work: str
    way: str
    precision: Precision
    replicas: int
    steps: tuple[int, int]
    make: Callable[[], Work]
    goal: float | None = None


def sampling(
    run: Run,
    llc: Mapping[str, Any],
    device: str,
    checkpoints: int,
    chains: int,
    precision: Precision,
    captured: bool,
) -> Work:
    """Return SGLD under the published setting, by the sampler or by the captured program."""
    network = network_of(run, device)
    batch_size = llc["settings"]["published"]["batch_size"]
    loss_fn, data = data_of(network, min(llc["num_samples"], 8 * batch_size))
    known = {
        k: v for k, v in llc["settings"]["published"].items() if k in SGLDConfig.__annotations__
    }
    posterior = Posterior.around(network.initial(), loss_fn, known["n_beta"], known["localization"])

    def work(count: int) -> None:
        config = SGLDConfig(**{**known, "num_chains": chains, "num_burnin": 0, "num_draws": count})
        with (
            differentiable_kernels(fused=chains == 1),
            multiplied_in(precision, torch.device(device)),
        ):
            if not captured:
                sample_chains(posterior, data, config, StreamKey(0))
                return
            kernel = Langevin.prepared(posterior, data, config, StreamKey(0))
            sample_programs([kernel] * checkpoints, data, captured=device == "cuda")

    return work


def ways(config: Mapping[str, Any], device: str) -> Iterator[Way]:
    """Yield what is measured, the most telling first."""
    runs = {run.study: run for run in reversed(expand_runs(config))}
    regression, language = runs["regression"], runs["language"]
    name, make = (
        "regression training, ms a network and update",
        partial(updates_of, regression, device),
    )
    yield Way(name, "eager", "float32", 1, (50, 250), partial(make, 1, "float32", False))
    for networks, precision, goal in (
        *((5, "float32", 12.0), (5, "tf32", 12.0)),
        *((1, "float32", None), (5, "bf16", None)),
    ):
        one = partial(make, networks, precision, True)
        yield Way(name, "captured", precision, networks, (500, 4500), one, goal)
    name = "regression LLC, ms a chain and step"
    make = partial(sampling, regression, config["regression"]["llc"], device)
    yield Way(name, "eager", "float32", 10, (20, 120), partial(make, 1, 10, "float32", False))
    for checkpoints, precision, goal in (
        *((6, "float32", 4.0), (6, "tf32", 4.0)),
        *((1, "float32", None), (6, "bf16", None)),
    ):
        one = partial(make, checkpoints, 10, precision, True)
        yield Way(name, "captured", precision, 10 * checkpoints, (100, 300), one, goal)
    name, make = "language training, ms an update", partial(updates_of, language, device, 1)
    yield Way(name, "eager", "float32", 1, (5, 25), partial(make, "float32", False))
    for precision in ("float32", "tf32", "bf16"):
        yield Way(name, "captured", precision, 1, (20, 60), partial(make, precision, True), 2.0)
    name, make = (
        "language LLC, ms a chain and step",
        partial(sampling, language, config["language"]["llc"], device, 1, 1),
    )
    yield Way(name, "eager", "float32", 1, (5, 25), partial(make, "float32", False))
    for precision in ("float32", "tf32", "bf16"):
        yield Way(name, "captured", precision, 1, (20, 60), partial(make, precision, True), 2.5)


def seconds_of(work: Work, count: int, device: str) -> float:
    """Return the seconds of so many steps."""
    start = time.perf_counter()
    work(count)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measured(way: Way, device: str, share: float) -> tuple[float, float]:
    """Return milliseconds a step and replica, and the seconds before the first timed step."""
    start = time.perf_counter()
    work, (short, long) = way.make(), (2 + round(share * count) for count in way.steps)
    long = max(long, short + 1)
    seconds_of(work, short, device)
    before = time.perf_counter() - start
    few, many = (seconds_of(work, count, device) for count in (short, long))
    return 1e3 * (many - few) / (long - short) / way.replicas, before


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--share", type=float, default=1.0, help="of the steps, for a trial")
    parser.add_argument("--minutes", type=float, default=8.0, help="no way begins after them")
    options = parser.parse_args()
    end, device = time.monotonic() + 60 * options.minutes, options.device
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    table = csv.DictWriter(sys.stdout, COLUMNS)
    table.writeheader()
    eager: dict[str, float] = {}
    for way in ways(configuration(options.preset), device):
        if device == "cpu" and way.way == "captured":  # a trial of this file
            way = replace(way, way="eager program", goal=None)
        if time.monotonic() > end:
            print(f"no time for {way.work}, {way.way}, {way.precision}", file=sys.stderr)
            continue
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        try:
            ms, before = measured(way, device, options.share)
        except torch.OutOfMemoryError as error:
            print(way.work, way.way, error, file=sys.stderr, flush=True)
            continue
        faster = eager.setdefault(way.work, ms) / ms
        line = {name: getattr(way, name) for name in ("work", "way", "precision", "replicas")}
        reached = "" if way.goal is None else "reached" if faster >= way.goal else "missed"
        memory = torch.cuda.max_memory_allocated() // 10**6 if device == "cuda" else 0
        line |= {"ms": f"{ms:.4g}", "times_faster": f"{faster:.3g}", "goal": way.goal}
        line |= {"verdict": reached, "seconds_before": round(before, 1), "memory_mb": memory}
        table.writerow({**line, "device": name, "torch": torch.__version__})
        sys.stdout.flush()


if __name__ == "__main__":
    main()
