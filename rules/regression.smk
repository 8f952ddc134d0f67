"""In-context linear regression: metrics and curvature of every run, and estimates made to fail.

REQUIRED INPUTS under results/<preset>/regression/<run>/: checkpoints.h5.
OUTPUTS under results/<preset>/regression/<run>/: metrics.nc, structure.nc, ed_variants.nc, hessian.nc, llc/agreement.csv,
degeneracy.nc, llc_failures.nc, llc_by_position.nc, llc_refined.nc, llc_scale.nc, llc_meaning.csv, llc_statements.csv; and regression/task_prior.nc
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
        **run_params("seed", "settings", "evaluation", "identity", study="regression"),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_metrics.py"),
    script:
        "../scripts/regression_metrics.py"


rule regression_structure:
    """Look inside every checkpoint of a run: embeddings, layer norms, unembedding, attention heads."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        structure=f"{RESULTS}/regression/{{run}}/structure.nc",
    log:
        f"{LOGS}/regression/{{run}}/structure.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/structure.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=30,
    params:
        **run_params("seed", "settings", "identity", study="regression"),
        structure=config["regression"]["structure"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_structure.py"),
    script:
        "../scripts/regression_structure.py"


rule regression_task_prior:
    """Train networks on finite sets of tasks side by side, and compare them with optimal predictors."""
    output:
        store=f"{RESULTS}/regression/task_prior.nc",
    log:
        f"{LOGS}/regression/task_prior.log",
    benchmark:
        f"{LOGS}/regression/task_prior.benchmark.tsv"
    priority: 4
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=1440,
    params:
        settings=task_prior_settings(config["regression"]),
        segment_steps=paced(
            lambda wildcards: config["regression"]["task_prior"]["training"][
                "segment_steps"
            ]
        ),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_task_prior.py"),
    script:
        "../scripts/regression_task_prior.py"


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
        subject=lambda wildcards: subject_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        failures=failure_settings(PLAN),
        steps=lambda wildcards: failure_steps(run_of(wildcards, "regression"), PLAN),
        sizes={
            key: config["regression"]["llc"]["failures"][key]
            for key in ("num_chains", "num_draws", "batch_size")
        },
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_failures.py"),
    script:
        "../scripts/regression_failures.py"


rule regression_hessian:
    """Measure trace and largest eigenvalues of the loss's Hessian at the checkpoints that have an LLC."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        hessian=f"{RESULTS}/regression/{{run}}/hessian.nc",
    log:
        f"{LOGS}/regression/{{run}}/hessian.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/hessian.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=120,
    params:
        subject=lambda wildcards: subject_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        steps=lambda wildcards: sorted(
            sum(llc_shards(run_of(wildcards, "regression"), PLAN), [])
        ),
        sizes=config["regression"]["llc"]["hessian"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_hessian.py"),
    script:
        "../scripts/regression_hessian.py"


rule regression_scale:
    """Estimate the LLC of a run over gamma / n_beta, beside the soft count of the loss's curvature."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        store=f"{RESULTS}/regression/{{run}}/llc_scale.nc",
        meaning=f"{RESULTS}/regression/{{run}}/llc_meaning.csv",
        statements=f"{RESULTS}/regression/{{run}}/llc_statements.csv",
    log:
        f"{LOGS}/regression/{{run}}/scale.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/scale.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=240,
    params:
        subject=lambda wildcards: subject_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        sampler=lambda wildcards: sampler_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        steps=lambda wildcards: steps_of_entry(
            "scale", run_of(wildcards, "regression"), PLAN
        ),
        scale=config["regression"]["llc"]["scale"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_scale.py"),
    script:
        "../scripts/regression_scale.py"


rule regression_positions:
    """Estimate the LLC of a run by position of the context."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        store=f"{RESULTS}/regression/{{run}}/llc_by_position.nc",
    log:
        f"{LOGS}/regression/{{run}}/positions.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/positions.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=240,
    params:
        subject=lambda wildcards: subject_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        sampler=lambda wildcards: sampler_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        steps=lambda wildcards: steps_of_entry(
            "by_position", run_of(wildcards, "regression"), PLAN
        ),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_positions.py"),
    script:
        "../scripts/regression_positions.py"


rule regression_refined:
    """Estimate the LLC of parts of a run's network."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        store=f"{RESULTS}/regression/{{run}}/llc_refined.nc",
    log:
        f"{LOGS}/regression/{{run}}/refined.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/refined.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=480,
    params:
        subject=lambda wildcards: subject_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        sampler=lambda wildcards: sampler_settings(
            run_of(wildcards, "regression"), "local", PLAN
        ),
        steps=lambda wildcards: steps_of_entry(
            "refined", run_of(wildcards, "regression"), PLAN
        ),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_refined.py"),
    script:
        "../scripts/regression_refined.py"


rule regression_degeneracy:
    """Count the parameters that no input reaches, at the checkpoints that have an LLC."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        store=f"{RESULTS}/regression/{{run}}/degeneracy.nc",
    log:
        f"{LOGS}/regression/{{run}}/degeneracy.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/degeneracy.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=60,
    params:
        **run_params("settings", "identity", study="regression"),
        steps=lambda wildcards: sorted(
            sum(llc_shards(run_of(wildcards, "regression"), PLAN), [])
        ),
        num_contexts=config["regression"]["structure"]["num_contexts"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_degeneracy.py"),
    script:
        "../scripts/regression_degeneracy.py"


rule regression_ed_variants:
    """Principal components of a run's outputs, weights and gradients at its checkpoints."""
    input:
        checkpoints=f"{RESULTS}/regression/{{run}}/checkpoints.h5",
    output:
        store=f"{RESULTS}/regression/{{run}}/ed_variants.nc",
    log:
        f"{LOGS}/regression/{{run}}/ed_variants.log",
    benchmark:
        f"{LOGS}/regression/{{run}}/ed_variants.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(2000),
        runtime=30,
    params:
        **run_params("settings", "identity", study="regression"),
        num_components=config["regression"]["essential_dynamics"]["num_components"],
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("regression_ed_variants.py"),
    script:
        "../scripts/regression_ed_variants.py"


rule regression_agreement:
    """Compare LLC curves of a run that differ in the loss or in the noise alone."""
    input:
        unpack(
            lambda wildcards: {
                setting: f"{RESULTS}/regression/{wildcards.run}/llc/{setting}/llc.nc"
                for pair in PLAN.compared(run_of(wildcards, "regression"))
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
        pairs=lambda wildcards: PLAN.compared(run_of(wildcards, "regression")),
        root_seed=config["root_seed"],
        code=code("regression_agreement.py"),
    script:
        "../scripts/regression_agreement.py"
