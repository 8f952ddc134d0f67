"""Figures of all studies, and the numbers in them.

REQUIRED INPUTS: what the registry of each study, studies/<study>/figures/registry.py, says of its figures.
OUTPUTS under results/<preset>/figures/<study>/: <figure>.png, <figure>.pdf and <figure>.csv
"""


rule figure:
    """Draw one figure of a study's registry."""
    input:
        unpack(lambda wildcards: figure_of(wildcards).inputs),
    output:
        png=f"{RESULTS}/figures/{{study}}/{{figure}}.png",
        pdf=f"{RESULTS}/figures/{{study}}/{{figure}}.pdf",
        data=f"{RESULTS}/figures/{{study}}/{{figure}}.csv",
    log:
        f"{LOGS}/figures/{{study}}/{{figure}}.log",
    benchmark:
        f"{LOGS}/figures/{{study}}/{{figure}}.benchmark.tsv"
    wildcard_constraints:
        study=alternatives(PLAN.studies),
        figure=alternatives(one.name for one in FIGURES),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    params:
        module=lambda wildcards: figure_of(wildcards).module,
        reading=lambda wildcards: figure_of(wildcards).reading,
        values=lambda wildcards: figure_of(wildcards).values,
        code=code("figure.py", more=lambda wildcards: figure_of(wildcards).modules),
    script:
        "../scripts/figure.py"
