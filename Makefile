# make setup     .venv with patchc and its development tools (quick when it is there already)
# make demo      MobileNetV2 at 224 x 224, trained on ImageNet, in 63 kB: on photos, and on a core
# make check     lint, unit tests and a fifth of the property tests: what to run while working
# make test      setup, lint, all tests
# make coverage  the lines and branches of patchc that its tests in Python reach
# make mutants   seeded faults, each of which a named test has to catch
# make analyse   static analysers on the C; what they may find is listed with reasons
# make lint      ruff and mypy
# make site      the site of docs/, in build/site
# make clean     removes what the other targets made, but not the cache of downloads

PYTHON := .venv/bin/python

.PHONY: help setup demo check test coverage mutants analyse lint site clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@bash .ci/setup

demo: setup
	@$(PYTHON) -m examples.demo

check: lint
	$(PYTHON) -m pytest -n 2 -m "not slow and not qemu" --hypothesis-profile quick \
		tests/unit tests/property

test:
	@bash .ci/setup --test
	$(MAKE) --no-print-directory lint
	$(PYTHON) -m pytest -n 2

coverage:
	@bash .ci/setup --test
	$(PYTHON) -m pytest -n 2 --hypothesis-profile quick --cov --cov-report term-missing \
		tests/unit tests/property tests/golden

mutants:
	@bash .ci/setup --test
	$(PYTHON) -m benchmarks.mutants

analyse: setup
	$(PYTHON) -m benchmarks.static_analysis

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

site: setup
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build

clean:
	rm -rf .venv build *.egg-info .coverage* .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
