"""Exact validation: the LLC estimator on models whose learning coefficient is known.

REQUIRED INPUTS: none, the models are built.
OUTPUTS under results/<preset>/: validation/{validation,second_opinion}.csv,
    figures/instruments/{fig07,second_opinion}.{png,pdf,csv}
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


rule figure_07:
    """Estimated against exact learning coefficients, with intervals and misses."""
    input:
        table=f"{RESULTS}/validation/validation.csv",
    output:
        png=f"{RESULTS}/figures/instruments/fig07.png",
        pdf=f"{RESULTS}/figures/instruments/fig07.pdf",
        data=f"{RESULTS}/figures/instruments/fig07.csv",
    log:
        f"{LOGS}/figures/instruments/fig07.log",
    benchmark:
        f"{LOGS}/figures/instruments/fig07.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_07.py"),
    script:
        "../scripts/figure_07.py"


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


rule figure_second_opinion:
    """SGLD against Hamiltonian Monte Carlo on the same posteriors."""
    input:
        table=f"{RESULTS}/validation/second_opinion.csv",
    output:
        png=f"{RESULTS}/figures/instruments/second_opinion.png",
        pdf=f"{RESULTS}/figures/instruments/second_opinion.pdf",
        data=f"{RESULTS}/figures/instruments/second_opinion.csv",
    log:
        f"{LOGS}/figures/instruments/second_opinion.log",
    benchmark:
        f"{LOGS}/figures/instruments/second_opinion.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_second_opinion.py"),
    script:
        "../scripts/figure_second_opinion.py"
