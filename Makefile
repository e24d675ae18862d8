# Thin: each target is one command that a person could type. `make` alone lists them.
# The first target that needs them installs the dependencies into .venv, once; another Python or
# another place: `make test PYTHON=python3.12 VENV=/tmp/venv312`.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
RUN := $(VENV)/bin/python -m
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test slow faults lint format coverage check-wheel release clean distclean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED)  ## install tfsynth and its tools into .venv (the other targets do it too)

demo: $(INSTALLED)  ## train, score and export a small model on drawn street scenes (CPU, minutes)
	$(RUN) tfsynth train demo --run-dir runs/demo

# A file's tests share what they draw and train, so a file goes to one process as a whole.
test: $(INSTALLED)  ## run the tests; one of them: make test ARGS="tests/layouts/test_labels.py -k paint"
	$(RUN) pytest -q --durations=10 -n auto --maxprocesses=4 --dist loadfile $(ARGS)

faults: $(INSTALLED)  ## kill, starve and deceive the program some 1,000 times; writes faults/report.md
	$(RUN) pytest -q -m slow tests/faults $(ARGS)

slow: $(INSTALLED)  ## run the slow tests: whole runs, every network in every format, a served model, JAX; 9 minutes
	$(RUN) pytest -q -m slow --durations=10 -n auto --maxprocesses=4 --dist loadfile --ignore=tests/faults $(ARGS)

lint: $(INSTALLED)  ## check style, types and who imports whom
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyright --pythonpath $(VENV)/bin/python
	$(RUN) pytest -q --noconftest tests/test_architecture.py

format: $(INSTALLED)  ## mend what can be mended by itself: layout, order of imports
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

coverage: $(INSTALLED)  ## run the tests and list the lines that none of them reaches
	$(RUN) coverage run -m pytest -q $(ARGS)
	$(RUN) coverage report

check-wheel:  ## build the wheel, install it into an empty environment and use it there
	PYTHON="$(PYTHON)" CONSTRAINTS="$(CONSTRAINTS)" .ci/check_wheel

release: $(INSTALLED)  ## build wheel and source distribution into dist/, try both sets of versions, write the sums
	$(VENV)/bin/python .ci/release.py --python "$(PYTHON)" $(ARGS)

clean:  ## remove caches and builds; keeps runs/ and .venv
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .coverage htmlcov
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean  ## remove .venv too
	rm -rf .venv

$(INSTALLED): setup.py $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "tfsynth needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Name another one: make PYTHON=python3.12 ..."; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make environments: its modules venv and ensurepip are missing."; \
	  echo "Debian and Ubuntu keep them in the package python3-venv."; exit 1; } >&2
	@echo "Installing into $(VENV): some minutes, once."
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@
