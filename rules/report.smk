"""The report: everything that a preset has made, in one file that needs nothing else.

REQUIRED INPUTS: all figures with their captions, claims.csv, milestones and summaries of all LLC curves, and
the benchmark files of all jobs.
OUTPUTS under results/<preset>/: cost.csv, report.html
"""


rule cost:
    """Add up what all jobs but this one and the report have cost, by study and rule."""

    # Snakemake knows no job that makes a benchmark file: the last results stand for the jobs before them.
    input:
        figures=FIGURES.files("png"),
        forms=stores("forms.nc", runs_with("essential_dynamics")),
        claims=f"{RESULTS}/claims.csv",
    output:
        table=f"{RESULTS}/cost.csv",
    log:
        f"{LOGS}/cost.log",
    benchmark:
        f"{LOGS}/cost.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        logs=LOGS,
        patterns=lambda wildcards: benchmark_patterns(),
        code=code("cost.py"),
    script:
        "../scripts/cost.py"


rule report:
    """Figures, verdicts and tables in one HTML file."""
    input:
        figures=FIGURES.files("png"),
        fragment=f"{RESULTS}/figures/language/fig17_token_changes.html",
        captions=[figure.caption for figure in FIGURES],
        claims=f"{RESULTS}/claims.csv",
        cost=f"{RESULTS}/cost.csv",
        milestones=llc_stores("milestones.csv", CURVED),
        summaries=llc_stores("summary.csv", CURVED),
        corpus=f"{RESULTS}/language/corpus.csv",
        template="report/report.html.j2",
        style="report/style.css",
    output:
        report=f"{RESULTS}/report.html",
    log:
        f"{LOGS}/report.log",
    benchmark:
        f"{LOGS}/report.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        bound=[figure.bound for figure in FIGURES],
        changes={
            claim: entry["changed"]
            for claim, entry in LEDGER.items()
            if "changed" in entry
        },
        curves=PLAN.curves_of(CURVED),
        runs=[
            {
                "Run": run.name,
                "Variant": run.variant,
                "Seed": run.seed,
                "Layers": run.settings["network"]["num_layers"],
                "Data": data_of(run),
                "Steps": run.settings["training"]["num_steps"],
                "Batch": run.settings["training"]["batch_size"],
                "Analyses": ", ".join(run.analyses)
                .replace("_", " ")
                .replace("llc", "LLC"),
            }
            for run in RUNS
        ],
        config={**config},
        code=code("report.py"),
    script:
        "../scripts/report.py"


onsuccess:
    if Path(f"{RESULTS}/report.html").exists():
        print(f"Report:  {RESULTS}/report.html")
        print(f"Claims:  {RESULTS}/claims.csv")
        for study in STUDIES:
            print(f"Figures: {FIGURES.folder}/{study}/")
