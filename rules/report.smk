"""The report: everything that a preset has made, in one file that needs nothing else.

REQUIRED INPUTS: all figures with their captions, claims.csv, milestones and summaries of all LLC curves, and
the benchmark files of all jobs.
OUTPUTS under results/<preset>/: cost.csv, report.html, and for a study asked for by its name reports/<study>.html
"""


rule cost:
    """Add up what all jobs but this one and the report have cost, by study and rule."""

    # Snakemake knows no job that makes a benchmark file: the last results stand for the jobs before them.
    input:
        figures=FIGURES.files("png"),
        forms=stores("forms.nc", asked_for("essential_dynamics")),
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
    """Figures, verdicts and tables of all studies in one HTML file."""
    input:
        **report_files(),
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
        facts=lambda wildcards: contents(PLAN, FIGURES, LEDGER).facts,
        code=code("report.py"),
    script:
        "../scripts/report.py"


rule study_report:
    """The same of one study, which needs nothing of the others; its name as a target makes it."""
    input:
        unpack(lambda wildcards: report_files(wildcards.study)),
    output:
        report=f"{RESULTS}/reports/{{study}}.html",
    log:
        f"{LOGS}/{{study}}/report.log",
    benchmark:
        f"{LOGS}/{{study}}/report.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        facts=lambda wildcards: contents(PLAN, FIGURES, LEDGER, wildcards.study).facts,
        code=code("report.py"),
    script:
        "../scripts/report.py"


for study in PLAN.studies:

    rule:
        name:
            study
        input:
            report=f"{RESULTS}/reports/{study}.html",
        localrule: True


STANDING = Standing(
    [
        f"{RESULTS}/report.html",
        f"{RESULTS}/claims.csv",
        *expand(f"{RESULTS}/reports/{{study}}.html", study=PLAN.studies),
    ]
)


onsuccess:
    print(
        *at_the_end(STANDING, FIGURES.files("csv"), FIGURES.folder, PLAN.studies),
        sep="\n",
    )


onerror:
    print(*after_a_failure(STANDING, log), sep="\n")
