# Both `make demo` and `make test` begin with `make install`, which is quick when nothing changed.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv/.installed-bench

.PHONY: help install install-bench demo check test bench load-test format clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with raymesos and what its tests need

$(STAMP): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "raymesos needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python3)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (about half a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install-bench: $(BENCH_STAMP) ## Add the rivals that the benchmarks compare with, and what draws figures

$(BENCH_STAMP): $(STAMP) constraints-bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-bench.txt
	@touch $@

demo: install ## Two teams share a local cluster and count words in Python's own source
	@$(BIN)/python -m workloads.corpus.demo

check: install ## Format, lint, types, layers, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not ray and not slow"

test: install ## The whole suite
	$(BIN)/python -m pytest

bench: install-bench ## The benchmarks, each with its rival in the same run
	@for name in "allocator" "allocator --quota --reservations" simulator batch_functions batch_commands latency fairness sharing big_task footprint http v1_launch; do \
		$(BIN)/python -m load_tests.benchmarks.$$name --json || exit 1; done

load-test: install ## Users over HTTP for 45 s on a cluster of their own, held to thresholds (SHAPE=ramp|burst|soak DURATION=45 USERS=24)
	@$(BIN)/python -m load_tests.over_http.run $(if $(SHAPE),--shape $(SHAPE)) $(if $(DURATION),--seconds $(DURATION)) $(if $(USERS),--most $(USERS))

format: install ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
