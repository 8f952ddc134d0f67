# Two commands: `make figures` (laptop preset, from nothing to the report) and `make test`.
# CORES is how many jobs run side by side; every job uses one thread.
CORES ?= 2
PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)

.PHONY: figures smoke test lint unit workflow

figures: .venv/ready
	$(SNAKEMAKE) --configfile config/laptop.yaml

smoke: .venv/ready
	$(SNAKEMAKE) --configfile config/smoke.yaml

test: lint unit workflow

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

unit: .venv/ready
	$(BIN)/python -m pytest tests/unit tests/scripts

workflow: .venv/ready
	$(BIN)/python -m pytest tests/workflow

# The lock pins every package.
.venv/ready: envs/requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement envs/requirements.lock
	touch $@
