"""Instruments that every study shares: stages from an LLC curve, essential dynamics, forms.

OUTPUTS under results/<preset>/<study>/<run>/:
    llc/<setting>/{curve.nc, milestones.csv, stages.csv}, ed.nc, forms.nc
"""


rule stages:
    """Fit the LLC curve, find its milestones with their uncertainty, and divide training in stages."""
    input:
        llc=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/llc.nc",
    output:
        curve=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/curve.nc",
        milestones=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/milestones.csv",
        stages=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/stages.csv",
    log:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/stages.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/stages.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=lambda wildcards: config[wildcards.study]["stages"],
        root_seed=config["root_seed"],
        code=code("stages.py"),
    script:
        "../scripts/stages.py"


rule essential_dynamics:
    """Principal components of a run's trajectory in function space, streamed."""
    input:
        unpack(lambda w: trajectory_files(w.study, w.run, PLAN)),
    output:
        ed=f"{RESULTS}/{{study}}/{{run}}/ed.nc",
    log:
        f"{LOGS}/{{study}}/{{run}}/ed.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/ed.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=60,
    params:
        num_components=lambda wildcards: config[wildcards.study]["essential_dynamics"][
            "num_components"
        ],
        identity=lambda wildcards: trajectory_identity(run_of(wildcards), PLAN),
        code=code("essential_dynamics.py"),
    script:
        "../scripts/essential_dynamics.py"


rule forms:
    """Smooth the trajectory, follow its evolutes, and find forms against the random-walk null."""
    input:
        ed=f"{RESULTS}/{{study}}/{{run}}/ed.nc",
    output:
        forms=f"{RESULTS}/{{study}}/{{run}}/forms.nc",
    log:
        f"{LOGS}/{{study}}/{{run}}/forms.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/forms.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=lambda wildcards: form_settings(run_of(wildcards), PLAN),
        root_seed=config["root_seed"],
        code=code("forms.py"),
    script:
        "../scripts/forms.py"
