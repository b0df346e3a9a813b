# make run: the digits through every backend. make test: the same, then the tests. Needs Python 3.11 or newer, and make.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test browser slow sabotage lint format types contracts wheel fuzz checkers speed conformance clean

help:
	@echo "make run    make .venv, install bpcompare with torch and jax, run examples/digits.toml"
	@echo "make test   the same, then the fast tests"
	@echo "make slow   the slow tests;  make browser: those of the HTML page, in headless Chromium"
	@echo "make sabotage   faults planted in the judge: each must be noticed by a test that is about it"
	@echo "make lint   ruff, format check, import contracts;  make types: mypy;  make wheel: build and check the wheel"
	@echo "make fuzz   thousands of random networks through every backend;  make checkers, make speed: the other benchmarks"
	@echo "make conformance   each plugin of examples/plugins in an environment of its own: its tests, and its table"

# A stamp is newer than what it was made from, so a second call has nothing to install.
$(VENV)/stamp-python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bpcompare needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/stamp-run: $(VENV)/stamp-python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

# Dependency groups need pip 25.1.
$(VENV)/stamp-dev: $(VENV)/stamp-run
	$(PIP) install --quiet 'pip>=25.1'
	$(PIP) install --quiet --constraint constraints.txt --group dev
	@touch $@

run: $(VENV)/stamp-run
	$(BIN)/bpcompare run examples/digits.toml
	@echo 'bpcompare is in $(BIN): `source $(BIN)/activate` puts it on the path of your shell'

test: run $(VENV)/stamp-dev
	@echo 'tests marked "browser" are left out here: make browser; those marked "slow": make slow'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow and not browser"

# Needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it.
browser: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/browser

# Faults planted in the judge: each must be noticed by a test that is about it.
sabotage: $(VENV)/stamp-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m slow tests/sabotage

slow: $(VENV)/stamp-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m slow

lint: contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/stamp-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/stamp-dev
	$(BIN)/mypy

contracts: $(VENV)/stamp-dev
	$(BIN)/lint-imports

wheel: $(VENV)/stamp-dev
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist
	$(BIN)/check-wheel-contents dist

fuzz: $(VENV)/stamp-dev
	$(BIN)/python -m benchmarks.fuzz --backends delta,torch --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,torch --count 1000 --extreme --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,jax --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,jax --count 1000 --extreme --write

checkers speed: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group bench
	$(BIN)/python -m benchmarks.$@ --write

# Each plugin in an environment of its own, as its users have it: what its framework needs decides about versions.
PLUGINS := $(notdir $(wildcard examples/plugins/bpcompare-*))
conformance: $(PLUGINS:%=conformance-%)
conformance-%:
	test -d .plugins/$* || $(PYTHON) -m venv .plugins/$*
	.plugins/$*/bin/python -m pip install --quiet --editable . --editable examples/plugins/$* pytest
	cd examples/plugins/$* && ../../../.plugins/$*/bin/python -m pytest -q
	.plugins/$*/bin/bpcompare conform $(*:bpcompare-%=%) --markdown >examples/plugins/$*/CONFORMANCE.md.part
	mv examples/plugins/$*/CONFORMANCE.md.part examples/plugins/$*/CONFORMANCE.md

clean:
	rm -rf $(VENV) .plugins dist
