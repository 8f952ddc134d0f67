"""The LLC along training, of every study whose runs are subjects.

REQUIRED INPUTS: of each run, the files that `stagewise.workflow.subjects` names.
OUTPUTS under results/<preset>/<study>/<run>/llc/<setting>/: shard-*.nc, llc.nc, summary.csv, audit.csv
"""


rule llc_shard:
    """Estimate the LLC of one shard of checkpoints under one sampler setting."""
    input:
        unpack(subject_files),
    output:
        shard=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/shard-{{shard}}.nc",
    log:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/shard-{{shard}}.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/shard-{{shard}}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=240,
    params:
        **llc_params(
            lambda wildcards: llc_shards(run_of(wildcards), PLAN)[int(wildcards.shard)]
        ),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("llc_shard.py", "stagewise.studies.{study}.subject"),
    script:
        "../scripts/llc_shard.py"


rule llc:
    """Join the shards of a run and judge whether the chains stayed near their checkpoints."""
    input:
        shards=lambda wildcards: [
            f"{RESULTS}/{wildcards.study}/{wildcards.run}/llc/{wildcards.setting}/shard-{shard:04d}.nc"
            for shard in range(len(llc_shards(run_of(wildcards), PLAN)))
        ],
    output:
        llc=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/llc.nc",
        summary=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/summary.csv",
    log:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/gather.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/gather.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        steps=lambda wildcards: sorted(sum(llc_shards(run_of(wildcards), PLAN), [])),
        code=code("llc_gather.py"),
    script:
        "../scripts/llc_gather.py"


rule llc_audit:
    """Estimate single checkpoints again, alone and in reverse order, and compare bit for bit."""
    input:
        unpack(subject_files),
        llc=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/llc.nc",
    output:
        audit=f"{RESULTS}/{{study}}/{{run}}/llc/{{setting}}/audit.csv",
    log:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/audit.log",
    benchmark:
        f"{LOGS}/{{study}}/{{run}}/llc/{{setting}}/audit.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=60,
    params:
        **llc_params(lambda wildcards: llc_shards(run_of(wildcards), PLAN)[0][1:3]),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("llc_audit.py", "stagewise.studies.{study}.subject"),
    script:
        "../scripts/llc_audit.py"
