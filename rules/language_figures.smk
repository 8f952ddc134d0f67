"""Figures of the language study, and the numbers in them.

OUTPUTS under results/<preset>/figures/language/: <figure>.png, <figure>.pdf and <figure>.csv, and
fig17.html, text that the report shows
"""


rule language_figures_curves:
    """Draw losses, LLCs and essential dynamics: figures 1a, 2a, 6a, 12 and 21."""
    input:
        metrics=stores("metrics.nc", language_runs()),
        llc=llc_stores("llc.nc", language_runs(), ["published", "local"]),
        curves=llc_stores("curve.nc", language_runs(), ["published", "local"]),
        milestones=llc_stores("milestones.csv", language_runs(), ["published", "local"]),
        stages=llc_stores("stages.csv", language_runs(), ["published", "local"]),
        ed=stores("ed.nc", [language_run("twolayers")]),
        forms=stores("forms.nc", [language_run("twolayers")]),
    output:
        **language_figures(CURVES),
    log:
        f"{LOGS}/figures/language/curves.log",
    benchmark:
        f"{LOGS}/figures/language/curves.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        runs=language_runs(),
        settings=["published", "local"],
        tolerance=config["language"]["stages"]["tolerance"],
        code=code("language_figures_curves.py"),
    script:
        "../scripts/language_figures_curves.py"


rule language_figures_measures:
    """Draw behaviour and structure along training: figures 3, 4, 18, 19, 20 and 22."""
    input:
        metrics=stores("metrics.nc", language_runs()),
        stages=llc_stores("stages.csv", language_runs(), ["published"]),
    output:
        **language_figures(MEASURES),
    log:
        f"{LOGS}/figures/language/measures.log",
    benchmark:
        f"{LOGS}/figures/language/measures.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        variants=["twolayers", "onelayer"],
        remark=language_remark(),
        code=code("language_figures_measures.py"),
    script:
        "../scripts/language_figures_measures.py"


rule language_figures_tokens:
    """Draw what forms and stages are about, token by token: figures 15, 16 and 17."""
    input:
        checkpoints=f"{RESULTS}/language/{language_run('twolayers')}/checkpoints.h5",
        ed=f"{RESULTS}/language/{language_run('twolayers')}/ed.nc",
        forms=f"{RESULTS}/language/{language_run('twolayers')}/forms.nc",
        stages=f"{RESULTS}/language/{language_run('twolayers')}/llc/published/stages.csv",
        validation=f"{RESULTS}/language/validation.bin",
        index=f"{RESULTS}/language/index.nc",
        gpt2="results/archives/gpt2.archive",
    output:
        **language_figures(TOKENS),
        html=f"{RESULTS}/figures/language/fig17.html",
        forms=f"{RESULTS}/language/forms.csv",
    log:
        f"{LOGS}/figures/language/tokens.log",
    benchmark:
        f"{LOGS}/figures/language/tokens.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=60,
    params:
        name=language_run("twolayers"),
        settings=training_settings(RUN[language_run("twolayers")]),
        identity=run_identity(RUN[language_run("twolayers")], config["root_seed"]),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("language_figures_tokens.py"),
    script:
        "../scripts/language_figures_tokens.py"
