"""What is read off the checkpoints of one's own.

REQUIRED INPUTS: the folders of checkpoints and the factory that the section `own` names, if there is one. Their
contents count, not their times: they are no inputs, their digests are parameters.
OUTPUTS under results/<preset>/own/<run>/: metrics.nc, trajectory.h5
"""


rule own_along:
    """Loss, norm and outputs at every checkpoint of a run."""
    output:
        metrics=f"{RESULTS}/own/{{run}}/metrics.nc",
        trajectory=f"{RESULTS}/own/{{run}}/trajectory.h5",
    log:
        f"{LOGS}/own/{{run}}/along.log",
    benchmark:
        f"{LOGS}/own/{{run}}/along.benchmark.tsv"
    priority: 10  # reads every checkpoint, and so finds one that does not fit
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=120,
    params:
        settings=lambda wildcards: own_settings(
            run_of(wildcards, "own"), run_of(wildcards, "own").settings["steps"]
        ),
        identity=lambda wildcards: own_identity(run_of(wildcards, "own"), PLAN),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("own_along.py"),
    script:
        "../scripts/own_along.py"
