"""Figures of the regression study, and the numbers in them.

OUTPUTS under results/<preset>/figures/regression/: <figure>.png, <figure>.pdf and <figure>.csv
"""


rule figure_01b:
    """Test loss and LLC over training: all seeds, with the stages of the shown one."""
    input:
        metrics=stores("metrics.nc", runs_with("llc")),
        llc=llc_stores("llc.nc", runs_with("llc"), common_settings()),
        stages=llc_stores("stages.csv", [shown_run()], common_settings()),
    output:
        png=f"{RESULTS}/figures/regression/fig01b.png",
        pdf=f"{RESULTS}/figures/regression/fig01b.pdf",
        data=f"{RESULTS}/figures/regression/fig01b.csv",
    log:
        f"{LOGS}/figures/regression/fig01b.log",
    benchmark:
        f"{LOGS}/figures/regression/fig01b.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        run=shown_run(),
        settings=common_settings(),
        code=code("figure_01b.py"),
    script:
        "../scripts/figure_01b.py"


rule figure_02b:
    """Essential dynamics of the shown seed in the planes of three components, with forms."""
    input:
        ed=f"{RESULTS}/regression/{shown_run()}/ed.nc",
        forms=f"{RESULTS}/regression/{shown_run()}/forms.nc",
        stages=f"{RESULTS}/regression/{shown_run()}/llc/{stage_setting()}/stages.csv",
    output:
        png=f"{RESULTS}/figures/regression/fig02b.png",
        pdf=f"{RESULTS}/figures/regression/fig02b.pdf",
        data=f"{RESULTS}/figures/regression/fig02b.csv",
    log:
        f"{LOGS}/figures/regression/fig02b.log",
    benchmark:
        f"{LOGS}/figures/regression/fig02b.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_02b.py"),
    script:
        "../scripts/figure_02b.py"


rule figure_05:
    """Behaviour of the shown seed, and of the runs with a finite set of tasks."""
    input:
        metrics=f"{RESULTS}/regression/{shown_run()}/metrics.nc",
        finite=stores("metrics.nc", runs_with("metrics", variant="tasks16")),
        stages=f"{RESULTS}/regression/{shown_run()}/llc/{stage_setting()}/stages.csv",
    output:
        png=f"{RESULTS}/figures/regression/fig05.png",
        pdf=f"{RESULTS}/figures/regression/fig05.pdf",
        data=f"{RESULTS}/figures/regression/fig05.csv",
    log:
        f"{LOGS}/figures/regression/fig05.log",
    benchmark:
        f"{LOGS}/figures/regression/fig05.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        noise_variance=task_of("base", "noise_variance"),
        dimension=task_of("base", "dimension"),
        num_tasks=task_of("tasks16", "num_tasks"),
        code=code("figure_05.py"),
    script:
        "../scripts/figure_05.py"


rule figure_06b:
    """Component scores and form potentials of the shown seed against training time."""
    input:
        ed=f"{RESULTS}/regression/{shown_run()}/ed.nc",
        forms=f"{RESULTS}/regression/{shown_run()}/forms.nc",
        stages=f"{RESULTS}/regression/{shown_run()}/llc/{stage_setting()}/stages.csv",
    output:
        png=f"{RESULTS}/figures/regression/fig06b.png",
        pdf=f"{RESULTS}/figures/regression/fig06b.pdf",
        data=f"{RESULTS}/figures/regression/fig06b.csv",
    log:
        f"{LOGS}/figures/regression/fig06b.log",
    benchmark:
        f"{LOGS}/figures/regression/fig06b.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_06b.py"),
    script:
        "../scripts/figure_06b.py"


rule figure_23:
    """Loss, LLC and weight norm of the shown seed with their slopes, under one setting."""
    input:
        metrics=f"{RESULTS}/regression/{shown_run()}/metrics.nc",
        llc=f"{RESULTS}/regression/{shown_run()}/llc/{{setting}}/llc.nc",
        curve=f"{RESULTS}/regression/{shown_run()}/llc/{{setting}}/curve.nc",
        milestones=f"{RESULTS}/regression/{shown_run()}/llc/{{setting}}/milestones.csv",
        stages=f"{RESULTS}/regression/{shown_run()}/llc/{{setting}}/stages.csv",
    output:
        png=f"{RESULTS}/figures/regression/fig23_{{setting}}.png",
        pdf=f"{RESULTS}/figures/regression/fig23_{{setting}}.pdf",
        data=f"{RESULTS}/figures/regression/fig23_{{setting}}.csv",
    log:
        f"{LOGS}/figures/regression/fig23_{{setting}}.log",
    benchmark:
        f"{LOGS}/figures/regression/fig23_{{setting}}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        tolerance=config["regression"]["stages"]["tolerance"],
        code=code("figure_23.py"),
    script:
        "../scripts/figure_23.py"


