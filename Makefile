# What a newcomer needs: Python 3.11 or newer, git and make. The rest comes into .venv.
PYTHON ?= python3
VENV := .venv
# An empty STAGE is not dev: it is refused.
ifeq ($(origin STAGE),undefined)
STAGE := dev
endif
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
# Files are shared out in this order among as many processes as there are cores.
SLOWEST_FIRST := tests/e2e tests/integration tests/aws_facts tests/unit

.PHONY: help demo adopt-demo up test check coverage mutants bench simulate soak repeat pythons verify package record audit pictures requirements clean

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(READY)  ## Deploy to a local AWS, let jobs fail there, and replay them
	@$(PY) -m respool.local.demo

adopt-demo: $(READY)  ## Put a pipeline of somebody's own under respool, on a local AWS, and replay it
	@$(PY) -m respool.local.adopt_demo

up: $(READY)  ## The same deployment, to play with until Ctrl-C
	@$(PY) -m respool.local.up

test: $(READY)  ## All tests: unit, integration, end to end
	$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(SLOWEST_FIRST)

check: $(READY)  ## Format, lint, types, who imports whom, and the definitions that a deploy renders
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m respool.deploy.check

coverage: $(READY)  ## Which lines and branches the unit and integration tests reach
	$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile tests/integration tests/aws_facts tests/unit \
	    --cov --cov-report term

mutants: $(READY)  ## Change the code a little, see whether the unit tests notice; writes docs/mutants.md
	$(PY) -m tests.mutants

bench: $(READY)  ## Measure replay against the loop that it replaces
	$(PY) -m tests.bench

simulate: $(READY)  ## Weekends in a second: the ramp beside blind retries; draws docs/img/ramp.svg
	@$(PY) -m respool.simulate

soak: $(READY)  ## The long tests
	$(PY) -m pytest -m soak --timeout 0

package: $(READY)  ## Write a stage's package, templates and SBOM into build/ (STAGE=dev)
	@$(PY) -m respool.deploy.bundle --stage "$(STAGE)"

record: $(READY)  ## Write Chalice's record of a stage again, from what exists in the account (STAGE=dev)
	@$(PY) -m respool.deploy.recording --stage "$(STAGE)"

audit: $(READY)  ## Look the pinned requirements up among known vulnerabilities (asks pypi.org)
	$(VENV)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt
	$(VENV)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.txt

pictures: $(READY)  ## Take the README's pictures of the page again (needs Chromium)
	@$(PY) -m tests.e2e.pictures

repeat: $(READY)  ## The tests again and again, in any order, beside busy loops
	@$(PY) -m tests.repeat fast
	@$(PY) -m tests.repeat e2e

pythons: $(READY)  ## Types, definitions, unit and integration tests on every Python here, 3.11 to 3.13
	PATH="$$PATH$$(echo $(addprefix :,$(wildcard $(HOME)/.pyenv/versions/3.1*/bin)) | tr -d ' ')" \
	    $(VENV)/bin/tox run

verify: $(READY)  ## The whole loop on a real account, in a stage of its own: make verify STAGE=dev
	@$(PY) -m respool.verify "$(STAGE)" $(if $(YES),--yes) $(if $(FREE),--free) $(if $(RECORD),--record "$(RECORD)")

requirements:  ## Pin requirements*.txt again from requirements*.in (needs uv)
	uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header requirements.in -o requirements.txt
	uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

clean:  ## Remove what the above have made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .tox
	rm -rf .chalice/rendered .chalice/deployments *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.txt pyproject.toml
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "respool needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
