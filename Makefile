# Everything happens in .venv; `install` does nothing when the locks have not changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test slow crash test-all lint types fix bench fuzz soak audit clean

install: $(VENV)/.dev

$(VENV)/.base: requirements.lock setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/edi packs install
	touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/.base
	$(BIN)/edi demo

test: install
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal -q

slow: install
	$(BIN)/python -m pytest -m slow -n 2 --dist worksteal -q

crash: install
	$(BIN)/python -m tests.crash.enumerate

test-all: test slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --config setup.cfg

types: install
	$(BIN)/mypy

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.base
	$(BIN)/edi bench validate
	$(BIN)/edi bench path
	$(BIN)/edi bench memory

# Every reader of foreign bytes, one after the other; what is found is kept in build/fuzz.
SECONDS ?= 60
fuzz: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(SECONDS)

# A hub under continuous drops: memory, open files and disk must not grow.
MINUTES ?= 5
soak: $(VENV)/.base
	$(BIN)/python tests/attack/soak.py --minutes $(MINUTES)

# What the software is built from; pip-audit has an environment of its own.
audit: install
	test -x build/audit/bin/python || $(PYTHON) -m venv build/audit
	-build/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	$(BIN)/python tests/attack/audit.py --sbom build/sbom.cdx.json build/audit/bin/python

clean:
	rm -rf $(VENV) build dist *.egg-info
