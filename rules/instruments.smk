"""The LLC as an instrument: models of known learning coefficient, a second sampler, calibration.

REQUIRED INPUTS: results/<preset>/regression/<shown run>/checkpoints.h5, for the transformer's calibration.
OUTPUTS under results/<preset>/: validation/{validation,second_opinion,form_rates}.csv,
    calibration/<subject>/{sweep.nc, ranked.csv, calibrated.yaml}
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


rule form_rates:
    """Search simulated trajectories for forms, with none and with one planted; begins again after a kill."""
    output:
        table=f"{RESULTS}/validation/form_rates.csv",
    log:
        f"{LOGS}/validation/form_rates.log",
    benchmark:
        f"{LOGS}/validation/form_rates.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        settings=config["form_rates"],
        root_seed=config["root_seed"],
        code=code("form_rates.py"),
    script:
        "../scripts/form_rates.py"


rule calibration_sweep:
    """Estimate a model's LLC in every cell of the grid at an early, a middle and a late checkpoint."""
    input:
        unpack(lambda wildcards: calibration_paths(wildcards.subject, PLAN)),
    output:
        sweep=f"{RESULTS}/calibration/{{subject}}/sweep.nc",
    log:
        f"{LOGS}/calibration/{{subject}}/sweep.log",
    benchmark:
        f"{LOGS}/calibration/{{subject}}/sweep.benchmark.tsv"
    priority: 5  # the longest job after training
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=720,
    params:
        given=lambda wildcards: calibration_settings(wildcards.subject, PLAN),
        grid=lambda wildcards: config["calibration"][wildcards.subject]["grid"],
        sampler=lambda wildcards: config["calibration"][wildcards.subject]["sampler"],
        root_seed=config["root_seed"],
        code=code(
            "calibration_sweep.py", "stagewise.studies.instruments.subjects.{subject}"
        ),
    script:
        "../scripts/calibration_sweep.py"


rule calibration_choice:
    """Rank the cells of a sweep, and write the best as a fragment of the configuration."""
    input:
        sweep=f"{RESULTS}/calibration/{{subject}}/sweep.nc",
    output:
        table=f"{RESULTS}/calibration/{{subject}}/ranked.csv",
        fragment=f"{RESULTS}/calibration/{{subject}}/calibrated.yaml",
    log:
        f"{LOGS}/calibration/{{subject}}/choice.log",
    benchmark:
        f"{LOGS}/calibration/{{subject}}/choice.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        max_change=config["calibration"]["max_change"],
        nested=lambda wildcards: fragment_place(wildcards.subject),
        names=lambda wildcards: fragment_names(wildcards.subject, PLAN),
        code=code("calibration_choice.py"),
    script:
        "../scripts/calibration_choice.py"
