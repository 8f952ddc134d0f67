"""Multi-component learning and S-curves: runs of every experiment, their flow and measures.

REQUIRED INPUTS: none, the tasks are drawn.
OUTPUTS under results/<preset>/:
    scurves/<experiment>/curves.nc, scurves/flow.nc, scurves/{measures,contrasts}.csv
"""


rule scurves_run:
    """Run every setting of one experiment for all its seeds."""
    output:
        curves=f"{RESULTS}/scurves/{{experiment}}/curves.nc",
    log:
        f"{LOGS}/scurves/{{experiment}}/run.log",
    benchmark:
        f"{LOGS}/scurves/{{experiment}}/run.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=240,
    params:
        settings=lambda wildcards: config["scurves"]["experiments"][
            wildcards.experiment
        ],
        common=scurves_common(config["scurves"]),
        seeds_per_batch=paced(lambda wildcards: config["scurves"]["seeds_per_batch"]),
        root_seed=config["root_seed"],
        code=code("scurves_run.py"),
    script:
        "../scripts/scurves_run.py"


rule scurves_flow:
    """Integrate the gradient flow from the initial vectors of some settings."""
    output:
        flow=f"{RESULTS}/scurves/flow.nc",
    log:
        f"{LOGS}/scurves/flow.log",
    benchmark:
        f"{LOGS}/scurves/flow.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=with_flow(config["scurves"]),
        common=scurves_common(config["scurves"]),
        num_seeds=config["scurves"]["flow"]["num_seeds"],
        root_seed=config["root_seed"],
        code=code("scurves_flow.py"),
    script:
        "../scripts/scurves_flow.py"


rule scurves_measures:
    """Measure every curve: phases, tails, bumps, growth, deviation from the flow."""
    input:
        curves=expand(
            f"{RESULTS}/scurves/{{name}}/curves.nc",
            name=config["scurves"]["experiments"],
        ),
        flow=f"{RESULTS}/scurves/flow.nc",
    output:
        measures=f"{RESULTS}/scurves/measures.csv",
    log:
        f"{LOGS}/scurves/measures.log",
    benchmark:
        f"{LOGS}/scurves/measures.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=config["scurves"]["measures"],
        code=code("scurves_measures.py"),
    script:
        "../scripts/scurves_measures.py"


rule scurves_contrasts:
    """Compare bumps between settings; intervals are those of claim S13."""
    input:
        measures=f"{RESULTS}/scurves/measures.csv",
    output:
        contrasts=f"{RESULTS}/scurves/contrasts.csv",
    log:
        f"{LOGS}/scurves/contrasts.log",
    benchmark:
        f"{LOGS}/scurves/contrasts.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        alpha=LEDGER["S13"]["thresholds"]["alpha"],
        code=code("scurves_contrasts.py"),
    script:
        "../scripts/scurves_contrasts.py"
