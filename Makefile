# `make train` and `make test` set up everything they need in .venv first.
PYTHON ?= python3
# EXTRAS=dev leaves out EnvPool, 740 MB of fast walkers, and Ray.
EXTRAS ?= dev,fast,tensorboard,wandb,ray
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: setup show train test test-all coverage lint docs wheel clean

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

# Film a shipped walker: 12 seconds.
show: setup
	$(BIN)/dsjax watch pretrained:ambler --gif

# See walkers learn: about three minutes on 2 cores.
train: setup
	$(BIN)/dsjax demo

# Six to nine minutes on 2 cores.
test: lint
	$(PYTEST) -m 'not slow and not ray'

# All tests, those too that kill processes at length and start clusters: what CI runs.
test-all: lint
	$(PYTEST) --durations 40

coverage: setup
	$(PYTEST) -m 'not slow and not ray' --cov --cov-report=term --cov-fail-under=92

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The documentation, in site/: a minute, as the tour is executed.
docs: setup docs/tour.ipynb
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

docs/tour.ipynb: docs/tour.py
	$(BIN)/jupytext --quiet --to ipynb --output $@ --execute $<

wheel: setup
	$(BIN)/python -m build --wheel

clean:
	rm -rf .venv build dist site docs/tour.ipynb *.egg-info
