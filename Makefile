# make run: the digits through every backend. make test: the same, then the tests. Needs Python 3.11 or newer, and make.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Each worker goes on in its own half of the tests, where fixtures are made once, until the other is done and takes over.
SHARED := -n $(JOBS) --dist worksteal
# Tests start hundreds of processes: without bytecode each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test browser slow whole sabotage lint format types contracts wheel docs fuzz checkers speed own gradients models conformance clean

help:
	@echo "make run    make .venv, install bpcompare with torch and jax, run examples/digits.toml"
	@echo "make test   the same, then the fast tests"
	@echo "make slow   the slow tests;  make browser: those of the HTML page and the site, in headless Chromium"
	@echo "make whole  all tests, and all that they try samples of elsewhere: an hour or more"
	@echo "make sabotage   faults planted in the judge: each must be noticed by a test that is about it"
	@echo "make lint   ruff, format check, import contracts;  make types: mypy;  make wheel: build and check the wheel"
	@echo "make docs   the documentation as a site in site/, to be read without a network"
	@echo "make fuzz   thousands of random networks through every backend;  make checkers, make speed: the other benchmarks"
	@echo "make own    training scripts as people write them (examples/own), each with its verdict, as a table"
	@echo "make gradients  check_gradient on the functions of torch and JAX and on mutants of their gradients, as a table"
	@echo "make models real models of other people's packages, in an environment of their own: one training step of each, judged"
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

# What is documented is imported, the conformance suite too.
$(VENV)/stamp-docs: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group docs
	@touch $@

run: $(VENV)/stamp-run
	$(BIN)/bpcompare run examples/digits.toml
	@echo 'bpcompare is in $(BIN): `source $(BIN)/activate` puts it on the path of your shell'

test: run $(VENV)/stamp-dev
	@echo 'tests marked "browser" are left out here: make browser; those marked "slow": make slow'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SHARED) -m "not slow and not browser"

# Needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/it.
browser: $(VENV)/stamp-dev docs
	$(PIP) install --quiet --constraint constraints.txt --group browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/browser

# Faults planted in the judge: each must be noticed by a test that is about it.
sabotage: $(VENV)/stamp-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SHARED) -m slow tests/sabotage

slow: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group own
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SHARED) -m slow

# What tests take samples of (tests/shared/samples.py), all of it.
whole: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group own
	BPCOMPARE_WHOLE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SHARED) -m "not browser"

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

docs: $(VENV)/stamp-docs
	$(BIN)/python docs/site/build.py

fuzz: $(VENV)/stamp-dev
	$(BIN)/python -m benchmarks.fuzz --backends delta,torch --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,torch --count 1000 --extreme --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,jax --draws 4 --write
	$(BIN)/python -m benchmarks.fuzz --backends delta,jax --count 1000 --draws 4 --extreme --write

checkers speed: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group bench
	$(BIN)/python -m benchmarks.$@ --write

# Also how long watching a step takes, and how much memory.
own: $(VENV)/stamp-dev
	$(PIP) install --quiet --constraint constraints.txt --group own
	$(BIN)/python -m benchmarks.examples --write
	$(BIN)/python -m benchmarks.own --write

# check_gradient on functions whose gradient is known; torch's own samples of its functions need expecttest.
gradients: $(VENV)/stamp-dev
	$(PIP) install --quiet expecttest==0.3.0
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.gradients -n 2 --write

# Real models, in an environment with the packages that they come from.
models:
	test -d .models || $(PYTHON) -m venv .models
	.models/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[torch]'
	.models/bin/python -m pip install --quiet --no-deps --requirement benchmarks/models/requirements.txt
	OMP_NUM_THREADS=1 .models/bin/python -m benchmarks.models --write

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
	rm -rf $(VENV) .plugins .models dist site
