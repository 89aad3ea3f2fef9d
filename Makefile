# Two commands from a bare clone: `make train` and `make test`. Both set themselves up.
# Needs Python 3.11 or later and make. PYTHON=python3.12 picks another interpreter, CONSTRAINTS=FILE other versions.

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Where it is set every process would compile anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help train test check docs corpora shipped clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Pinned versions without addresses; pip finds the index that this machine is set up for.
# Modules are compiled when they are first imported: most never are.
$(READY): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "linesift needs Python 3.11 or later; name one with PYTHON=...")'
	@echo "setting up $(VENV) (about 1 GB, some minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	    --constraint $(CONSTRAINTS) --editable '.[crawl,train,pipeline,review,docs,dev]'
	@touch $@

train: $(READY) ## train on every labelled page there is
	@$(BIN)/python train.py $(ARGS)
	@command -v linesift > /dev/null || echo "first    . $(BIN)/activate   (so that these commands are found)"

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY) ## lint, types, import order, known dangers, dead code, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit -q -c pyproject.toml -r src train.py
	$(BIN)/vulture
	$(BIN)/codespell

docs: $(READY) ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "site/index.html"

corpora: $(READY) ## fetch the public corpora and label their lines (LINESIFT_MIRROR=folder of archives)
	@$(BIN)/linesift fetch
	@$(BIN)/linesift lines

shipped: corpora ## rebuild the model in the package
	@$(BIN)/python train.py experiments=shipped paths.model_file=src/linesift/shipped.safetensors
	@$(BIN)/linesift evaluate --floor tests/quality_floor.json

clean: ## remove the environment and everything derived but the data
	rm -rf $(VENV) build dist site outputs multirun .pytest_cache .mypy_cache .ruff_cache
