"""Sample a posterior with devinterp, in its own interpreter; for `benchmarks.llc_peers`.

    python -m benchmarks.peer_devinterp PROBLEM.pt

Answers every line of JSON on standard input, the settings of one run, with one on standard output:
the loss at every step, shape (chain, step), and the CPU seconds it took. Both versions get the same
function as our sampler, every tensor in memory, and no more bookkeeping than they insist on.
"""

import contextlib
import importlib.metadata
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from stagewise.studies.regression.model import predictions
from stagewise.studies.regression.settings import NetworkSettings

Sampler = Callable[[dict[str, Any]], Any]


class Network(nn.Module):
    """The regression transformer as a module that returns squared errors, shape (context, K)."""

    def __init__(self, params: dict[str, Tensor], network: NetworkSettings) -> None:
        super().__init__()
        self.names = list(params)
        self.weights = nn.ParameterList(params.values())
        self.network = network

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the squared error of every prediction."""
        params = dict(zip(self.names, self.weights, strict=True))
        return (predictions(params, self.network, inputs, labels) - labels).square()


class Rows(Dataset):
    """Stand-in for a data set of token sequences: a context's number, padded to K + 1 entries."""

    def __init__(self, count: int, length: int) -> None:
        numbers = torch.arange(count)[:, None].expand(-1, length).contiguous()
        self.rows = [{"input_ids": row} for row in numbers]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.rows[index]


def version_1(model: Network, data: tuple[Tensor, ...]) -> Sampler:
    """Return a function that runs the last version with a general interface, 1.x."""
    from devinterp.optim.sgmcmc import SGMCMC
    from devinterp.slt.llc import LLCEstimator
    from devinterp.slt.sampler import sample

    def run(ask: dict[str, Any]) -> Any:
        record = LLCEstimator(ask["num_chains"], ask["num_steps"], 0.0, nbeta=ask["n_beta"])
        sample(
            model,
            DataLoader(TensorDataset(*data), ask["batch_size"], shuffle=True, drop_last=True),
            [record],
            evaluate=lambda module, batch: module(*batch).mean(),
            sampling_method=SGMCMC.sgld,
            optimizer_kwargs={
                "lr": ask["step_size"],
                "nbeta": ask["n_beta"],
                "localization": ask["localization"],
            },
            num_draws=ask["num_steps"],
            num_chains=ask["num_chains"],
            init_loss=1.0,  # anything but 0: L(w*) is subtracted later, from all samples
            seed=ask["seed"],
            verbose=False,
        )
        return record.losses

    return run


def version_2(model: Network, data: tuple[Tensor, ...]) -> Sampler:
    """Return a function that runs version 2.x, made for sequences of tokens."""
    from devinterp.slt.llc import compute_llc
    from devinterp.slt.sampling import sample

    def errors(module: nn.Module, input_ids: Tensor) -> Tensor:
        rows = input_ids[:, 0]
        return module(*(part[rows] for part in data))

    dataset = Rows(len(data[0]), data[1].shape[1] + 1)

    def run(ask: dict[str, Any]) -> Any:
        folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        samples = sample(
            model,
            dataset,
            {},
            lr=ask["step_size"],
            n_beta=ask["n_beta"],
            localization=ask["localization"],
            num_chains=ask["num_chains"],
            num_draws=ask["num_steps"],
            batch_size=ask["batch_size"],
            num_init_loss_batches=1,
            init_seed=ask["seed"],
            match_sampling_input_ids_across_chains=False,
            device="cpu",
            output_path=f"{folder}/samples.zarr",
            loss_fn=errors,
        )
        losses = torch.from_numpy(compute_llc(samples).loss_trace.to_numpy().copy())
        shutil.rmtree(folder)
        return losses

    return run


def main() -> None:
    """Answer requests until there are no more."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable()
    problem = torch.load(sys.argv[1], weights_only=True)
    model = Network(problem["params"], NetworkSettings(**problem["network"]))
    major = int(importlib.metadata.version("devinterp").split(".")[0])
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(sys.stderr):
        run = (version_1 if major == 1 else version_2)(model, problem["data"])
        for line in sys.stdin:
            start = time.process_time()
            losses = run(json.loads(line))
            seconds = time.process_time() - start
            print(
                json.dumps({"seconds": seconds, "losses": losses.tolist()}),
                file=answers,
                flush=True,
            )


if __name__ == "__main__":
    main()
