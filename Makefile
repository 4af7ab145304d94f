# make run         train on the embedded sample city and look at the result (a few minutes)
# make test        lint, types and tests
# make web-assets  take the browser runtime that exported pages carry (needs npm)
# make test-torch  compute the golden numbers of imported networks anew, with PyTorch (its own environment)
# make test-addons the same of the layers of tensorflow-addons (Python 3.9 to 3.11)
# make wheel       build the package, with that runtime, into dist/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An editable install of packages from two folders warns about nothing one could do something about.
PIP := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet
RUN ?= runs/sample

WEB := exporters/litert

.PHONY: run test lint types pytest web-assets wheel clean
.DEFAULT_GOAL := run

run: $(VENV)/installed
	$(BIN)/pix2pix-tf train --config sample.yaml --run $(RUN)

test: lint types pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# Where there is npm; without, the tests of the web page say what they miss.
pytest: $(VENV)/installed-dev $(if $(shell command -v npm),$(WEB)/index.js)
	$(BIN)/pytest -n 2

web-assets: $(WEB)/index.js

$(WEB)/index.js: tools/web_assets/package-lock.json tools/web_assets/take.py
	mkdir -p build/web-assets
	cp tools/web_assets/package*.json build/web-assets
	cd build/web-assets && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(PYTHON) tools/web_assets/take.py build/web-assets/node_modules $(WEB)

wheel: $(VENV)/installed-dev $(WEB)/index.js
	$(BIN)/python -m build --wheel

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) \
	else f"Python {v[0]}.{v[1]} is not supported: run make PYTHON=python3.12, or another from 3.10 to 3.13")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/installed: $(VENV)/bin/python pyproject.toml setup.py
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml setup.py
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
