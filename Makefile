# Everything sets itself up: the first target that needs it makes .venv and installs into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Extra words for pip, such as another package index.
PIP_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench bench-peers clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## fetch a corpus, train 12 minutes, evaluate, show translations (runs/demo)
	@$(BIN)/seq2seq demo

test: $(VENV)/.installed  ## run the tests
	@$(BIN)/python -m pytest

check: $(VENV)/.installed  ## ruff, format, mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.installed  ## put the code into the one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.installed  ## measure speed (of peers too, once bench-peers has installed them); needs Multi30k
	@$(BIN)/python benchmarks/bench.py

bench-peers: $(VENV)/.installed  ## install OpenNMT-py and JoeyNMT in venvs of their own, for bench
	@$(BIN)/python benchmarks/peers.py install

clean:  ## remove .venv and caches (runs/ and data/ stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …" >&2; exit 1; }
	@echo "setting up $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@# torch first and by itself, pinned: nothing that comes after it asks for another build.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@
