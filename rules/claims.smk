"""The claims: every statement of config/claims.yaml tested on the stores of its study.

REQUIRED INPUTS: of each study, what `stagewise.workflow.claims` names.
OUTPUTS under results/<preset>/: claims/<study>.csv, claims.csv
"""


rule claims:
    """Test every claim of a study by its criterion; what a preset cannot test is said, not dropped."""
    input:
        unpack(lambda wildcards: evidence_of(wildcards.study, PLAN).stores),
    output:
        claims=f"{RESULTS}/claims/{{study}}.csv",
    log:
        f"{LOGS}/{{study}}/claims.log",
    benchmark:
        f"{LOGS}/{{study}}/claims.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        facts=lambda wildcards: evidence_of(wildcards.study, PLAN).facts,
        entries=lambda wildcards: entries_of(LEDGER, wildcards.study),
        preset=config["preset"],
        code=code("claims.py", "stagewise.studies.{study}.claims"),
    script:
        "../scripts/claims.py"


rule claims_gather:
    """Join the verdicts of all studies in one table."""
    input:
        claims=expand(f"{RESULTS}/claims/{{study}}.csv", study=STUDIES),
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
        mem_mb=1000,
        runtime=10,
    params:
        code=code("claims_gather.py"),
    script:
        "../scripts/claims_gather.py"
