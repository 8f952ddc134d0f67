"""The science of the pipeline: pure functions, importable without Snakemake."""
