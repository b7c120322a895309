# The first target that needs it creates .venv and installs into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Extra arguments for pip, such as another package index.
PIP_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format docs bench bench-toolkits wheel-check clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## fetch a corpus, train 12 minutes, evaluate, show translations (runs/demo)
	@$(BIN)/seq2seq demo

test: $(VENV)/.installed  ## run the tests, one process for each core
	@$(BIN)/python -m pytest -n auto --dist loadgroup --durations 10

check: $(VENV)/.installed  ## ruff, format, mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed  ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.installed  ## rewrite docs/configuration.md from the config classes
	@$(BIN)/python docs/make_configuration.py

bench: $(VENV)/.installed  ## measure speed, also of the toolkits of bench-toolkits; needs Multi30k
	@$(BIN)/python benchmarks/bench.py

bench-toolkits: $(VENV)/.installed  ## install OpenNMT-py and JoeyNMT for bench, each in its own environment
	@$(BIN)/python benchmarks/install_toolkits.py

wheel-check: $(VENV)/.installed  ## install the wheel without torch into a new environment, translate there
	@PYTHON=$(PYTHON) .ci/wheel

clean:  ## remove .venv and caches (runs/ and data/ stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer. Name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "setting up $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@# torch comes first, by itself and pinned, so that nothing after it asks for another build.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@
