# make run         train on the embedded sample city and look at the result (a few minutes)
# make test        lint, types and the fast tests, in minutes
# make test-slow   the tests that drive browsers, start processes or try thousands of cases
# make docs        build the documentation site into build/docs
# make soak        kill trainings 50 times at random instants, and compare with one never killed (long)
# make web-assets  take the browser runtime that exported pages carry (needs npm)
# make onnx-web    take the browser runtime that ONNX models are tested in (needs npm)
# make test-torch  compute the golden numbers of imported networks, FID and KID anew, with PyTorch
#                  (its own environment)
# make test-addons the same of the layers of tensorflow-addons (Python 3.9 to 3.11)
# make test-combinations  more combinations of settings, and of kinds of images, than the tests try
# make test-cluster several processes training together: killed, resumed, refused (minutes)
# make fuzz        2,000 odd and hostile pictures to everything that reads them, and odd configs
#                  (CASES=... others, FILES=a folder of your own pictures to damage; half an hour)
# make reproduce   the paper's tables 1 to 3 and Figure 7's at a small scale (an hour or two)
# make benchmark   the project beside the authors' PyTorch program and TensorFlow's tutorial
# make benchmark-large-set  the time until a training on a million files takes its first step
# make lock        renew requirements-dev.lock: the versions that tests and CI run with
# make check-lock  whether that file has what pyproject.toml asks for (needs a package index)
# make audit       whether vulnerabilities of those versions are known
# make wheel       build the package, with that runtime, into dist/
# make release     the same and the sources, checked; TAG=v0.1.0 says which version it has to be
# make test-pythons  install the wheel under each Python from 3.10 to 3.13 that there is, and try it

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An editable install of packages from two folders warns about nothing one could do something about.
PIP := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet
RUN ?= runs/sample
KILLS ?= 50
CASES ?= 2000
FILES ?=
LARGE_SET ?= 1000000

LOCK := requirements-dev.lock

WEB := exporters/litert
ONNX_WEB := build/onnx-web
ADDONS := build/addons
TORCH := build/torch

.PHONY: run test lint types test-fast test-slow test-torch test-addons test-cluster test-combinations soak fuzz \
  reproduce benchmark benchmark-large-set web-assets onnx-web docs lock check-lock audit wheel release test-pythons clean
.DEFAULT_GOAL := run

run: $(VENV)/installed
	$(BIN)/pix2pix-tf train --config sample.yaml --run $(RUN)

# Each stage with its seconds.
test: $(VENV)/installed-dev
	@took=; for stage in lint types test-fast; do \
	  start=$$(date +%s); $(MAKE) --no-print-directory $$stage || exit 1; \
	  took="$$took  $$stage $$(($$(date +%s) - start)) s"; \
	done; echo "make test:$$took"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/lint-imports --no-cache --no-logo

types: $(VENV)/installed-dev
	$(BIN)/mypy

# The tests of a file share what is expensive, so they run in one of the two processes.
test-fast: $(VENV)/installed-dev
	$(BIN)/pytest -n 2 --dist loadfile -m 'not slow and not cluster'

# Those in browsers' runtimes where there is npm; without, they say what they miss.
test-slow: $(VENV)/installed-dev $(if $(shell command -v npm),$(WEB)/index.js $(ONNX_WEB)/installed)
	$(BIN)/pytest -n 2 -m 'slow and not cluster'

test-combinations: $(VENV)/installed-dev
	PIX2PIX_TF_ALL_COMBINATIONS=1 $(BIN)/pytest tests/test_combinations.py tests/test_image_kinds.py

# Networks that PyTorch computes anew, from other random weights than those of the tests' own files.
test-torch: $(TORCH)/installed $(VENV)/installed-dev
	PYTHONPATH=. $(TORCH)/bin/python tools/torch_peer/make_golden.py $(TORCH)/golden --seed 1
	$(TORCH)/bin/python tools/torch_peer/make_inception_golden.py $(TORCH)/golden --seed 1 \
	  --keep-weights
	PIX2PIX_TF_GOLDEN=$(CURDIR)/$(TORCH)/golden $(BIN)/pytest tests/importing tests/utils/test_torch_file.py \
	  tests/evaluation/metrics/test_inception.py tests/evaluation/metrics/test_distances.py

$(TORCH)/installed: tools/torch_peer/requirements.txt
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/python -m pip install --quiet --requirement $<
	touch $@

# tensorflow-addons has ended: its last release needs an old TensorFlow and an old Python.
test-addons: $(ADDONS)/installed
	$(ADDONS)/bin/python tools/addons_peer/make_golden.py $(ADDONS)/fresh.npz
	$(ADDONS)/bin/python tools/addons_peer/compare.py $(ADDONS)/fresh.npz tests/models/golden/addons.npz

