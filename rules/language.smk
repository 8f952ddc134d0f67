"""Language models: text, tokens and metrics of every run.

REQUIRED INPUTS: none; the package index or the hub is needed once, or a folder of text.
OUTPUTS: results/archives/<archive>.archive, which all presets share, and under results/<preset>/language/:
    documents.parquet, {train,validation,sampling}.bin, index.nc, corpus.csv, bigrams.nc, ngrams.nc,
    <run>/{metrics.nc, landmarks.csv, contexts.nc, form_contents.csv, token_changes.nc};
    figures/language/fig17_token_changes.html
"""


rule language_archive:
    """Download one pinned archive from the package index."""
    output:
        archive="results/archives/{archive}.archive",
    log:
        "logs/archives/{archive}.log",
    benchmark:
        "logs/archives/{archive}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        name=lambda wildcards: wildcards.archive,
        code=code("language_archive.py"),
    script:
        "../scripts/language_archive.py"


rule language_documents:
    """Gather the documents of the corpus with source and licence."""
    input:
        **corpus_inputs(config["language"]["corpus"]),
    output:
        documents=f"{RESULTS}/language/documents.parquet",
    log:
        f"{LOGS}/language/documents.log",
    benchmark:
        f"{LOGS}/language/documents.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=720,
    params:
        corpus=config["language"]["corpus"],
        content=lambda wildcards: corpus_content(config["language"]["corpus"]),
        code=code("language_documents.py"),
    script:
        "../scripts/language_documents.py"


rule language_tokens:
    """Hold out documents and write the tokens of every split."""
    input:
        documents=f"{RESULTS}/language/documents.parquet",
        gpt2="results/archives/gpt2.archive",
    output:
        **token_streams(PLAN),
        index=f"{RESULTS}/language/index.nc",
        corpus=f"{RESULTS}/language/corpus.csv",
    log:
        f"{LOGS}/language/tokens.log",
    benchmark:
        f"{LOGS}/language/tokens.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=1440,
    params:
        split=config["language"]["corpus"]["split"],
        vocab_size=config["language"]["vocab_size"],
        root_seed=config["root_seed"],
        code=code("language_tokens.py"),
    script:
        "../scripts/language_tokens.py"


rule language_counts:
    """Count the bigrams of the training rows and list the common n-grams."""
    input:
        train=f"{RESULTS}/language/train.bin",
        index=f"{RESULTS}/language/index.nc",
        gpt2="results/archives/gpt2.archive",
    output:
        bigrams=f"{RESULTS}/language/bigrams.nc",
        ngrams=f"{RESULTS}/language/ngrams.nc",
    log:
        f"{LOGS}/language/counts.log",
    benchmark:
        f"{LOGS}/language/counts.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
    params:
        vocab_size=config["language"]["vocab_size"],
        context_length=config["language"]["context_length"],
        num_ngrams=config["language"]["ngrams"],
        code=code("language_counts.py"),
    script:
        "../scripts/language_counts.py"


rule language_metrics:
    """Measure every checkpoint of a language model on the fixed evaluation set."""
    input:
        checkpoints=f"{RESULTS}/language/{{run}}/checkpoints.h5",
        validation=f"{RESULTS}/language/validation.bin",
        index=f"{RESULTS}/language/index.nc",
        bigrams=f"{RESULTS}/language/bigrams.nc",
        ngrams=f"{RESULTS}/language/ngrams.nc",
    output:
        metrics=f"{RESULTS}/language/{{run}}/metrics.nc",
    log:
        f"{LOGS}/language/{{run}}/metrics.log",
    benchmark:
        f"{LOGS}/language/{{run}}/metrics.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=720,
    params:
        **run_params("seed", "settings", "evaluation", "identity", study="language"),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("language_metrics.py"),
    script:
        "../scripts/language_metrics.py"


rule language_landmarks:
    """Find where bigrams are best known, how n-gram scores grow then, and the largest rise of the loss."""
    input:
        metrics=f"{RESULTS}/language/{{run}}/metrics.nc",
    output:
        landmarks=f"{RESULTS}/language/{{run}}/landmarks.csv",
    log:
        f"{LOGS}/language/{{run}}/landmarks.log",
    benchmark:
        f"{LOGS}/language/{{run}}/landmarks.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("language_landmarks.py"),
    script:
        "../scripts/language_landmarks.py"


rule language_forms:
    """Measure what the forms of a model are about, and keep the contexts behind them."""
    input:
        ed=f"{RESULTS}/language/{{run}}/ed.nc",
        forms=f"{RESULTS}/language/{{run}}/forms.nc",
        validation=f"{RESULTS}/language/validation.bin",
        index=f"{RESULTS}/language/index.nc",
        gpt2="results/archives/gpt2.archive",
    output:
        contents=f"{RESULTS}/language/{{run}}/form_contents.csv",
        contexts=f"{RESULTS}/language/{{run}}/contexts.nc",
    log:
        f"{LOGS}/language/{{run}}/form_contents.log",
    benchmark:
        f"{LOGS}/language/{{run}}/form_contents.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        name=lambda wildcards: wildcards.run,
        settings=lambda wildcards: training_settings(run_of(wildcards, "language")),
        root_seed=config["root_seed"],
        code=code("language_forms.py"),
    script:
        "../scripts/language_forms.py"


rule language_token_changes:
    """Measure how the loss of single tokens changes over each stage of the two-layer model."""
    input:
        checkpoints=f"{RESULTS}/language/{TWO_LAYERS.name}/checkpoints.h5",
        stages=f"{RESULTS}/language/{TWO_LAYERS.name}/llc/published/stages.csv",
        validation=f"{RESULTS}/language/validation.bin",
        index=f"{RESULTS}/language/index.nc",
        gpt2="results/archives/gpt2.archive",
    output:
        changes=f"{RESULTS}/language/{TWO_LAYERS.name}/token_changes.nc",
    log:
        f"{LOGS}/language/token_changes.log",
    benchmark:
        f"{LOGS}/language/token_changes.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        **gpu(),
        mem_mb=memory(4000),
        runtime=60,
    params:
        name=TWO_LAYERS.name,
        settings=training_settings(TWO_LAYERS),
        identity=lambda wildcards: run_identity(TWO_LAYERS, config["root_seed"]),
        root_seed=config["root_seed"],
        device=config["device"],
        code=code("language_token_changes.py"),
    script:
        "../scripts/language_token_changes.py"


rule language_fragment:
    """Write the figure of token changes as text that the report shows."""
    input:
        changes=f"{RESULTS}/language/{TWO_LAYERS.name}/token_changes.nc",
    output:
        fragment=f"{RESULTS}/figures/language/fig17_token_changes.html",
    log:
        f"{LOGS}/language/fragment.log",
    benchmark:
        f"{LOGS}/language/fragment.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("language_fragment.py"),
    script:
        "../scripts/language_fragment.py"
