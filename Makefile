# Two verbs matter: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
PYTEST_ARGS ?=
# Two at a time, each with one thread: libraries that spin on threads slow each other down by far more than half.
IN_PARALLEL := --numprocesses 2 --dist loadscope
# Tests keep their own embedded PostgreSQL, away from the one that holds your studies.
TEST_ENV := VAR_DIR=$(CURDIR)/build/test-var
# A real server to run the database tests against as well, where it can be reached.
TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/postgres

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint types imports unit real-database system faults crashes loop proofs proofs-training
.PHONY: bench proofs-scale format clean

help:  ## Show this help
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.ready  ## An empty machine to a running study in the browser
	@$(BIN)/python manage.py demo $(DEMO_ARGS)

serve: $(VENV)/.ready  ## Web server, workers and beat on this machine
	@$(BIN)/python manage.py serve

test: lint types imports system unit real-database  ## Everything a contributor runs

lint: $(VENV)/.ready-dev  ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev  ## Types
	$(TEST_ENV) $(BIN)/mypy

imports: $(VENV)/.ready-dev  ## The ladder: who may import whom
	$(TEST_ENV) $(BIN)/lint-imports

unit: $(VENV)/.ready-dev  ## All tests, on the embedded PostgreSQL: what needs no screen in parallel, then the rest
	$(TEST_ENV) $(BIN)/pytest $(IN_PARALLEL) -m "not browser and not journey" $(PYTEST_ARGS)
	$(TEST_ENV) $(BIN)/pytest -m "browser or journey" $(PYTEST_ARGS)

real-database: $(VENV)/.ready-dev  ## The database tests again, on a real server where one can be reached
	@if $(BIN)/python -m tests.real_database "$(TEST_DATABASE_URL)"; then \
		DATABASE_URL="$(TEST_DATABASE_URL)" $(TEST_ENV) $(BIN)/pytest $(IN_PARALLEL) -m "database and not browser and not journey" $(PYTEST_ARGS); \
	else \
		echo "No PostgreSQL at TEST_DATABASE_URL: the database tests ran on the embedded server only."; \
	fi

system: $(VENV)/.ready-dev
	@$(BIN)/python -m tests.system

faults: $(VENV)/.ready-dev  ## 100,000 votes while servers are killed and the network misbehaves: none lost, none doubled
	$(BIN)/python -m tests.journeys.storm

loop: $(VENV)/.ready-dev  ## Votes on real photographs to a better encoder, twice, and from coins to none: minutes
	$(BIN)/python -m tests.journeys.loop

proofs-training: $(VENV)/.ready-dev  ## What training is worth on real photographs and the demo catalogue, in minutes
	$(TEST_ENV) $(BIN)/python -m tests.models_registry.training.proofs

bench: $(VENV)/.ready-dev  ## Benchmarks: ratios against a bare floor, in one run
	@for file in tests/benchmarks/bench_*.py; do $(TEST_ENV) $(BIN)/python $$file || exit 1; done

crashes: $(VENV)/.ready-dev  ## Kill twenty workers, Redis and PostgreSQL over many photographs; the result must be a quiet run's
	DON_KILLS=20 DON_PHOTOS=600 DON_WORKERS=3 $(TEST_ENV) $(BIN)/pytest tests/journeys/test_killed_workers.py $(PYTEST_ARGS)

proofs: $(VENV)/.ready-dev  ## What the board promises, simulated at full length; the table goes into docs/statistics.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.proofs.prove --write

proofs-scale: $(VENV)/.ready-dev  ## A million vectors searched in bounded memory, 100,000 pictures paired: minutes, 20 GB of disk
	$(BIN)/python -m tests.proofs.million_vectors
	$(BIN)/python -m tests.proofs.large_catalogue

format: $(VENV)/.ready-dev  ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove what tests and tools left; your studies in var/ stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which with make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
