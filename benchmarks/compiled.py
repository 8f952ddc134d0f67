"""What compiling losses and gradients saves on a CPU: CPU time of one thread, interleaved, in one run.

OMP_NUM_THREADS=1 .venv/bin/python -m benchmarks.compiled
"""

import time
from functools import partial
from typing import Any

import torch

from benchmarks.gpu import data_of, network_of
from benchmarks.paper_cost import configuration
from benchmarks.steps import medians
from stagewise.core.evaluation import evaluation
from stagewise.core.replicas import ParameterLayout, stacked_losses_and_gradients
from stagewise.workflow.runs import expand_runs

ROUNDS, REPEATS = 9, 3


def main() -> None:
    """Print one line a network and batch."""
    torch.set_num_threads(1)
    runs = {run.study: run for run in reversed(expand_runs(configuration("laptop")))}
    for study, chains, size in (("regression", 1, 32), ("regression", 4, 32), ("language", 1, 32)):
        network = network_of(runs[study], "cpu")
        layout = ParameterLayout.of(network.initial())
        vectors = layout.flatten(network.initial()).expand(chains, -1).clone()
        batches = tuple(
            part.expand(chains, *part.shape).clone() for part in data_of(network, size)[1]
        )
        loss = network.loss
        today = partial(stacked_losses_and_gradients, loss, layout, vectors, batches)
        compiled = torch.compile(evaluation(loss, layout), dynamic=False)
        begin = time.process_time()
        compiled(vectors, *batches)
        seconds = time.process_time() - begin
        for found, value in zip(compiled(vectors, *batches), today(), strict=True):
            torch.testing.assert_close(
                found, value, rtol=1e-5, atol=1e-4 * value.abs().max().item()
            )
        variants: dict[str, Any] = {
            "today": today,
            "compiled": partial(compiled, vectors, *batches),
        }
        times = medians(variants, ROUNDS, REPEATS)
        share = times["compiled"] / times["today"]
        pays = seconds / max(1e-3 * (times["today"] - times["compiled"]), 1e-9)
        print(
            f"{study}, {chains} x {size}: {times['today']:.2f} ms, compiled {times['compiled']:.2f} ms "
            f"({share:.2f}); compiling {seconds:.0f} CPU s, made up after {pays:.0f} steps",
            flush=True,
        )


if __name__ == "__main__":
    main()
