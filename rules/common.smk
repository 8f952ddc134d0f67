"""What the rules share: the checked configuration, the runs that it asks for, and code identities.

The only rules file with functions. Standard library and light modules of lib/ alone: this is read
again by every job.
"""

import functools
import os
import re
import sys
from pathlib import Path

import yaml

BASE = Path(workflow.basedir)
# Jobs import the package from here, whatever is installed: each inherits the path, and parses this again.
sys.path.insert(0, str(BASE / "lib"))
inherited = dict(os.environ).get("PYTHONPATH")
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [str(BASE / "lib"), inherited]))
)

from stagewise.workflow.claims import evidence_of
from stagewise.workflow.config import ConfigError, checked
from stagewise.workflow.code import code_digests
from stagewise.workflow.contents import contents
from stagewise.workflow.figures import CALIBRATED, FigurePlan
from stagewise.workflow.ledger import LedgerError, entries_of, read_ledger
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import run_identity, training_settings
from stagewise.workflow.studies import STUDIES
from stagewise.workflow.subjects import (
    llc_shards,
    sampler_settings,
    sampling,
    staged,
    steps_at,
    subject_paths,
    subject_settings,
)

# Read at every start, by libyaml in a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
try:
    config = checked(config)
    LEDGER = read_ledger(
        BASE / "config/claims.yaml", BASE / "config/claims_schema.yaml"
    )
except (ConfigError, LedgerError) as error:
    sys.exit(f"{error}")

PLAN = Plan(config)
RESULTS = PLAN.results
LOGS = f"logs/{config['preset']}"
RUN = PLAN.runs
RUNS = list(RUN.values())
REGRESSION, LANGUAGE = (
    [run for run in RUNS if run.study == study] for study in ("regression", "language")
)
FAILURES = ("diverged", "drifting", "escaped")
MODULAR = config["modular"]["experiments"]
FIGURES = FigurePlan(PLAN)


runs_with, settings_of = PLAN.runs_with, PLAN.settings_of
stores, llc_stores = PLAN.stores, PLAN.llc_stores


def alternatives(names):
    """Regular expression that matches exactly one of the names."""
    return "|".join(re.escape(str(name)) for name in names)


@functools.cache
def code_of(script, *modules):
    """Digests of a script, of modules it imports by a computed name, and of all that they reach."""
    return code_digests(BASE / "scripts" / script, BASE, modules)


def code(script, *modules, more=lambda wildcards: ()):
    """The same as a parameter, read when a job needs it; wildcards fill in the names of modules."""
    return lambda wildcards: code_of(
        script, *(m.format(**wildcards) for m in modules), *more(wildcards)
    )


def figure_of(wildcards):
    """The figure that a job draws."""
    return FIGURES.figure(wildcards.study, wildcards.figure)


def memory(megabytes):
    """Memory of a job whose need grows with the settings: one that failed gets twice as much."""
    return lambda wildcards, attempt: megabytes * attempt


def gpu():
    """One GPU for a job that trains or samples on `device`; nothing where that is the CPU."""
    if config["device"] != "cuda":
        return {}
    model = config["gpu_model"]
    return {"gpu": 1} if model == "any" else {"gpu": 1, "gpu_model": model}


def run_params(*names):
    """Parameters of a run, by name, as functions of the wildcards."""
    values = {
        "seed": lambda run: run.seed,
        "settings": training_settings,
        "evaluation": lambda run: run.settings["evaluation"],
        "identity": lambda run: run_identity(run, config["root_seed"]),
    }
    return {
        name: (lambda wildcards, pick=values[name]: pick(RUN[wildcards.run]))
        for name in names
    }


def language_run(variant):
    """Name of a variant's run that figures show, the one of its first seed."""
    return next(run.name for run in LANGUAGE if run.variant == variant)


def llc_params():
    """What estimates of the LLC take of the configuration, as rule parameters."""

    def of(part):
        return lambda wildcards: part(RUN[wildcards.run], wildcards.setting, PLAN)

    return {
        "subject": of(subject_settings),
        "sampler": of(sampler_settings),
        "sampling": of(sampling),
    }


def calibration_paths(wildcards):
    """Files of a subject of calibration; none where it is built on the spot."""
    if wildcards.subject != "transformer":
        return {}
    return subject_paths(RUN[shown_run()], PLAN)


