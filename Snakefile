"""Stage-wise learning, reproduced: data -> training -> LLC, ED, stages -> figures, claims, report."""

from snakemake.utils import min_version

min_version("9.27")


# From the project, whatever folder the results go to.
configfile: f"{workflow.basedir}/config/config.yaml"


# Built from pipeline.def; read with `--sdm apptainer` alone.
container: "envs/pipeline.sif"


include: "rules/common.smk"


wildcard_constraints:
    study=alternatives(PLAN.studies),
    run=run_names(),
    setting=alternatives(
        {
            name: None
            for study in PLAN.studies_with_llc
            for name in config[study]["llc"]["settings"]
        }
    ),
    shard=r"\d\d\d\d+",
    experiment=alternatives(config["scurves"]["experiments"]),
    modular_experiment=alternatives(MODULAR),
    subject=alternatives(CALIBRATED),
    archive=alternatives(["gpt2", *config["language"]["corpus"]["packages"]]),


include: "rules/train.smk"
include: "rules/regression.smk"
include: "rules/llc.smk"
include: "rules/development.smk"
include: "rules/figures.smk"
include: "rules/instruments.smk"
include: "rules/scurves.smk"
include: "rules/modular.smk"
include: "rules/language.smk"
include: "rules/own.smk"
include: "rules/claims.smk"
include: "rules/report.smk"


for made in workflow.rules:
    if made.script:
        made.set_params(owners=owners)


localrules:
    all,


rule all:
    """Every figure, what is asked of every run, the claims and the report."""
    default_target: True
    input:
        figures=FIGURES.files("png"),
        metrics=stores("metrics.nc", asked_for("metrics")),
        forms=stores("forms.nc", asked_for("essential_dynamics")),
        llcs=llc_stores("llc.nc", asked_for("llc")),
        stages=llc_stores("stages.csv", staged(PLAN)),
        claims=f"{RESULTS}/claims.csv",
        report=f"{RESULTS}/report.html",
