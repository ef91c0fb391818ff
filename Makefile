# make run        the default comparison, from nothing
# make test       everything that must pass, from nothing
# See README.md; .ci/run does `make lint test docs`, and parts of `make test-all wheels-local`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find ext -name '*.pyx' -o -name '*.px[di]' -o -name '*.h' -o -name '*.c' 2>/dev/null)

.PHONY: run test test-faults worlds fuzz lint benchmark wheel wheels-local test-all docs yardstick clean

run: $(VENV)/.installed
	$(BIN)/gilscope run

# Tests that no neighbour disturbs run side by side, then alone those that are marked as measuring.
test: $(VENV)/.tools build/oracle/.installed
	status=0; \
	$(BIN)/python -m pytest -m 'not measuring' -n $(or $(WORKERS),4) --dist worksteal || status=1; \
	$(BIN)/python -m pytest -m measuring || status=1; \
	exit $$status

# A simulator of queues, for comparison: in a folder of its own, because it brings a package called tests.
build/oracle/.installed: $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(@D) --no-deps 'ciw>=3.2' networkx tqdm
	touch $@

# The suite under every interpreter found, each in an environment of its own in build/environments; QUICK=1: only what
# depends on the interpreter most. Others: make test-all INTERPRETERS="/path/python3.14t ...", or GILSCOPE_TEST_PYTHONS;
# INTERPRETERS=--free-threaded: one without the GIL, if it can be had; INTERPRETERS=--newest: a small selection of the tests
# under both builds of the newest CPython.
test-all: $(VENV)/.tools
	$(BIN)/python .ci/matrix.py $(if $(QUICK),--quick) $(INTERPRETERS)

# Every fault in every executor at every moment, and fifty kills of the program; WORKERS tests at a time.
test-faults: $(VENV)/.tools
	GILSCOPE_FAULTS=all $(BIN)/python -m pytest tests/faults -n $(or $(WORKERS),4) --dist worksteal --junitxml=build/faults.xml

# Planted worlds through the whole program: see docs/worlds.md. COUNT worlds from SEED on, in at most half an hour.
worlds: $(VENV)/.tools
	$(BIN)/python -m tests.worlds --count $(or $(COUNT),2000) --seed $(or $(SEED),1) --jobs $(or $(WORKERS),2) --table build/worlds.md

# Coverage-guided fuzzing of what reads files and words, for MINUTES; what it finds and has learned is in build/fuzz.
fuzz: $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --only-binary atheris 'gilscope[fuzz]'
	$(BIN)/python -m tests.faults.atheris_readers --minutes $(or $(MINUTES),5)

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The flagship kernels through pytest-benchmark, about two minutes.
benchmark: $(VENV)/.tools
	$(BIN)/python -m pytest --benchmark-only

wheel: $(VENV)/.tools
	GILSCOPE_ISA=portable $(BIN)/python -m build --outdir dist .

# A repaired wheel for every interpreter found, each tested in an empty environment without a compiler: a few minutes
# each. More interpreters: make wheels-local INTERPRETERS="/path/python3.14t ...", or GILSCOPE_TEST_PYTHONS.
wheels-local: $(VENV)/.tools
	$(BIN)/python .ci/wheels.py $(INTERPRETERS)

# The documentation site, into build/site.
docs: $(VENV)/.tools
	$(BIN)/python -m pip install --quiet 'gilscope[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

yardstick: $(VENV)/.installed
	$(BIN)/python benchmarks/yardstick/compare.py
	$(BIN)/python benchmarks/yardstick/compare.py --targets

clean:
	rm -rf build dist $(VENV) src/*.egg-info
	find src -name '*.so' -delete

# What running needs. Numba comes later than everything else to new Pythons: without it its implementations are n/a, with
# the reason.
$(VENV)/.installed: pyproject.toml setup.py $(SOURCES)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gilscope needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip 'setuptools>=77' 'cython>=3.1'
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[numba,page]' || { \
	  echo 'Not everything can be installed for this Python; going on without the extras.' >&2; \
	  $(BIN)/python -m pip install --quiet --no-build-isolation --editable .; }
	touch $@

# And what developing needs: the extras of what is installed, so that nothing is compiled again.
$(VENV)/.tools: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet 'gilscope[all,test,dev]' || { \
	  echo 'Not everything can be installed for this Python; going on without the extras.' >&2; \
	  $(BIN)/python -m pip install --quiet 'gilscope[test,dev]'; }
	touch $@
