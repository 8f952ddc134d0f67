# Two commands: `make figures` (laptop preset, from nothing to the report) and `make test`.
# `make why TARGET=...` says why a result would be made again; `make test-slurm` needs root and Debian.
# CORES is how many jobs run side by side; every job uses one thread. PRESET is the one that `why` asks about.
CORES ?= 2
PRESET ?= laptop
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)

.PHONY: figures smoke workstation why test lint unit workflow test-slurm

figures: .venv/ready
	$(SNAKEMAKE) --configfile config/laptop.yaml

smoke: .venv/ready
	$(SNAKEMAKE) --configfile config/smoke.yaml

# One GPU and 8 cores: jobs on the GPU one at a time, others beside them.
workstation: .venv/ready
	$(BIN)/snakemake --cores 8 --configfile config/workstation.yaml

# Without TARGET, every job that would run.
why: .venv/ready
	@$(SNAKEMAKE) --dry-run $(TARGET) --configfile config/$(PRESET).yaml 2>&1 | PYTHONPATH=lib $(BIN)/python -m stagewise.workflow.reruns

test: lint unit workflow

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=lib $(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

unit: .venv/ready
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/scripts tests/faults

workflow: .venv/ready
	$(BIN)/python -m pytest -n 2 tests/workflow

# Installs Slurm, runs part of the smoke preset on a cluster of two nodes and stops it; says why if it cannot.
test-slurm: .venv/ready
	TEST_SLURM=1 $(BIN)/python -m pytest -vv -rs tests/slurm

# The lock pins every package by its digest. Torch, whose build follows the machine (for CPUs, or with the libraries
# of GPUs, which that build names each at one version), is pinned by its version; wheels run no code when installed.
.venv/ready: envs/requirements.lock envs/torch.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes --no-deps --requirement envs/requirements.lock
	$(PIP) --only-binary :all: --requirement envs/torch.lock
	touch $@
