"""What the rules share: the checked configuration, the runs that it asks for, and code identities.

The only rules file with functions. Standard library and light modules of lib/ alone: this is read
again by every job.
"""

import functools
import os
import re
import sys
from pathlib import Path

BASE = Path(workflow.basedir)
# Jobs import the package from here, whatever is installed: each inherits the path, and parses this again.
sys.path.insert(0, str(BASE / "lib"))
inherited = dict(os.environ).get("PYTHONPATH")
os.environ.update(
    PYTHONPATH=os.pathsep.join(filter(None, [str(BASE / "lib"), inherited]))
)

from stagewise.workflow.calibration import (
    calibration_paths,
    calibration_settings,
    failure_settings,
    failure_steps,
    fragment_names,
    fragment_place,
)
from stagewise.workflow.claims import evidence_of
from stagewise.workflow.config import ConfigError, checked, merge
from stagewise.workflow.config_files import require_distinct_keys, typed
from stagewise.workflow.code import code_digests
from stagewise.workflow.contents import contents
from stagewise.workflow.figures import CALIBRATED, FigurePlan
from stagewise.workflow.ledger import LedgerError, entries_of, read_ledger
from stagewise.workflow.outcome import Standing, after_a_failure, at_the_end
from stagewise.workflow.owners import Owners
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import run_identity, training_settings
from stagewise.workflow.sources import (
    corpus_content,
    corpus_inputs,
    followed,
    require_corpus,
    scurves_common,
    task_prior_settings,
    token_streams,
    training_data,
    trajectory_files,
    with_flow,
)
from stagewise.workflow.studies import STUDIES
from stagewise.workflow.subjects import (
    form_settings,
    llc_shards,
    own_identity,
    own_settings,
    sampler_settings,
    sampling,
    staged,
    steps_of_entry,
    subject_paths,
    subject_settings,
    trajectory_identity,
)

try:
    if workflow.is_main_process:
        for path in workflow.configfiles:
            require_distinct_keys(path)
    config = checked(merge(config, typed(workflow.config_settings.config)))
    LEDGER = read_ledger(
        BASE / "config/claims.yaml", BASE / "config/claims_schema.yaml"
    )
    require_corpus(config["language"]["corpus"])
    PLAN = Plan(config)
    FIGURES = FigurePlan(PLAN)
except (ConfigError, LedgerError) as error:
    sys.exit(f"{error}")

RESULTS = PLAN.results
asked_for, stores, llc_stores = PLAN.asked_for, PLAN.stores, PLAN.llc_stores
LOGS = f"logs/{config['preset']}"
MODULAR = config["modular"]["experiments"]
# The run of language models whose forms and tokens are looked at one by one.
TWO_LAYERS = PLAN.first_run("language", "twolayers")
OWNERS = Owners(lambda: workflow.rules)


def alternatives(names):
    """Regular expression that matches exactly one of the names."""
    return "|".join(re.escape(str(name)) for name in names)


def run_names():
    """Regular expression of the names of runs, each below the folder of its own study alone."""
    of = {study: [run.name for run in PLAN.runs_of(study)] for study in PLAN.studies}
    return "|".join(
        f"(?<={study}/)(?:{alternatives(names)})"
        for study, names in of.items()
        if names
    )


@functools.cache
def code_of(script, *modules):
    """Digests of a script, of modules it imports by a computed name, and of all that they reach."""
    return code_digests(BASE / "scripts" / script, BASE, modules)


def code(script, *modules, more=lambda wildcards: ()):
    """The same as a parameter, read when a job needs it; wildcards fill in the names of modules."""
    return lambda wildcards: code_of(
        script, *(m.format(**wildcards) for m in modules), *more(wildcards)
    )


def owners(wildcards, input, output):
    """What the files of a job are made from; a function of files, which makes no job run again."""
    return OWNERS.of(input, output)


def paced(value):
    """What changes how a result is computed and not what it is: a function of threads, see `owners`."""
    return lambda wildcards, threads: value(wildcards)


def of_project(path):
    """A file of the project, from the folder of the results, which may be another."""
    return path if BASE == Path.cwd() else str(BASE / path)


def report_files(study=None):
    """Everything that the report of one study is made of, or without a name that of all."""
    files = contents(PLAN, FIGURES, LEDGER, study).files
    return files | {
        "captions": [of_project(caption) for caption in files["captions"]],
        "template": of_project("report/report.html.j2"),
        "style": of_project("report/style.css"),
    }


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


def run_of(wildcards, study=None):
    """The run that a job is for; the study is named where no wildcard says it."""
    return PLAN.runs[study or wildcards.study, wildcards.run]


def run_params(*names, study=None):
    """Parameters of a run, by name, as functions of the wildcards."""
    values = {
        "seed": lambda run: run.seed,
        "settings": training_settings,
        "evaluation": lambda run: run.settings["evaluation"],
        "identity": lambda run: run_identity(run, config["root_seed"]),
    }
    return {
        name: (lambda wildcards, pick=values[name]: pick(run_of(wildcards, study)))
        for name in names
    }


def together_params(runs):
    """Parameters of the job that trains several runs, by those of its first one."""
    training = runs[0].settings["training"]
    return {
        "study": runs[0].study,
        "runs": lambda wildcards: {
            run.name: [run.seed, run_identity(run, config["root_seed"])] for run in runs
        },
        "settings": training_settings(runs[0]),
        "segment_steps": paced(lambda wildcards: training["segment_steps"]),
    }


def subject_files(wildcards):
    """Files of a run's subject."""
    return subject_paths(run_of(wildcards), PLAN)


def llc_params(steps):
    """What estimates of the LLC at some steps take of the configuration, as rule parameters."""

    def of(part, more=lambda wildcards: ()):
        return lambda wildcards: part(
            run_of(wildcards), wildcards.setting, PLAN, *more(wildcards)
        )

    return {
        "steps": steps,
        "subject": of(subject_settings, lambda wildcards: (steps(wildcards),)),
        "sampler": of(sampler_settings),
        "noise": lambda wildcards: sampling(run_of(wildcards), wildcards.setting, PLAN)[
            "noise"
        ],
        "sampling": paced(of(sampling)),
    }


def benchmark_patterns():
    """Regular expressions of the benchmark files of each rule, but for what is made of them all."""
    return {
        made.name: made.benchmark.regex().pattern
        for made in workflow.rules
        if made.benchmark and made.name not in ("cost", "report")
    }
