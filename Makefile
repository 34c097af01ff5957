# `make run` starts the course, `make test` checks it; `make help` lists the rest.
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c '$(RECENT)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install
# Stamps, so that nothing is installed again until a list of requirements changes.
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench bench-class bench-growth clean browser

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: $(READY)  ## start the course and open the browser (HOST=0.0.0.0 for a class, PORT=..., HEADLESS=1: no browser)
	@$(PY) tools/serve.py

test: $(READY_DEV) browser  ## lint, format check and every test, in a real browser too
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest

lint: $(READY_DEV)  ## check the code's style
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(READY_DEV)  ## rewrite the code to the house style
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

bench: $(READY_DEV) browser  ## measure the budgets
	$(PY) -m benchmarks

bench-class: $(READY_DEV)  ## measure a class of 30, 60 and 150 students on 1 and 2 server processes
	$(PY) -m benchmarks.crowd

bench-growth: $(READY_DEV) browser  ## measure how training and solving grow, and draw docs/growth.png
	$(PY) -m benchmarks growth

clean:  ## remove what was installed and cached here
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser: $(READY_DEV)
	@$(PY) tests/browser/chromium.py

# An interrupted or foreign .venv is completed rather than trusted: `venv` leaves what is there alone.
$(VENV)/.made:
	@"$(PYTHON)" -c '$(RECENT)' 2>/dev/null || { echo "The course needs Python 3.11 or newer, and" \
	  "$(or $(PYTHON),python3) is none. Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo "Could not make $(VENV): on Debian and Ubuntu the package python3-venv is missing." >&2; exit 1; }
	@touch $@

$(READY): requirements.txt $(VENV)/.made
	@echo "Installing the packages of requirements.txt: some minutes the first time."
	@$(PIP) -r requirements.txt
	@touch $@

$(READY_DEV): requirements-dev.txt $(READY)
	@echo "Installing the packages of requirements-dev.txt."
	@$(PIP) -r requirements-dev.txt
	@touch $@
