# Two verbs matter: `make demo` and `make test`. Everything else is a part of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
# cpu, cuda, or auto: CUDA where a GPU driver answers.
TORCH ?= auto
export TORCH
LOCK := $(wildcard requirements/*.txt)
DEMO_SETS := web embedded worker train
ALL_SETS := $(DEMO_SETS) fast s3
PYTEST_ARGS ?=
MUTATION_ARGS ?=
# Two at a time, each with one thread: libraries that spin on threads slow each other down by far more than half.
IN_PARALLEL := --numprocesses 2 --dist loadscope
# Tests keep their own embedded PostgreSQL, away from the one that holds your studies.
TEST_ENV := VAR_DIR=$(CURDIR)/build/test-var
# A real server to run the database tests against as well, where it can be reached.
TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/postgres

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint types imports unit real-database system faults crashes loop proofs proofs-training proofs-tastes
.PHONY: attacks bench mutation search-crashes search-figures proofs-scale format lock clean

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
	$(BIN)/python -m tests.journeys.loop --write

proofs-tastes: $(VENV)/.ready-dev  ## What votes teach of tastes that no block was made for, on real photographs: minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.models_registry.training.votes.strange_tastes --write

proofs-training: $(VENV)/.ready-dev  ## What training is worth on real photographs and the demo catalogue, in minutes
	$(TEST_ENV) $(BIN)/python -m tests.models_registry.training.proofs

bench: $(VENV)/.ready-dev  ## Benchmarks: ratios against a bare floor, in one run
	@for file in tests/benchmarks/bench_*.py; do $(TEST_ENV) $(BIN)/python $$file || exit 1; done

attacks: $(VENV)/.ready-dev  ## Attacks at full length, less than 20 minutes; their table goes into docs/voting.md
	DON_ATTACKS=whole $(TEST_ENV) $(BIN)/pytest tests/attacks tests/core/pages/test_form_fuzz.py tests/core/api/test_schema_fuzz.py $(PYTEST_ARGS)
	$(BIN)/python -m tests.attacks.table --write

crashes: $(VENV)/.ready-dev  ## Kill twenty workers, Redis and PostgreSQL over many photographs; the result must be a quiet run's
	DON_KILLS=20 DON_PHOTOS=600 DON_WORKERS=3 $(TEST_ENV) $(BIN)/pytest tests/journeys/test_killed_workers.py $(PYTEST_ARGS)

search-crashes: $(VENV)/.ready-dev  ## Search under 50 kills, 5,000 requests while generations swap, 10,000 steps without a ghost
	DON_SEARCH_KILLS=50 DON_SEARCH_REQUESTS=5000 $(TEST_ENV) $(BIN)/pytest tests/journeys/test_search_crashes.py $(PYTEST_ARGS)
	DON_GHOSTS=10000 $(TEST_ENV) $(BIN)/pytest tests/search/test_ghosts.py $(PYTEST_ARGS)

search-figures: $(VENV)/.ready-dev  ## Benchmarks of search at full length; the table goes into docs/performance.md
	@for part in index search search_changes duplicates live_test identification; do $(TEST_ENV) $(BIN)/python tests/benchmarks/bench_$$part.py --keep || exit 1; done
	$(BIN)/python -m tests.benchmarks.search_table --write

proofs: $(VENV)/.ready-dev  ## What the board promises, simulated at full length; the table goes into docs/statistics.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.proofs.prove --write

mutation: $(VENV)/.ready-dev  ## Break the code in small ways and see whether tests notice; run again to go on
	$(TEST_ENV) $(BIN)/python -m tests.mutation --write $(MUTATION_ARGS)

proofs-scale: $(VENV)/.ready-dev  ## A million vectors searched in bounded memory, 100,000 pictures paired: minutes, 20 GB of disk
	$(BIN)/python -m tests.proofs.million_vectors
	$(BIN)/python -m tests.proofs.large_catalogue

format: $(VENV)/.ready-dev  ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.ready  ## Pin anew what pyproject.toml names, with hashes; needs network
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python requirements/make_lock.py

clean:  ## Remove what tests and tools left; your studies in var/ stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.ready: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "Python 3.11 to 3.14 is needed; say which with make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@$(BIN)/python requirements/install.py $(DEMO_SETS)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(BIN)/python requirements/install.py $(ALL_SETS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
