"""In-context linear regression: metrics and LLC estimates of every run.

REQUIRED INPUTS under results/<preset>/regression/<run>/: checkpoints.h5.
OUTPUTS under results/<preset>/regression/<run>/:
    metrics.nc, llc/<setting>/{shard-*.nc, llc.nc, summary.csv}, llc/agreement.csv,
    llc_failures.nc
"""


rule regression_metrics:
    """Measure every checkpoint of a run on the fixed evaluation set."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        metrics=f"{RESULTS}/regression/{{run}}/metrics.nc",
    log:
        f"{LOGS}/regression/{{run}}/metrics.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/metrics.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=60,
    params:
        **run_params("seed", "settings", "evaluation", "identity"),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_metrics.py"),
    script:
        "../scripts/regression_metrics.py"


rule regression_llc_shard:
    """Estimate the LLC of one shard of checkpoints under one sampler setting."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        shard=f"{RESULTS}/regression/{{run}}/llc/{{setting}}/shard-{{shard}}.nc",
    log:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/shard-{{shard}}.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/shard-{{shard}}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=240,
    params:
        **run_params("settings", "identity"),
        **llc_params("regression"),
        steps=lambda wildcards: llc_shards(wildcards.run)[int(wildcards.shard)],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_llc_shard.py"),
    script:
        "../scripts/regression_llc_shard.py"


rule regression_llc:
    """Join the shards of a run and judge whether the chains stayed near their checkpoints."""
    input:
        shards=lambda wildcards: [
            f"{RESULTS}/regression/{wildcards.run}/llc/{wildcards.setting}/shard-{shard:04d}.nc"
            for shard in range(len(llc_shards(wildcards.run)))
        ],
    output:
        llc=f"{RESULTS}/regression/{{run}}/llc/{{setting}}/llc.nc",
        summary=f"{RESULTS}/regression/{{run}}/llc/{{setting}}/summary.csv",
    log:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/gather.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/gather.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        constant_loss=lambda wildcards: constant_loss(wildcards.run),
        code=code("llc_gather.py"),
    script:
        "../scripts/llc_gather.py"


rule regression_llc_audit:
    """Estimate single checkpoints again, alone and in reverse order, and compare bit for bit."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
        llc=f"{RESULTS}/regression/{{run}}/llc/{{setting}}/llc.nc",
    output:
        audit=f"{RESULTS}/regression/{{run}}/llc/{{setting}}/audit.csv",
    log:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/audit.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/llc/{{setting}}/audit.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=60,
    params:
        **run_params("settings", "identity"),
        **llc_params("regression"),
        steps=lambda wildcards: llc_shards(wildcards.run)[0][1:3],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_llc_audit.py"),
    script:
        "../scripts/regression_llc_audit.py"


rule regression_failures:
    """Estimate the LLC of a run under settings that are chosen to fail, one each of the failures."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        failures=f"{RESULTS}/regression/{{run}}/llc_failures.nc",
    log:
        f"{LOGS}/regression/{{run}}/failures.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/failures.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=60,
    params:
        **run_params("settings", "identity"),
        failures=failure_settings(),
        steps=lambda wildcards: failure_steps(wildcards.run),
        sizes={
            key: config["regression"]["llc"]["failures"][key]
            for key in ("num_chains", "num_draws", "batch_size")
        },
        num_samples=config["regression"]["llc"]["num_samples"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_failures.py"),
    script:
        "../scripts/regression_failures.py"


rule regression_agreement:
    """Compare LLC curves of a run that differ in the loss or in the noise alone."""
    input:
        unpack(
            lambda wildcards: {
                setting: f"{RESULTS}/regression/{wildcards.run}/llc/{setting}/llc.nc"
                for pair in PLAN.compared(wildcards.run)
                for setting in pair
            }
        ),
    output:
        agreement=f"{RESULTS}/regression/{{run}}/llc/agreement.csv",
    log:
        f"{LOGS}/regression/{{run}}/llc/agreement.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/llc/agreement.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        pairs=lambda wildcards: PLAN.compared(wildcards.run),
        root_seed=config["root_seed"],
        code=code("regression_agreement.py"),
    script:
        "../scripts/regression_agreement.py"
