# Everything runs in .venv, installed from requirements.lock. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := xero netsuite sap-business-one

.DEFAULT_GOAL := help
.PHONY: help install demo test check bare bench suggest-score soak mutate lock format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  \1\t/' | expand -t 17

install: $(STAMP)  ## create .venv with everything in it, including .venv/bin/importer

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q importer tests  # where PYTHONDONTWRITEBYTECODE is set, nothing else would
	@touch $(STAMP)

demo: install  ## import the sample data into a local sandbox API, and write reports
	@rm -rf results/demo
	@for name in $(DEMO); do \
		echo; echo "== importer run sample_data/$$name -m $$name --api sandbox"; echo; \
		$(BIN)/importer run sample_data/$$name -m $$name --api sandbox --country US \
			--out results/demo --ledger results/demo/ledger.db || [ $$? -eq 1 ] || exit 1; \
	done
	@echo; echo "Exit code 1 is expected here: the sample data contains deliberate mistakes, and the reports list each of them."

test: install  ## run the tests
	$(BIN)/python -m pytest

check: install  ## lint, types, tests; CI runs this and `bare`
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

bare: install  ## install the wheel alone, without development extras, and run it
	VENV=$(VENV) tests/bare_install.sh

bench: install  ## run the benchmarks and print their ratios
	$(BIN)/python -m tests.bench

suggest-score: install  ## how well `importer suggest` maps 112 exports that it has no mapping for
	$(BIN)/python -m tests.drafting.score

soak: install  ## kill and resume imports at random moments, for ten minutes
	$(BIN)/python -m tests.soak

mutate: install  ## change the code at 300 random places, and list the changes that no test notices
	$(BIN)/python -m tests.mutate

lock: install  ## pin newer versions of all dependencies in requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --extra dev \
		--no-annotate --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

format: install  ## format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
