"""Exact validation: the LLC estimator on models whose learning coefficient is known.

REQUIRED INPUTS: none, the models are built.
OUTPUTS under results/<preset>/: validation/{validation,second_opinion}.csv
"""


rule validation:
    """Estimate every model of the suite; one job, short enough to start again after a kill."""
    output:
        table=f"{RESULTS}/validation/validation.csv",
    log:
        f"{LOGS}/validation/validation.log",
    benchmark:
        f"{LOGS}/validation/validation.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=config["validation"],
        root_seed=config["root_seed"],
        code=code("validation.py"),
    script:
        "../scripts/validation.py"


rule second_opinion:
    """Sample small models by SGLD and by Hamiltonian Monte Carlo; one job, short enough to restart."""
    output:
        table=f"{RESULTS}/validation/second_opinion.csv",
    log:
        f"{LOGS}/validation/second_opinion.log",
    benchmark:
        f"{LOGS}/validation/second_opinion.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=config["second_opinion"],
        root_seed=config["root_seed"],
        code=code("second_opinion.py"),
    script:
        "../scripts/second_opinion.py"
