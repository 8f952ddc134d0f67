"""Modular addition: runs of every experiment, measures, what is followed along training.

REQUIRED INPUTS: none, the tables are made.
OUTPUTS under results/<preset>/:
    modular/<experiment>/{curves.nc,checkpoints.h5}, modular/{runs,laws,comparison,growth}.csv, modular/{modes,gradients}.nc
"""


rule modular_run:
    """Train every setting of one experiment for all its cases and seeds; goes on after a kill."""
    output:
        curves=f"{RESULTS}/modular/{{modular_experiment}}/curves.nc",
        checkpoints=f"{RESULTS}/modular/{{modular_experiment}}/checkpoints.h5",
    log:
        f"{LOGS}/modular/{{modular_experiment}}/run.log",
    benchmark:
        f"{LOGS}/modular/{{modular_experiment}}/run.benchmark.tsv"
    priority: 4
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=4320,
    params:
        settings=lambda wildcards: MODULAR[wildcards.modular_experiment],
        segment_steps=paced(lambda wildcards: config["modular"]["segment_steps"]),
        root_seed=config["root_seed"],
        code=code("modular_run.py"),
    script:
        "../scripts/modular_run.py"


rule modular_measures:
    """Measure every run: outcome, times, learned modes, early training."""
    input:
        curves=expand(f"{RESULTS}/modular/{{name}}/curves.nc", name=MODULAR),
        checkpoints=expand(f"{RESULTS}/modular/{{name}}/checkpoints.h5", name=MODULAR),
    output:
        runs=f"{RESULTS}/modular/runs.csv",
    log:
        f"{LOGS}/modular/measures.log",
    benchmark:
        f"{LOGS}/modular/measures.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        settings=MODULAR,
        measures=config["modular"]["measures"],
        root_seed=config["root_seed"],
        code=code("modular_measures.py"),
    script:
        "../scripts/modular_measures.py"


rule modular_along:
    """Follow modes, or gradients, of some settings along training."""
    input:
        curves=f"{RESULTS}/modular/stages/curves.nc",
        checkpoints=f"{RESULTS}/modular/stages/checkpoints.h5",
    output:
        along=f"{RESULTS}/modular/{{analysis}}.nc",
    log:
        f"{LOGS}/modular/{{analysis}}.log",
    benchmark:
        f"{LOGS}/modular/{{analysis}}.benchmark.tsv"
    wildcard_constraints:
        analysis="modes|gradients",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=240,
    params:
        followed=lambda wildcards: followed(config["modular"], wildcards.analysis),
        mode_factor=config["modular"]["measures"]["mode_factor"],
        root_seed=config["root_seed"],
        code=code("modular_along.py", "stagewise.studies.modular.{analysis}"),
    script:
        "../scripts/modular_along.py"


rule modular_laws:
    """Fit laws of the time to generalise, and compare them as claim G10 does."""
    input:
        runs=f"{RESULTS}/modular/runs.csv",
    output:
        laws=f"{RESULTS}/modular/laws.csv",
        comparison=f"{RESULTS}/modular/comparison.csv",
    log:
        f"{LOGS}/modular/laws.log",
    benchmark:
        f"{LOGS}/modular/laws.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        alpha=LEDGER["G10"]["thresholds"]["alpha"],
        draws=LEDGER["G10"]["thresholds"]["draws"],
        code=code("modular_laws.py"),
    script:
        "../scripts/modular_laws.py"


rule modular_growth:
    """Follow the growth of every learned mode, as far as claim G13 does."""
    input:
        modes=f"{RESULTS}/modular/modes.nc",
    output:
        growth=f"{RESULTS}/modular/growth.csv",
    log:
        f"{LOGS}/modular/growth.log",
    benchmark:
        f"{LOGS}/modular/growth.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        until=LEDGER["G13"]["thresholds"]["until"],
        code=code("modular_growth.py"),
    script:
        "../scripts/modular_growth.py"