rule figure_traces:
    """Chains behind three estimates of the shown seed under every common setting."""
    input:
        llc=llc_stores("llc.nc", [shown_run()], common_settings()),
    output:
        png=f"{RESULTS}/figures/regression/traces.png",
        pdf=f"{RESULTS}/figures/regression/traces.pdf",
        data=f"{RESULTS}/figures/regression/traces.csv",
    log:
        f"{LOGS}/figures/regression/traces.log",
    benchmark:
        f"{LOGS}/figures/regression/traces.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_traces.py"),
    script:
        "../scripts/figure_traces.py"


rule figure_milestones:
    """Milestones of all seeds and settings beside the published ones."""
    input:
        milestones=llc_stores("milestones.csv", runs_with("llc")),
        stages=llc_stores("stages.csv", runs_with("llc")),
    output:
        png=f"{RESULTS}/figures/regression/milestones.png",
        pdf=f"{RESULTS}/figures/regression/milestones.pdf",
        data=f"{RESULTS}/figures/regression/milestones.csv",
    log:
        f"{LOGS}/figures/regression/milestones.log",
    benchmark:
        f"{LOGS}/figures/regression/milestones.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        published=config["regression"]["published"],
        code=code("figure_milestones.py"),
    script:
        "../scripts/figure_milestones.py"


rule figure_08:
    """Likelihood-based against loss-based LLC of the shown seed."""
    input:
        loss_based=f"{RESULTS}/regression/{shown_run()}/llc/local/llc.nc",
        likelihood_based=f"{RESULTS}/regression/{shown_run()}/llc/likelihood/llc.nc",
    output:
        png=f"{RESULTS}/figures/regression/fig08.png",
        pdf=f"{RESULTS}/figures/regression/fig08.pdf",
        data=f"{RESULTS}/figures/regression/fig08.csv",
    log:
        f"{LOGS}/figures/regression/fig08.log",
    benchmark:
        f"{LOGS}/figures/regression/fig08.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        root_seed=config["root_seed"],
        code=code("figure_08.py"),
    script:
        "../scripts/figure_08.py"


rule figure_39:
    """LLC of the shown seed with the same noise at every checkpoint, and with fresh noise."""
    input:
        shared=f"{RESULTS}/regression/{shown_run()}/llc/local/llc.nc",
        fresh=f"{RESULTS}/regression/{shown_run()}/llc/fresh/llc.nc",
    output:
        png=f"{RESULTS}/figures/regression/fig39.png",
        pdf=f"{RESULTS}/figures/regression/fig39.pdf",
        data=f"{RESULTS}/figures/regression/fig39.csv",
    log:
        f"{LOGS}/figures/regression/fig39.log",
    benchmark:
        f"{LOGS}/figures/regression/fig39.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_39.py"),
    script:
        "../scripts/figure_39.py"


rule figure_llc_settings:
    """LLC of the shown seed under every common setting, and where its chains go."""
    input:
        llc=llc_stores("llc.nc", [shown_run()], common_settings()),
    output:
        png=f"{RESULTS}/figures/regression/llc_settings.png",
        pdf=f"{RESULTS}/figures/regression/llc_settings.pdf",
        data=f"{RESULTS}/figures/regression/llc_settings.csv",
    log:
        f"{LOGS}/figures/regression/llc_settings.log",
    benchmark:
        f"{LOGS}/figures/regression/llc_settings.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_llc_settings.py"),
    script:
        "../scripts/figure_llc_settings.py"


rule figure_41:
    """Chains of the shown seed under settings that fail, with the verdict on each."""
    input:
        failures=f"{RESULTS}/regression/{shown_run()}/llc_failures.nc",
    output:
        png=f"{RESULTS}/figures/regression/fig41.png",
        pdf=f"{RESULTS}/figures/regression/fig41.pdf",
        data=f"{RESULTS}/figures/regression/fig41.csv",
    log:
        f"{LOGS}/figures/regression/fig41.log",
    benchmark:
        f"{LOGS}/figures/regression/fig41.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("figure_41.py"),
    script:
        "../scripts/figure_41.py"
