# Each target makes .venv by itself; it is remade when the lock file or pyproject.toml changes.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench performance soak run screenshots clean lock

PYTHON ?= python3
SEEDS ?= 200
BENCH ?=
RUN_HOME ?= build/SiteScope
RUN_PORT ?= 8080
PYTEST_ARGS ?=
UPGRADE ?=
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
APT_LINE := apt-get install -y make python3 python3-venv

# The first interpreter that is new enough and can make a virtual environment (Debian packs ensurepip apart).
FIND_PYTHON = for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	if "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then break; fi; \
	python=; done; \
	if [ -z "$$python" ]; then echo '$(APT_LINE)'; exit 1; fi

help:
	@echo "make demo    a pair on this machine in the failover's console: keys kill and revive the primary; step by step in a pipe"
	@echo 'make test    the whole test suite'
	@echo 'make check   linter, format, types, import contracts, house rules'
	@echo 'make bench   figures, each beside a reference measured in the same run'
	@echo 'make performance  docs/performance.md from the figures of the last make bench'
	@echo 'make soak    10,000 node-days of decisions, 100 through HTTP, the simulations over SEEDS=$(SEEDS) seeds'
	@echo 'make run     a primary on RUN_HOME=$(RUN_HOME), in the foreground'
	@echo 'make screenshots  the pictures of the console in docs/screenshots, from a real pair'
	@echo 'make lock    requirements.lock anew (UPGRADE=--upgrade for the newest versions)'
	@echo 'make clean   remove .venv, caches and build products'

$(STAMP): requirements.lock pyproject.toml
	@$(FIND_PYTHON); \
	$(BIN)/python -c 'import pip' >/dev/null 2>&1 || "$$python" -m venv --clear .venv
	@echo 'installing the locked dependencies into .venv'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/sitescope-fo demo; else $(BIN)/sitescope-fo demo --script; fi

# Tests marked `processes` share one worker, so real daemons never compete with each other.
test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/test_house.py

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(BENCH)

performance: $(STAMP)
	$(BIN)/python -m tests.bench.page

# Goes on where it was stopped. SOAK_FRESH, SOAK_FROM, SOAK_TO, SOAK_WORKERS and more: see docs/simulation.md.
soak: $(STAMP)
	$(BIN)/python -m tests.simulation.soak
	SITESCOPE_TEST_ALL_POINTS=1 $(BIN)/pytest -n 2 --dist loadgroup -m simulation --seeds $(SEEDS) $(PYTEST_ARGS)
	SITESCOPE_TEST_CLOCKS=1 MAIL_SECONDS=600 MAIL_MONITORS=1000 $(BIN)/pytest \
		tests/processes/test_clock_steps.py tests/processes/test_mail_moods.py

run: $(STAMP)
	@test -d $(RUN_HOME) || $(BIN)/sitescope-fo setup --role primary --home $(RUN_HOME) --port $(RUN_PORT) --yes
	$(BIN)/sitescope-fo --home $(RUN_HOME) --daemon

screenshots: $(STAMP)
	$(BIN)/python docs/screenshots/console.py

lock:
	@$(FIND_PYTHON); \
	test -x build/lock/bin/uv || { "$$python" -m venv --clear build/lock && build/lock/bin/python -m pip install --quiet uv; }
	@build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --group dev $(UPGRADE) pyproject.toml --output-file build/requirements.txt
	@{ sed -n '/^#/p' requirements.lock; sed '/^#/d' build/requirements.txt; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find sitescope_fo tests -name __pycache__ -type d -prune -exec rm -rf {} +
