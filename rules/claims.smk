"""The claims: every statement of config/claims.yaml tested on the stores of the runs.

REQUIRED INPUTS: metrics of all runs; LLC, milestones and stages of the runs with an LLC; their audits.
OUTPUT: results/<preset>/claims.csv
"""


rule claims:
    """Test every claim by its criterion; what a preset cannot test is said, not dropped."""
    input:
        ledger="config/claims.yaml",
        schema="config/claims_schema.yaml",
        metrics=[
            f"{RESULTS}/regression/{run.name}/metrics.nc"
            for run in RUNS
            if "metrics" in run.analyses
        ],
        llc=[
            f"{RESULTS}/regression/{run}/llc/{setting}/llc.nc"
            for run in runs_with("llc")
            for setting in settings_of(run)
        ],
        milestones=[
            f"{RESULTS}/regression/{run}/llc/{setting}/milestones.csv"
            for run in runs_with("llc")
            for setting in settings_of(run)
        ],
        stages=[
            f"{RESULTS}/regression/{run}/llc/{setting}/stages.csv"
            for run in runs_with("llc")
            for setting in settings_of(run)
        ],
        audits=[
            f"{RESULTS}/regression/{run}/llc/local/audit.csv"
            for run in runs_with("llc")
        ],
    output:
        claims=f"{RESULTS}/claims.csv",
    log:
        f"{LOGS}/claims.log",
    benchmark:
        f"{LOGS}/claims.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        runs=[
            {"name": run.name, "variant": run.variant, "seed": run.seed}
            for run in RUNS
            if "metrics" in run.analyses
        ],
        curves=[
            [run, setting] for run in runs_with("llc") for setting in settings_of(run)
        ],
        audited=runs_with("llc"),
        noise_variance=config["regression"]["task"]["noise_variance"],
        published_types=config["regression"]["published"]["types"],
        stages=config["regression"]["stages"],
        preset=config["preset"],
        root_seed=config["root_seed"],
        code=code("claims.py"),
    script:
        "../scripts/claims.py"
