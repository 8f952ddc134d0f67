"""What a GPU does a second: a short piece of the work of every rule that may run on one, at paper size.

Each piece runs twice and the second run is timed, so that the start of the GPU's libraries is not in it.
`benchmarks.paper_cost` takes its hours of a GPU from the table that this prints:

    .venv/bin/python -m benchmarks.gpu > benchmarks/gpu.csv

On a GPU training and SGLD are captured programs; `benchmarks.programs` measures them beside the eager
loop. The table that is kept is older: all of it is the eager loop's.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import torch

from benchmarks.paper_cost import configuration, estimate, pass_cost
from stagewise.core.network import network_descent, refuse_loss
from stagewise.core.network_program import ProgramDescent
from stagewise.core.precisions import Precision
from stagewise.core.replicas import Batch, LossFunction, ParameterLayout
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.language.behaviour import losses_of
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.regression.model import outputs
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.runs import Run, expand_runs, training_settings

UPDATES = {"regression": 500, "language": 20}
DRAWS = {"regression": 100, "language": 10}
METRIC_ROWS = {"regression": 8192, "language": 500}

Work = Callable[[int], None]
"""Makes so many steps of all replicas."""

Piece = tuple[float, Callable[[], None]]
"""Floating-point operations, and what does them."""


def network_of(run: Run, device: str) -> RegressionRun | LanguageRun:
    """Return the network of a run."""
    kind = {"regression": RegressionRun, "language": LanguageRun}[run.study]
    return kind.of(run.name, training_settings(run), 0, device)


def data_of(network: RegressionRun | LanguageRun, count: int) -> tuple[LossFunction, Batch]:
    """Return the loss of an LLC estimate and samples; text is random, which costs the same."""
    if isinstance(network, RegressionRun):
        return network.llc_target("all_positions", count)
    assert isinstance(network, LanguageRun)
    sizes = network.network
    rows = torch.randint(sizes.vocab_size, (count, sizes.context_length))
    return network.llc_target(rows, count)


def updates_of(run: Run, device: str, networks: int, precision: Precision, captured: bool) -> Work:
    """Return updates of networks: the eager loop of one, or the captured program of all."""
    network = network_of(run, device)
    settings = replace(network.training, precision=precision)
    layout = ParameterLayout.of(network.initial())
    initial = layout.flatten(network.initial())
    block_of: Callable[[int, int], Batch]
    if isinstance(network, RegressionRun):
        batch_at = partial(network.training_batch, tasks=None)
        block_of, block = partial(network.training_block, tasks=None), 500
    else:
        assert isinstance(network, LanguageRun)
        rows = data_of(network, settings.batch_size)[1][0]
        batch_at = lambda step: (rows.clone(),)  # noqa: E731
        block_of, block = lambda number, count: (rows.expand(count, *rows.shape),), 20
    if not captured:
        descent = network_descent(network.loss, layout, initial, batch_at, settings)
    else:
        descent = ProgramDescent(
            *(network.loss, layout, initial.expand(networks, -1).clone(), [block_of] * networks),
            *(settings, block, partial(refuse_loss, settings)),
            captured=device == "cuda",
        )
    done = 0

    def work(count: int) -> None:
        nonlocal done
        descent.advance_to(done, done + count)
        done += count

    return work


def training_piece(run: Run, device: str) -> Piece:
    """Return some updates of a training run, as its rule makes them on the device."""
    count = UPDATES[run.study]
    make = updates_of(run, device, 1, "float32", device == "cuda")
    size = run.settings["training"]["batch_size"]
    return count * size * pass_cost(run), lambda: make(count)


def metrics_piece(run: Run, device: str) -> Piece:
    """Return forward passes on a part of an evaluation set."""
    count = METRIC_ROWS[run.study]
    network = network_of(run, device)
    params, data = network.initial(), data_of(network, count)[1]

    @torch.no_grad()
    def work() -> None:
        if isinstance(network, RegressionRun):
            outputs(params, network.network, *data)
        else:
            losses_of(params, network.network, *data)

    return count * pass_cost(run) / 3, work


def llc_piece(
    run: Run, device: str, sampler: Mapping[str, Any], llc: Mapping[str, Any], draws: int
) -> Piece:
    """Return the first draws of an LLC estimate, of as many chains as run together."""
    network = network_of(run, device)
    together = llc.get("chains_at_a_time") or sampler["num_chains"]
    short = {**sampler, "num_chains": together, "num_burnin": 0, "num_draws": draws}
    num_samples = min(llc["num_samples"], together * sampler["batch_size"])
    loss_fn, data = data_of(network, num_samples)
    params = network.initial()
    known = {key: value for key, value in short.items() if key in SGLDConfig.__annotations__}

    def work() -> None:
        estimate_llc(loss_fn, params, data, SGLDConfig(**known), key=network.key)

    return estimate(run, short, num_samples).operations, work


def pieces(config: Mapping[str, Any], device: str) -> dict[str, Piece]:
    """Return one piece a rule, of the first run of its study."""
    runs = expand_runs(config)
    found: dict[str, Piece] = {}
    for study in ("regression", "language"):
        run = next(run for run in runs if run.study == study)
        llc = config[study]["llc"]
        found[f"train ({study})"] = training_piece(run, device)
        found[f"{study}_metrics"] = metrics_piece(run, device)
        arguments = run, device, llc["settings"]["published"], llc, DRAWS[study]
        found[f"llc_shard ({study})"] = llc_piece(*arguments)
        if study == "regression":
            sampler = config["calibration"]["transformer"]["sampler"]
            sampler = {**sampler, "step_size": 0.2, "n_beta": 100.0, "localization": 1000.0}
            found["calibration_sweep (transformer)"] = llc_piece(run, device, sampler, llc, 800)
    return found


def timed(work: Callable[[], None], device: str) -> float:
    """Return the seconds of the second of two runs."""
    for _ in range(2):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return seconds


def main() -> None:
    """Print one line a rule: operations, seconds, their ratio, and the GPU's memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--rules", nargs="*", help="all without it")
    options = parser.parse_args()
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    lines = []
    found = pieces(configuration(options.preset), options.device)
    for rule in options.rules or found:
        operations, work = found[rule]
        if options.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        try:
            seconds = timed(work, options.device)
        except torch.OutOfMemoryError as error:
            print(rule, error, file=sys.stderr, flush=True)
            continue
        memory = torch.cuda.max_memory_allocated() if options.device == "cuda" else 0
        lines.append(
            {
                **{"rule": rule, "operations": operations, "seconds": round(seconds, 3)},
                **{"operations_per_second": operations / seconds, "memory_mb": memory // 10**6},
                **{"device": name, "torch": torch.__version__},
            }
        )
        print(lines[-1], file=sys.stderr, flush=True)
    pd.DataFrame(lines).to_csv(sys.stdout, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
