"""What the paper preset would cost: operations of its jobs over what the laptop preset did a second.

For each rule that computes much, the floating-point operations of its jobs are counted for both
presets. The laptop's, divided by the processor time in its benchmark files, give a rate, which holds
all that the count leaves out; the paper's, divided by that rate, give hours of one core. Hours of a
GPU are the longer of two estimates that were NOT measured: operations at a sustained rate, and
updates at a least time each.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lib.configuration import merge, modular_settings
from lib.language import model as language
from lib.modular import model as mlp
from lib.modular import transformer
from lib.modular.task import TaskSettings as ModularTask
from lib.regression import model as regression
from lib.regression.task import TaskSettings as RegressionTask
from lib.runs import Run, expand_runs
from lib.schedules import checkpoint_steps
from lib.seeding import StreamKey

GPU_RATE = 4e12  # ASSUME operations a second: a fifth of the 19.5e12 in float32 of an A100
GPU_UPDATE = 3e-3  # ASSUME seconds an update at least, for the starts of its kernels
KEY = StreamKey(0)
GPU_RULES = (
    *("regression_train", "regression_metrics", "regression_llc_shard", "calibration_transformer"),
    *("language_train", "language_metrics", "language_llc_shard"),
)


@dataclass(frozen=True)
class Work:
    """One job: its floating-point operations and its updates one after the other."""

    operations: float
    updates: float = 0


def operations_a_token(params: Mapping[str, Any], layers: int, width: int, tokens: int) -> float:
    """Return those of a forward and backward pass: 6 a parameter, and half of attention's products."""
    num_parameters = sum(value.numel() for value in params.values())
    return 6 * num_parameters + 6 * layers * width * tokens


def pass_cost(run: Run) -> tuple[float, int]:
    """Return the operations of a forward and backward pass on one sequence of a run, and its tokens."""
    network = run.settings["network"]
    if run.study == "regression":
        task = RegressionTask(**run.settings["task"])
        params = regression.initial_parameters(regression.NetworkSettings(**network), task, KEY)
        tokens = 2 * task.num_examples
    else:
        tokens = run.settings["context_length"]
        sizes = {"vocab_size": run.settings["vocab_size"], "context_length": tokens}
        params = language.initial_parameters(language.NetworkSettings(**network, **sizes), KEY)
    each = operations_a_token(params, network["num_layers"], network["embed_dim"], tokens)
    return tokens * each, tokens


def train(run: Run) -> Work:
    """Return one training run."""
    settings = run.settings["training"]
    return Work(
        settings["num_steps"] * settings["batch_size"] * pass_cost(run)[0], settings["num_steps"]
    )


def metrics(run: Run) -> Work:
    """Return forward passes over the evaluation set at every checkpoint."""
    evaluation = run.settings["evaluation"]
    steps = checkpoint_steps(run.settings["training"]["num_steps"], **run.settings["checkpoints"])
    if run.study == "regression":
        rows = evaluation["num_contexts"] * len(evaluation["input_scales"])
    else:
        rows = evaluation["num_rows"] * (1 + len(evaluation["ablation_positions"]))
        rows += evaluation["num_synthetic"]
    return Work(len(steps) * rows * pass_cost(run)[0] / 3)


def estimate(run: Run, sampler: Mapping[str, Any], num_samples: int) -> Work:
    """Return one LLC estimate: chains, and the loss of every sample at the checkpoint, twice."""
    updates = sampler["num_burnin"] + sampler["num_draws"] * sampler.get("steps_per_draw", 1)
    passes = sampler["num_chains"] * updates * sampler["batch_size"] + 2 * num_samples / 3
    return Work(passes * pass_cost(run)[0], updates)


def llc_shards(config: Mapping[str, Any], run: Run) -> list[Work]:
    """Return the LLC jobs of a run, whose estimates are spread evenly over them."""
    llc = config[run.study]["llc"]
    steps = checkpoint_steps(run.settings["training"]["num_steps"], **run.settings["checkpoints"])
    count = min(llc["num_checkpoints"], len(steps))
    jobs = math.ceil(count / llc["shard_size"])
    found = []
    for sampler in llc["settings"].values():
        if sampler["seeds"] is None or run.seed in sampler["seeds"]:
            one = estimate(run, sampler, llc["num_samples"])
            share = count / jobs
            found += [Work(share * one.operations, share * one.updates)] * jobs
    return found


def modular_run(settings: Mapping[str, Mapping[str, Any]]) -> Work:
    """Return all settings of one experiment of modular addition, one after the other."""
    operations, updates = 0.0, 0
    for entry in settings.values():
        task = ModularTask(entry["modulus"], entry["train_fraction"], entry["labels"])
        module = transformer if entry["architecture"] == "transformer" else mlp
        kind = "transformer" if entry["architecture"] == "transformer" else "network"
        make = module.TransformerSettings if kind == "transformer" else module.NetworkSettings
        params = module.initial_parameters(make(**entry[kind]), task, KEY)
        tokens = 3 if kind == "transformer" else 1
        rows = entry["batch_size"] or round(entry["train_fraction"] * entry["modulus"] ** 2)
        cases = math.prod(
            len(entry[f"{k}s"]) for k in ("learning_rate", "weight_decay", "initial_scale")
        )
        passes = cases * entry["num_seeds"] * entry["num_steps"] * rows * tokens
        operations += 6 * passes * sum(value.numel() for value in params.values())
        updates += entry["num_steps"]
    return Work(operations, updates)


