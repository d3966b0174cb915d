# make demo and make test set up everything they need; nothing has to be installed first but
# git, make and Python 3.11 or later with venv.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

# Most of these wait rather than compute. Worksteal leaves a module's tests, and what they share, in
# one process.
SHARED := $(BIN)/pytest -n $(shell echo $$(($$(nproc) * 2))) --dist worksteal
# A lab is many machines on this one, and has time-outs of its own: one at a time.
LAB := $(BIN)/pytest -m lab

.PHONY: demo test fast lab night lint format bench docs clean

demo: $(VENV)/.runtime
	@$(BIN)/simulacra demo

test: $(VENV)/.test
	@tests/system-packages
	$(SHARED) -m "not lab"; failed=$$?; $(LAB) && exit $$failed

# What to run after each change: all but what needs a lab or keeps a processor busy for seconds.
fast: $(VENV)/.test
	$(SHARED) -m "not lab and not slow"

lab: $(VENV)/.test
	$(LAB)

# What takes hours: large trees that are downloaded, 100,000 files, and 20,000 random histories each.
night: $(VENV)/.test
	@tests/system-packages
	SIMULACRA_NIGHT=1 SIMULACRA_EXAMPLES=20000 $(BIN)/pytest -n 2 --timeout 86400 tests/actors/data

lint: $(VENV)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p simulacra
	$(BIN)/mypy tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/python -m tests.hosts.nix.lint

format: $(VENV)/.lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Simulacra needs Python 3.11 or later: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian, apt install python3-venv"; exit 1; }

$(VENV)/.runtime: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.lint: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	@touch $@ $(VENV)/.test $(VENV)/.runtime

# AREA=runtime measures that area only; build/bench.json keeps the others' figures.
bench: build/bench-venv/.ours
	build/bench-venv/bin/python -m benchmarks $(if $(AREA),--area $(AREA))

build/bench-venv/.ours: pyproject.toml Makefile
	$(PYTHON) -m venv build/bench-venv
	build/bench-venv/bin/python -m pip install --quiet --editable '.[hosts,overlay]'
	@touch $@

# docs/reference: the command line from its help, the Python names from their docstrings.
docs: $(VENV)/.runtime
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) .venv-lowest build *.egg-info
