PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup generate lint types test
setup: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" buf lint

types: setup
	$(BIN)/mypy

test: lint types
	$(BIN)/pytest
