# acksm: `make demo` shows it, `make test` proves it. Everything else is for its developers.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet
.DEFAULT_GOAL := help

# Runs a quiet command, and says every other second that it still works; ends with the shell that runs it.
told = ( seconds=0; while sleep 2 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do seconds=$$((seconds + 2)); \
	echo "  environment: $$seconds s"; done ) & beat=$$!; $(1); code=$$?; kill $$beat; exit $$code

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements.lock pyproject.toml
	@echo "▸ environment: $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=python3.12 …)"; exit 3; }
	@$(call told,$(PYTHON) -m venv $(VENV))
	@$(call told,$(PIP) --require-hashes --no-deps -r requirements.lock)
	@$(call told,$(PIP) --no-deps --no-build-isolation --editable .)
	@touch $@

.PHONY: env
env: $(STAMP) ## the Python environment, from the lock file

.PHONY: demo
demo: $(STAMP) ## sandbox, both controllers installed in it, status, a sample, what to try next
	@$(BIN)/python bench/demo.py

.PHONY: test
test: $(STAMP) ## every test, on the sandbox
	@$(BIN)/python -m acksm sandbox build
	@$(BIN)/pytest -n auto --dist worksteal

.PHONY: check
check: lint types shape docs-check test ## what CI runs

.PHONY: lint
lint: $(STAMP) ## ruff
	@$(BIN)/ruff check .

.PHONY: types
types: $(STAMP) ## mypy --strict
	@$(BIN)/mypy

.PHONY: shape
shape: $(STAMP) ## layers (import-linter) and dependencies (deptry)
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry .

.PHONY: docs
docs: $(STAMP) ## write the pages and schemas that follow from the code
	@$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: $(STAMP) ## fail when a generated page is not what the code says
	@$(BIN)/python docs/generate.py --check

.PHONY: bench
bench: $(STAMP) ## the guide's shell against acksm, side by side; writes docs/benchmarks.md
	@$(BIN)/python bench/run.py; code=$$?; $(BIN)/python bench/adopt.py && exit $$code

.PHONY: soak
soak: SECONDS = 1800
soak: $(STAMP) ## every command killed at every call, for SECONDS=1800; other cases of hypothesis; writes docs/reliability.md
	@$(BIN)/python bench/soak.py --seconds $(SECONDS); code=$$?; \
		$(BIN)/pytest -n auto -m "hypothesis and not sandbox" --hypothesis-profile explore && exit $$code

.PHONY: lock
lock: UV = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
lock: $(STAMP) ## resolve the lock files again, that of the benchmark's aws too
	@$(BIN)/python -m pip install --quiet uv
	@$(UV) --extra dev --extra sandbox pyproject.toml --output-file requirements.lock
	@$(UV) bench/requirements-aws.in --output-file bench/requirements-aws.lock

.PHONY: audit
audit: $(STAMP) ## the lock file is whole and pinned (as in CI), and PyPI knows no hole in what it names
	@$(BIN)/pytest -q tests/test_lock.py
	@$(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock || { code=$$?; \
		echo "audit: the packages told above have known holes; where one \"could not be audited\" or the connection failed," \
		"nothing was looked up: pip-audit needs PyPI's JSON interface, which a mirror of packages may not have"; exit $$code; }

.PHONY: clean
clean: ## end the demo's sandbox and remove the environment
	@-$(BIN)/python -m acksm sandbox down
	@rm -rf $(VENV)
