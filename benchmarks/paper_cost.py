"""What the paper preset would cost: operations of its jobs over what the laptop preset did a second.

For each rule that computes much, the floating-point operations of its jobs are counted for both
presets. The laptop's, divided by the processor time in its benchmark files, give a rate, which holds
all that the count leaves out; the paper's, divided by that rate, give hours of one core. Hours of a
GPU are the paper's operations over the rate of short pieces of the same work at the same sizes, in
`benchmarks/gpu.csv`, which `benchmarks.gpu` measures; a job's start is not in them.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stagewise.core.schedules import checkpoint_steps
from stagewise.core.seeding import StreamKey
from stagewise.studies.language import model as language
from stagewise.studies.modular import model as mlp
from stagewise.studies.modular import transformer
from stagewise.studies.modular.settings import TaskSettings as ModularTask
from stagewise.studies.regression import model as regression
from stagewise.studies.regression.settings import TaskSettings as RegressionTask
from stagewise.workflow.config import completed, merge
from stagewise.workflow.runs import Run, expand_runs

GPU_RATES = Path("benchmarks/gpu.csv")
KEY = StreamKey(0)


@dataclass(frozen=True)
class Work:
    """One job: its floating-point operations and the bytes it writes."""

    operations: float
    disk: float = 0


def operations_a_token(params: Mapping[str, Any], layers: int, width: int, tokens: int) -> float:
    """Return those of a forward and backward pass: 6 a parameter, and half of attention's products."""
    num_parameters = sum(value.numel() for value in params.values())
    return 6 * num_parameters + 6 * layers * width * tokens


def parameters_of(run: Run) -> Mapping[str, Any]:
    """Return the first parameters of a run."""
    network = run.settings["network"]
    if run.study == "regression":
        task = RegressionTask(**run.settings["task"])
        return regression.initial_parameters(regression.NetworkSettings(**network), task, KEY)
    sizes = {name: run.settings[name] for name in ("vocab_size", "context_length")}
    return language.initial_parameters(language.NetworkSettings(**network, **sizes), KEY)


def pass_cost(run: Run) -> float:
    """Return the operations of a forward and backward pass on one sequence of a run."""
    network, settings = run.settings["network"], run.settings
    regressed = run.study == "regression"
    tokens = 2 * settings["task"]["num_examples"] if regressed else settings["context_length"]
    params = parameters_of(run)
    return tokens * operations_a_token(params, network["num_layers"], network["embed_dim"], tokens)


def stores(run: Run) -> float:
    """Return the bytes of the checkpoints, in float32, and of the trajectory."""
    settings = run.settings
    steps = checkpoint_steps(settings["training"]["num_steps"], **settings["checkpoints"])
    size = 4 * sum(value.numel() for value in parameters_of(run).values())
    trajectory = settings["trajectory"]
    if run.study == "regression":
        outputs = 4 * 2 * settings["task"]["num_examples"] * (settings["task"]["dimension"] + 1)
    else:
        outputs = settings["vocab_size"] * (2 if trajectory["precision"] == "float16" else 4)
    features = trajectory["num_contexts"] * outputs
    return (len(steps) + 2) * size + trajectory["num_steps"] * features


def train(run: Run) -> Work:
    """Return one training run."""
    steps, rows = (run.settings["training"][name] for name in ("num_steps", "batch_size"))
    return Work(steps * rows * pass_cost(run), stores(run))


def metrics(run: Run) -> Work:
    """Return forward passes over the evaluation set at every checkpoint."""
    evaluation = run.settings["evaluation"]
    steps = checkpoint_steps(run.settings["training"]["num_steps"], **run.settings["checkpoints"])
    if run.study == "regression":
        rows = evaluation["num_contexts"] * len(evaluation["input_scales"])
    else:
        rows = evaluation["num_rows"] * (1 + len(evaluation["ablation_positions"]))
        rows += evaluation["num_synthetic"]
    return Work(len(steps) * rows * pass_cost(run) / 3)


def estimate(run: Run, sampler: Mapping[str, Any], num_samples: int) -> Work:
    """Return one LLC estimate: chains, and the loss of every sample at the checkpoint, twice."""
    updates = sampler["num_burnin"] + sampler["num_draws"] * sampler.get("steps_per_draw", 1)
    passes = sampler["num_chains"] * updates * sampler["batch_size"] + 2 * num_samples / 3
    numbers = sampler["num_chains"] * (sampler["num_burnin"] + 3 * sampler["num_draws"])
    return Work(passes * pass_cost(run), 8 * numbers)


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
            found += [Work(share * one.operations, share * one.disk)] * jobs
    return found