def calibration_settings(subject):
    """What a subject of calibration is made of."""
    if subject != "transformer":
        shares = config["calibration"]["at"]
        return {"model": config["calibration"][subject]["model"], "shares": shares}
    run = RUN[shown_run()]
    return {
        "run": run.name,
        "steps": steps_at(run, *config["calibration"]["at"]),
        "device": config["device"],
        **subject_settings(run, "local", PLAN),
    }


def failure_steps(run):
    """Step of the checkpoint at which each failure is shown."""
    failures = config["regression"]["llc"]["failures"]
    steps = steps_at(RUN[run], *(failures[name]["at"] for name in FAILURES))
    return dict(zip(FAILURES, steps))


def failure_settings():
    """Sampler settings of each failure, without the sizes that all share."""
    failures = config["regression"]["llc"]["failures"]
    return {
        name: {key: value for key, value in failures[name].items() if key != "at"}
        for name in FAILURES
    }


def fragment_place(subject):
    """Keys of the configuration under which a subject's calibrated settings go."""
    return ["regression", "llc", "settings"] if subject == "transformer" else []


def fragment_names(subject):
    """Settings that take a subject's calibration, with their keys that the sampler does not take."""
    if subject != "transformer":
        return {"calibrated": {}}
    rest = ("loss", "noise", "seeds")
    settings = config["regression"]["llc"]["settings"]
    return {
        name: {key: settings[name][key] for key in rest}
        for name in ("local", "fresh", "likelihood")
    }


def shown_run(variant="base"):
    """Name of the run that single-run figures show; the configuration has been checked for it."""
    return f"{variant}-s{config['figures']['shown_seed']}"


def benchmark_patterns():
    """Regular expressions of the benchmark files of each rule, but for what is made of them all."""
    return {
        made.name: made.benchmark.regex().pattern
        for made in workflow.rules
        if made.benchmark and made.name not in ("cost", "report")
    }


def scurves_common():
    """What every experiment of the S-curve study shares."""
    shared = (
        "dimension",
        "init_scale",
        "num_seeds",
        "seeds_per_batch",
        "divergence_factor",
        "records",
        "adam",
    )
    return {name: config["scurves"][name] for name in shared}


def scurves_stores(*experiments):
    """Paths of the curves of experiments of the S-curve study; of all without a name."""
    names = experiments or config["scurves"]["experiments"]
    return [f"{RESULTS}/scurves/{name}/curves.nc" for name in names]


def scurves_flow_settings():
    """Settings of the S-curve study that have a gradient flow, by name."""
    wanted = config["scurves"]["flow"]["settings"]
    experiments = config["scurves"]["experiments"].values()
    return {n: entry for e in experiments for n, entry in e.items() if n in wanted}


def modular_stores(name):
    """Paths of one store of every experiment of the modular-addition study."""
    return [f"{RESULTS}/modular/{experiment}/{name}" for experiment in MODULAR]


def modular_followed(analysis):
    """Settings that an analysis follows along training, and how many seeds of each."""
    entry = config["modular"][analysis]
    return {
        "settings": {name: MODULAR["stages"][name] for name in entry["settings"]},
        "num_seeds": entry["num_seeds"],
    }


def corpus_inputs():
    """Archives or files that the corpus of the language study is read from; none for the hub."""
    corpus = config["language"]["corpus"]
    if corpus["source"] == "packages":
        return {name: f"results/archives/{name}.archive" for name in corpus["packages"]}
    if corpus["source"] == "folder":
        folder = Path(corpus["folder"]["path"])
        return {"files": sorted(str(p) for p in folder.rglob("*") if p.is_file())}
    return {}


def training_data(wildcards):
    """Files that a run is trained on and observed with; none where the data are generated."""
    if wildcards.study != "language":
        return {}
    folder = f"{RESULTS}/language"
    names = {"train": "train.bin", "validation": "validation.bin", "index": "index.nc"}
    return {key: f"{folder}/{name}" for key, name in names.items()}


def language_splits():
    """Paths of the token streams of the language study, by split."""
    splits = ("train", "validation", "sampling")
    return {name: f"{RESULTS}/language/{name}.bin" for name in splits}
