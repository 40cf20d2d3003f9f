# From a bare clone with Python 3.11-3.13 and make: `make demo`, `make test`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WEB := correction_service/web
VENDOR := $(WEB)/static/vendor
LOCK := --universal --generate-hashes --no-emit-index-url --no-header --quiet
PIP := $(BIN)/pip --disable-pip-version-check --quiet install

.DEFAULT_GOAL := help
.PHONY: help demo test check bench faults screenshots lock format clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --no-deps -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@touch $@ .venv/run

# Leaflet and htmx, checked by the hashes of the lock; npm from PATH, else from a Python wheel.
$(VENDOR)/stamp: $(WEB)/package-lock.json $(WEB)/vendor.py requirements-node.lock | $(BIN)/python
	@command -v npm >/dev/null || $(PIP) --require-hashes --no-deps -r requirements-node.lock
	$(BIN)/python $(WEB)/vendor.py
	@touch $@

PO := $(shell find correction_service -name '*.po')
%.mo: %.po | $(BIN)/python
	$(BIN)/pybabel --quiet compile --statistics --input-file $< --output-file $@

demo: .venv/run $(VENDOR)/stamp $(PO:.po=.mo) ## run the whole service on embedded parts, with a simulated county
	@exec $(BIN)/correction-service demo

test: .venv/dev $(VENDOR)/stamp $(PO:.po=.mo) ## the whole suite: SQLite and PostgreSQL, broker, face models, browser
	$(BIN)/python -m pytest -n 2 --durations=20 $(ARGS)

check: .venv/dev ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev $(VENDOR)/stamp ## measure against named baselines; ONLY=name for one
	@$(BIN)/python -m tests.benchmarks $(ONLY)

faults: .venv/dev $(VENDOR)/stamp $(PO:.po=.mo) ## break every part under load and count sent, stored, lost, doubled; ONLY=name for one
	@$(BIN)/python -m tests.faults $(ONLY)

screenshots: .venv/dev $(VENDOR)/stamp $(PO:.po=.mo) ## take the pictures of the README anew, from a demo in Chromium
	$(BIN)/python -m tests.screenshots docs/screenshots

format: .venv/dev ## lay the code out
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group build $(LOCK) -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev -c requirements.lock $(LOCK) -o requirements-dev.lock

clean: ## remove everything that make made
	rm -rf .venv .cache $(VENDOR) .mypy_cache .ruff_cache .pytest_cache .hypothesis