def modular_run(settings: Mapping[str, Mapping[str, Any]]) -> Work:
    """Return all settings of one experiment of modular addition, one after the other."""
    operations = 0.0
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
    return Work(operations)


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
    return Work(cells * one.operations)


def work(config: Mapping[str, Any]) -> dict[str, list[Work]]:
    """Return the jobs of the rules that compute much."""
    runs = expand_runs(config)
    shown = next(r for r in runs if r.name == f"base-s{config['figures']['shown_seed']}")
    jobs: dict[str, list[Work]] = {}
    for study in ("regression", "language"):
        own = [run for run in runs if run.study == study]
        jobs[f"train ({study})"] = [train(run) for run in own]
        jobs[f"{study}_metrics"] = [metrics(run) for run in own if "metrics" in run.analyses]
        jobs[f"llc_shard ({study})"] = [
            job for run in own if "llc" in run.analyses for job in llc_shards(config, run)
        ]
    jobs["calibration_sweep (transformer)"] = [sweep(config, shown)]
    jobs["modular_run"] = [modular_run(s) for s in config["modular"]["experiments"].values()]
    experiments = config["scurves"]["experiments"].values()
    jobs["scurves_run"] = [scurves_run(config, settings) for settings in experiments]
    return jobs


FILES: Mapping[str, str] = {
    "train (regression)": "regression/*/train",
    "regression_metrics": "regression/*/metrics",
    "llc_shard (regression)": "regression/*/llc/*/shard-*",
    "calibration_sweep (transformer)": "calibration/transformer/sweep",
    "modular_run": "modular/*/run",
    "scurves_run": "scurves/*/run",
    "train (language)": "language/*/train",
    "language_metrics": "language/*/metrics",
    "llc_shard (language)": "language/*/llc/*/shard-*",
}


def measured(folder: Path, rule: str) -> pd.DataFrame:
    """Return the benchmarks of the jobs of a rule that were measured, one row each."""
    files = sorted(folder.glob(f"{FILES[rule]}.benchmark.tsv"))
    return pd.DataFrame([pd.read_csv(file, sep="\t").iloc[-1] for file in files])


def row(
    rule: str, jobs: list[Work], laptop: list[Work], seen: pd.DataFrame, gpu: pd.DataFrame
) -> dict[str, Any]:
    """Return one line of the table."""
    operations = sum(job.operations for job in jobs)
    seconds = seen["cpu_time"].mean()
    # The mean job stands for those that were not measured.
    rate = sum(job.operations for job in laptop) / len(laptop) / seconds
    line = {
        "rule": rule,
        "measured": f"{len(seen)} of {len(laptop)}",
        "CPU s": seconds,
        "MB": seen["max_rss"].max(),
        "1e9/s": rate / 1e9,
        "jobs": len(jobs),
        "1e15": operations / 1e15,
        "core h": operations / rate / 3600,
        "longest core h": max(job.operations for job in jobs) / rate / 3600,
        "disk GB": sum(job.disk for job in jobs) / 1e9,
    }
    if rule in gpu.index:
        rate, memory = gpu.loc[rule, ["operations_per_second", "memory_mb"]]
        longest = max(job.operations for job in jobs)
        line |= {"GPU 1e12/s": rate / 1e12, "GPU h": operations / rate / 3600}
        line |= {"longest GPU h": longest / rate / 3600, "GPU MB": memory}
    return line


def configuration(preset: str) -> dict[str, Any]:
    """Return a preset's complete configuration."""
    files = [Path(f"config/{name}.yaml") for name in ("config", preset)]
    return completed(merge(*(yaml.safe_load(file.read_text()) for file in files)))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("logs", type=Path, nargs="?", default=Path("logs/laptop"))
    folder = options.parse_args().logs
    paper, laptop = work(configuration("paper")), work(configuration("laptop"))
    seen = {rule: measured(folder, rule) for rule in FILES}
    gpu = pd.read_csv(GPU_RATES, index_col="rule")
    rows = [
        row(rule, paper[rule], laptop[rule], seen[rule], gpu) for rule in FILES if len(seen[rule])
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3g"))
    for rule in FILES:
        if not len(seen[rule]):
            print(f"{rule}: {len(paper[rule])} jobs, not measured in {folder}")


if __name__ == "__main__":
    main()
