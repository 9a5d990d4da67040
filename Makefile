# Each target sets up .venv itself; all it needs is Python 3.11 or newer.
PYTHON ?= python3
# nproc counts no more cores than OMP_NUM_THREADS, which here is of a process's threads.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2)
CONFIG ?= config/mini.yaml
BIN := .venv/bin

.PHONY: all all_tables all_figures all_claims report docs test benchmark lint clean

all all_tables all_figures all_claims: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --show-failed-logs --configfile $(CONFIG) -- $@
	$(BIN)/rcn-bench show --config $(CONFIG)

# One HTML page of the results of CONFIG that are there; FOLDERS="results/mini results/reference/mini" for others.
report: .venv/ready
	$(BIN)/rcn-bench report $(or $(FOLDERS),--config $(CONFIG))

# A thread a process, which would otherwise fight over the cores; and bytecode is kept, though a container's image may
# have switched that off: else every process compiles what it imports, and every worker rewrites the tests' assertions.
test: .venv/ready
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

benchmark: .venv/ready
	$(BIN)/pytest --benchmark-only

# The documentation in build/docs; a link or a name that leads nowhere stops it.
docs: .venv/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: .venv/ready
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow workflows
	$(BIN)/snakemake --lint

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rcn_bench needs Python 3.11 or newer; make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,live]'
	touch $@

# Results stay.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
