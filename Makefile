# Nilometer's own commands. `make` lists them.
UV_VERSION := 0.13.9
SUPPORTED := python3.11 python3.12 python3
PYTHON ?= $(shell for p in $(SUPPORTED); do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && command -v $$p && break; done)
BIN := .venv/bin
# Of processes that share the cores, each does its linear algebra in one thread: more would wait for each other.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
LOCKED := $(BIN)/uv pip install --quiet --constraint requirements.lock --editable

.PHONY: help demo test test-alibi-old check bench-detectors bench-logger bench-statistics bench-windows faults format peers docs site lock clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: .venv/installed-demo ## install what the demo needs, and run it
	@$(BIN)/nilometer demo

test: .venv/installed-dev ## everything: lint, types, layers, unit and integration tests on real parts
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory site
	@if command -v go >/dev/null 2>&1 || [ "$${CI:-}" = true ]; then $(MAKE) --no-print-directory peers; \
	else echo "peers: Go is not installed, so the tests that need KServe's and Knative's own binaries are skipped"; fi
	@$(BIN)/python -m pytest tests/integration

check: .venv/installed-dev ## the quick loop: lint, types, layers, unit and contract tests
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@out=$$($(BIN)/lint-imports --no-logo) || { echo "$$out"; exit 1; }
	@$(ONE_THREAD) $(BIN)/python -m pytest --quiet --numprocesses auto tests/unit tests/contract

test-alibi-old: .venv/installed-dev ## the tests of alibi-detect's adapter with 0.11.4, the last Apache-licensed one (its own environment)
	@tests/alibi_0_11_4.sh

bench-logger: .venv/installed-dev ## the logger's figures beside yardsticks of the same run (4 minutes)
	@$(BIN)/python -m tests.benchmarks.logger

bench-detectors: .venv/installed-dev ## what our drift tests cost beside alibi-detect's, in one run
	@$(BIN)/python -m tests.benchmarks.detectors

bench-statistics: .venv/installed-dev ## how honest the drift detectors are: false alarms, power, delay (some hours)
	@$(BIN)/python -m tests.benchmarks.honesty

bench-windows: .venv/installed-dev ## what windows cost, beside yardsticks of the same run
	@$(BIN)/python -m tests.benchmarks.windows

faults: .venv/installed-dev ## the fault tests at full length, and their tables (kills, Kafka away, hostile traffic and the like, 20 minutes)
	@$(BIN)/python -m pytest tests/integration/logger_faults tests/integration/worker_faults \
		tests/integration/worker_soak -m integration -k "not [short]"

format: .venv/installed-dev ## format the code and mend what lint can mend
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet

peers: ## build KServe's and Knative's own binaries for the tests (needs Go)
	@tests/peers/build.sh

docs: .venv/installed-dev ## write what docs/ says of the code
	@$(BIN)/python -m tests.documents

# The theme prints an advertisement of its successor unless it is told not to.
site: .venv/installed-docs ## build the documentation into site/; fails on links that lead nowhere
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@! grep -rlE '<(script|link|img)[^>]* (src|href)="(https?:)?//' site --include='*.html' || \
		{ echo "site: these pages ask another server for something"; exit 1; }
	@echo "built: site/index.html"

lock: .venv/uv ## choose the newest versions that fit, for requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --group dev --group docs \
		--generate-hashes --no-header --no-annotate pyproject.toml --output-file requirements.lock

clean: ## remove what was installed and built here
	@rm -rf .venv tests/peers/bin .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist site

.venv/uv:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Nilometer needs Python 3.11 or 3.12; none of $(SUPPORTED) is one. Install it, or say make PYTHON=/path/to/python"; \
		exit 1; fi
	@echo "creating .venv with $(PYTHON)"
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/installed-demo: .venv/uv pyproject.toml requirements.lock
	@echo "installing what the demo needs"
	@$(LOCKED) '.[demo]'
	@touch $@

.venv/installed-dev: .venv/uv pyproject.toml requirements.lock
	@echo "installing everything for tests (alibi-detect among it: under BSL 1.1, see docs/tasks/alibi-detect.md)"
	@$(LOCKED) '.[demo,alibi,parquet]' --group dev
	@touch $@ .venv/installed-demo

.venv/installed-docs: .venv/uv pyproject.toml requirements.lock
	@echo "installing what builds the documentation"
	@$(BIN)/uv pip install --quiet --constraint requirements.lock --group docs
	@touch $@