def scurves_run(config: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> Work:
    """Return one experiment on S-curves, counted in vectors updated."""
    seeds = config["scurves"]["num_seeds"]
    return Work(
        sum(
            seeds[entry["seeds"]] * entry["num_steps"] * len(entry["learning_rates"])
            for entry in settings.values()
        )
    )


def sweep(config: Mapping[str, Any], run: Run) -> Work:
    """Return the calibration sweep on the shown run."""
    settings = config["calibration"]["transformer"]
    cells = math.prod(map(len, settings["grid"].values())) * len(config["calibration"]["at"])
    one = estimate(run, settings["sampler"], config["regression"]["llc"]["num_samples"])
    return Work(cells * one.operations, cells * one.updates)


def work(config: Mapping[str, Any]) -> dict[str, list[Work]]:
    """Return the jobs of the rules that compute much."""
    runs = expand_runs(config)
    shown = next(r for r in runs if r.name == f"base-s{config['figures']['shown_seed']}")
    jobs: dict[str, list[Work]] = {}
    for study in ("regression", "language"):
        own = [run for run in runs if run.study == study]
        jobs[f"{study}_train"] = [train(run) for run in own]
        jobs[f"{study}_metrics"] = [metrics(run) for run in own if "metrics" in run.analyses]
        jobs[f"{study}_llc_shard"] = [
            job for run in own if "llc" in run.analyses for job in llc_shards(config, run)
        ]
    jobs["calibration_transformer"] = [sweep(config, shown)]
    jobs["modular_run"] = [modular_run(s) for s in modular_settings(config["modular"]).values()]
    experiments = config["scurves"]["experiments"].values()
    jobs["scurves_run"] = [scurves_run(config, settings) for settings in experiments]
    return jobs


FILES: Mapping[str, str] = {
    "regression_train": "regression/*/train",
    "regression_metrics": "regression/*/metrics",
    "regression_llc_shard": "regression/*/llc/*/shard-*",
    "calibration_transformer": "calibration/transformer/sweep",
    "modular_run": "modular/*/run",
    "scurves_run": "scurves/*/run",
    "language_train": "language/*/train",
    "language_metrics": "language/*/metrics",
    "language_llc_shard": "language/*/llc/*/shard-*",
}


def measured(folder: Path, rule: str) -> list[float]:
    """Return the processor seconds of the jobs of a rule that were measured."""
    files = folder.glob(f"{FILES[rule]}.benchmark.tsv")
    return [float(pd.read_csv(file, sep="\t").iloc[-1]["cpu_time"]) for file in sorted(files)]


def row(rule: str, jobs: list[Work], laptop: list[Work], seconds: list[float]) -> dict[str, Any]:
    """Return one line of the table."""
    operations = sum(job.operations for job in jobs)
    # The mean job stands for those that were not measured.
    rate = (sum(job.operations for job in laptop) / len(laptop)) / (sum(seconds) / len(seconds))
    gpu = [max(job.operations / GPU_RATE, job.updates * GPU_UPDATE) for job in jobs]
    return {
        "rule": rule,
        "measured jobs": len(seconds),
        "CPU s a job": sum(seconds) / len(seconds),
        "rate (1e9/s)": rate / 1e9,
        "jobs": len(jobs),
        "work (1e15)": operations / 1e15,
        "core hours": operations / rate / 3600,
        "longest (core h)": max(job.operations for job in jobs) / rate / 3600,
        "GPU hours": sum(gpu) / 3600 if rule in GPU_RULES else float("nan"),
        "longest (GPU h)": max(gpu) / 3600 if rule in GPU_RULES else float("nan"),
    }


def configuration(preset: str) -> dict[str, Any]:
    """Return a preset's complete configuration."""
    files = [Path(f"config/{name}.yaml") for name in ("config", preset)]
    return merge(*(yaml.safe_load(file.read_text()) for file in files))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("logs", type=Path, nargs="?", default=Path("logs/laptop"))
    folder = options.parse_args().logs
    paper, laptop = work(configuration("paper")), work(configuration("laptop"))
    rows = [
        row(rule, paper[rule], laptop[rule], seconds)
        for rule in FILES
        if (seconds := measured(folder, rule))
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3g"))
    for rule in FILES:
        if not measured(folder, rule):
            print(f"{rule}: {len(paper[rule])} jobs, not measured in {folder}")


if __name__ == "__main__":
    main()