$(ADDONS)/installed: tools/addons_peer/requirements.txt
	@for python in $(PYTHON) python3.11 python3.10 python3.9; do \
	  $$python -c 'import ensurepip, sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' \
	  2>/dev/null && exec $$python -m venv --clear $(ADDONS); done; \
	echo 'tensorflow-addons needs Python 3.9, 3.10 or 3.11 with venv, and none was found:' \
	'install one and run make test-addons PYTHON=its-path.' >&2; exit 1
	$(ADDONS)/bin/python -m pip install --quiet --requirement $<
	touch $@

test-cluster: $(VENV)/installed-dev
	$(BIN)/pytest -m cluster

soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak --kills $(KILLS)

fuzz: $(VENV)/installed-dev
	PIX2PIX_TF_FUZZ=$(CASES) PIX2PIX_TF_FUZZ_FILES=$(FILES) PIX2PIX_TF_FUZZ_KEEP=build/fuzz \
	  $(BIN)/pytest tests/fuzz

reproduce: $(VENV)/installed
	$(BIN)/pix2pix-tf reproduce --small

# On a quiet machine: whatever else runs changes the numbers.
benchmark: $(VENV)/installed $(TORCH)/installed
	$(BIN)/python -m benchmarks.compare --torch $(TORCH)/bin/python

# With the page to draw on where there is npm; without, the site says what it lacks.
docs: $(VENV)/installed-dev $(if $(shell command -v npm),$(WEB)/index.js)
	$(BIN)/sphinx-build --fail-on-warning --quiet --builder html docs build/docs

benchmark-large-set: $(VENV)/installed
	$(BIN)/python -m benchmarks.large_set --files $(LARGE_SET)

web-assets: $(WEB)/index.js

$(WEB)/index.js: tools/web_assets/package-lock.json tools/web_assets/take.py
	mkdir -p build/web-assets
	cp tools/web_assets/package*.json build/web-assets
	cd build/web-assets && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(PYTHON) tools/web_assets/take.py build/web-assets/node_modules $(WEB)

onnx-web: $(ONNX_WEB)/installed

$(ONNX_WEB)/installed: tools/onnx_web/package-lock.json
	mkdir -p $(ONNX_WEB)
	cp tools/onnx_web/package*.json $(ONNX_WEB)
	cd $(ONNX_WEB) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

# For all Python versions and systems at once, and without a word of where packages came from.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra dev --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml

lock: $(VENV)/installed-dev
	$(COMPILE) --upgrade --output-file $(LOCK)

# The versions that are there are kept, so that nothing changes unless pyproject.toml did.
check-lock: $(VENV)/installed-dev
	@mkdir -p build && cp $(LOCK) build/$(LOCK)
	$(COMPILE) --output-file build/$(LOCK) >/dev/null
	@diff $(LOCK) build/$(LOCK) || { echo 'pyproject.toml has changed since: run make lock' >&2; false; }

# Fails where a vulnerability is known, and where the database does not answer.
audit: $(VENV)/installed-dev
	$(BIN)/pip-audit --strict --requirement $(LOCK) --require-hashes --disable-pip --progress-spinner off

# The time of the last commit for all files, so that the same sources give the same bytes.
EPOCH = SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)

wheel: $(VENV)/installed-dev $(WEB)/index.js
	rm -rf build/lib build/bdist.*
	$(EPOCH) $(BIN)/python -m build --wheel --no-isolation

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' pix2pix_tf/version.py)
TAG ?= v$(VERSION)

release: $(VENV)/installed-dev $(WEB)/index.js
	@test '$(TAG)' = 'v$(VERSION)' || { echo 'the tag is $(TAG), and pix2pix_tf/version.py says $(VERSION)' >&2; false; }
	@grep -q '^## \[$(VERSION)\]' CHANGELOG.md || { echo 'CHANGELOG.md has no heading ## [$(VERSION)]' >&2; false; }
	rm -rf dist
	$(MAKE) wheel
	$(EPOCH) $(BIN)/python -m build --sdist --no-isolation
	$(BIN)/uv tool run --quiet twine@6.2.0 check --strict dist/*

test-pythons: wheel
	$(BIN)/python tools/try_pythons.py dist/*.whl

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) \
	else f"Python {v[0]}.{v[1]} is not supported: run make PYTHON=python3.12, or another from 3.10 to 3.13")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/installed: $(VENV)/bin/python pyproject.toml setup.py
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml setup.py $(LOCK)
	$(PIP) --require-hashes --requirement $(LOCK)
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
