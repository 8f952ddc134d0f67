"""Sweeps of the sampler's settings on models unlike each other, and settings chosen from them.

REQUIRED INPUTS: results/<preset>/regression/<shown run>/checkpoints.h5, for the transformer
OUTPUTS under results/<preset>/: calibration/<subject>/{sweep.nc, ranked.csv, calibrated.yaml}
"""


rule calibration_transformer:
    """Estimate the shown run's LLC in every cell of the grid at an early, middle and late checkpoint."""
    input:
        checkpoints=f"{RESULTS}/regression/{shown_run()}/checkpoints.h5",
    output:
        sweep=f"{RESULTS}/calibration/transformer/sweep.nc",
    log:
        f"{LOGS}/calibration/transformer/sweep.log",
    benchmark:
        f"{LOGS}/calibration/transformer/sweep.benchmark.tsv"
    priority: 5  # the longest job after training
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=720,
    params:
        run=shown_run(),
        settings=training_settings(RUN[shown_run()]),
        identity=run_identity(RUN[shown_run()], config["root_seed"]),
        steps=steps_at(shown_run(), *config["calibration"]["at"]),
        grid=config["calibration"]["transformer"]["grid"],
        sampler=config["calibration"]["transformer"]["sampler"],
        num_samples=config["regression"]["llc"]["num_samples"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("calibration_transformer.py"),
    script:
        "../scripts/calibration_transformer.py"


rule calibration_model:
    """The same for a reduced rank regression, and for a modular-addition network trained here."""
    output:
        sweep=f"{RESULTS}/calibration/{{subject}}/sweep.nc",
    log:
        f"{LOGS}/calibration/{{subject}}/sweep.log",
    benchmark:
        f"{LOGS}/calibration/{{subject}}/sweep.benchmark.tsv"
    wildcard_constraints:
        subject="rrr|modular",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        model=lambda wildcards: config["calibration"][wildcards.subject]["model"],
        shares=config["calibration"]["at"],
        grid=lambda wildcards: config["calibration"][wildcards.subject]["grid"],
        sampler=lambda wildcards: config["calibration"][wildcards.subject]["sampler"],
        root_seed=config["root_seed"],
        code=code("calibration_model.py"),
    script:
        "../scripts/calibration_model.py"


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
        names=lambda wildcards: fragment_names(wildcards.subject),
        code=code("calibration_choice.py"),
    script:
        "../scripts/calibration_choice.py"
