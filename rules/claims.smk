"""The claims: every statement of config/claims.yaml tested on the stores of the runs.

REQUIRED INPUTS: metrics of all runs; LLC, milestones and stages of the runs with an LLC; their audits; the
validation table; measures of S-curves; what was measured of modular addition.
OUTPUT: results/<preset>/claims.csv
"""


rule claims:
    """Test every claim by its criterion; what a preset cannot test is said, not dropped."""
    input:
        ledger="config/claims.yaml",
        schema="config/claims_schema.yaml",
        metrics=stores("metrics.nc", [run["name"] for run in runs_measured(REGRESSION)]),
        llc=llc_stores("llc.nc", runs_claimed()),
        milestones=llc_stores("milestones.csv", runs_claimed()),
        stages=llc_stores("stages.csv", runs_claimed()),
        audits=llc_stores("audit.csv", runs_with("llc"), ["local"]),
        validation=f"{RESULTS}/validation/validation.csv",
        scurves=f"{RESULTS}/scurves/measures.csv",
        modular=[
            f"{RESULTS}/modular/{name}"
            for name in ("runs.csv", "modes.nc", "gradients.nc", "llc.nc")
        ],
        language=stores("metrics.nc", [run["name"] for run in runs_measured(LANGUAGE)]),
        forms=f"{RESULTS}/language/forms.csv",
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
        runs=runs_measured(REGRESSION),
        language_runs=runs_measured(LANGUAGE),
        language_types=config["language"]["published"]["types"],
        curves=[
            [run, setting] for run in runs_claimed() for setting in settings_of(run)
        ],
        audited=runs_with("llc"),
        stages=config["regression"]["stages"],
        preset=config["preset"],
        constants={
            "noise_variance": config["regression"]["task"]["noise_variance"],
            "published_types": config["regression"]["published"]["types"],
            "draw_seed": config["root_seed"],
        },
        code=code("claims.py"),
    script:
        "../scripts/claims.py"
