"""Networks that are trained one by one: every run of the studies of regression and of language.

REQUIRED INPUTS: of language models results/<preset>/language/{train,validation}.bin and index.nc.
OUTPUTS under results/<preset>/<study>/<run>/:
    checkpoints.h5, trajectory.h5
On a GPU several runs of a variant are one job (regression.seeds_together): rules without wildcards,
which Snakemake prefers to `train`. What they make is the same to every reader.
"""


rule train:
    """Train one run; continues from its last finished segment after a kill."""
    input:
        unpack(lambda wildcards: training_data(wildcards.study, PLAN)),
    output:
        checkpoints=f"{RESULTS}/{{study}}/{{run}}/checkpoints.h5",
        trajectory=f"{RESULTS}/{{study}}/{{run}}/trajectory.h5",
    log:
        f"{LOGS}/{{study}}/{{run}}/train.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/train.benchmark.tsv"
    wildcard_constraints:
        study="regression|language",
    priority: 10  # everything else waits for it
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=1440,
    params:
        **run_params("seed", "settings", "identity"),
        segment_steps=paced(
            lambda wildcards: run_of(wildcards).settings["training"]["segment_steps"]
        ),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("train.py", "stagewise.studies.{study}.training"),
    script:
        "../scripts/train.py"


for runs in PLAN.trained_together:

    rule:
        """Train several runs that differ in their seeds alone, side by side."""
        name:
            f"train_{runs[0].variant}_{runs[0].seed}"
        output:
            checkpoints=stores("checkpoints.h5", runs),
            trajectories=stores("trajectory.h5", runs),
        log:
            f"{LOGS}/{runs[0].study}/{runs[0].name}/train_together.log",
        benchmark:
            f"{LOGS}/{runs[0].study}/{runs[0].name}/train_together.benchmark.tsv"
        priority: 10
        conda:
            "../envs/pipeline.yaml"
        threads: 1
        resources:
            **gpu(),
            mem_mb=memory(8000),
            runtime=1440,
        params:
            **together_params(runs),
            root_seed=config["root_seed"],
            device=config["device"],
            code=code(
                "train_together.py", f"stagewise.studies.{runs[0].study}.training"
            ),
        script:
            "../scripts/train_together.py"
