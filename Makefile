# `make train` and `make test` set up everything they need in .venv first.
PYTHON ?= python3
# EXTRAS=dev leaves out EnvPool, 740 MB of fast walkers, and Ray.
EXTRAS ?= dev,fast,tensorboard,ray
BIN := .venv/bin

.PHONY: setup train test quick lint clean

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

# About three minutes on 2 cores: four walkers learn with a faster rule than the published one.
train: setup
	$(BIN)/python scripts/train.py --config configs/demo.toml --output runs/demo-$$(date +%Y%m%d-%H%M%S)

test: lint
	$(BIN)/python -m pytest

quick: lint
	$(BIN)/python -m pytest -m 'not slow'

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:
	rm -rf .venv build *.egg-info
