# Two commands do it all: `make run` and `make test`. Both install what they need into this folder alone.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS ?= never
export UV_LINK_MODE ?= copy
# 10 s once, where a first start would take 10 s longer, and each start where no bytecode may be kept.
export UV_COMPILE_BYTECODE ?= 1
PORT ?= 8000
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
CODE := contracts ports nodes retrievers models store graph server ingest evals bench web tests examples switchboard.py

help:
	@echo "make run     install, load the sample handbook on first start, serve on http://127.0.0.1:$(PORT)"
	@echo "make test    install and pass the tests"
	@echo "make check   lint, types, import layers, file sizes"
	@echo "make bench   every benchmark, each with its floor"
	@echo "make setup   install only"

.uv/bin/uv:
	@echo "uv is not installed; bringing it into .uv" >&2
	@python3 -m venv .uv || { echo "python3 has no venv module: install python3-venv, or uv itself" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv

# The program and its made models. --inexact leaves the test packages where `make test` has put them.
.venv/.ready: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --frozen --no-dev --inexact --quiet
	@$(BIN)/python -m ports.made .venv/share/switchboard >/dev/null
	@touch $@

.venv/.ready-dev: .venv/.ready
	@$(UV) sync --frozen --quiet
	@touch $@

setup: .venv/.ready

run: setup
	@$(BIN)/switchboard serve --port $(PORT) --sample examples/handbook

test: .venv/.ready-dev
	@$(BIN)/python -m pytest

check: .venv/.ready-dev
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@git ls-files '*.py' | xargs wc -l | awk '$$2 == "total" { next } \
	  { limit = $$2 ~ /^tests\// ? 450 : 300 } $$1 > limit { print $$2 ": " $$1 " lines, over " limit; bad = 1 } \
	  END { exit bad }'

bench: .venv/.ready-dev
	@for name in overhead ingest streams growth; do $(BIN)/switchboard bench $$name || exit 1; done
	@$(BIN)/switchboard bench runtime --soak 300
	@$(BIN)/switchboard bench chaos --on embedded --minutes 15
	@$(BIN)/switchboard bench chaos --on servers --minutes 50
	@$(BIN)/switchboard bench chaos --on servers --soak 20

.PHONY: help setup run test check bench
