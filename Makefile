# acksm: `make demo` shows it, `make test` tests it. Everything else is for its developers.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
PIP    := $(VENV)/.pip
.DEFAULT_GOAL := help
# Images often set it. Each of the hundreds of processes of the tests would compile all of its imports again.
unexport PYTHONDONTWRITEBYTECODE

# Runs a quiet command, and prints every other second that it is still running; ends with the shell that runs it.
heartbeat = ( seconds=0; while sleep 2 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do seconds=$$((seconds + 2)); \
	echo "  environment: $$seconds s"; done ) & beat=$$!; $(1); code=$$?; kill $$beat; exit $$code

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Puts what the lock file names, and acksm itself, into the environment in folder $(1), by the pip of the main one.
# --no-compile: Python compiles what it imports, a tenth of the packages; all of them are half a minute of one core
pip = $(BIN)/python -m pip --python $(1)/bin/python install --disable-pip-version-check --quiet --no-compile --no-deps
define packages
	@$(call heartbeat,$(call pip,$(1)) --require-hashes -r requirements.lock)
	@$(call heartbeat,$(call pip,$(1)) --no-build-isolation --editable .)
	@touch $@
endef

# pip of the lock file, which fills every environment: that of Python 3.11 takes three times as long to read a package's index
$(PIP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=python3.12 …)"; exit 3; }
	@echo "▸ environment: $(VENV)"
	@$(call heartbeat,$(PYTHON) -m venv $(VENV))
	@sed -n '/^pip==/,/^    #/p' requirements.lock | $(call pip,$(VENV)) --require-hashes -r /dev/stdin
	@touch $@

$(STAMP): $(PIP) pyproject.toml
	$(call packages,$(VENV))

.PHONY: env
env: $(STAMP) ## create the Python environment from the lock file

.PHONY: demo
demo: $(STAMP) ## start a sandbox, install both controllers, apply a sample, and show what to try next
	@$(BIN)/python bench/demo.py

.PHONY: parts
parts: $(STAMP) ## build the sandbox's programs, once
	@$(BIN)/python -m acksm sandbox build

.PHONY: test
test: parts ## run every test, on the sandbox
	@$(BIN)/pytest -n auto --dist worksteal --durations=25 --durations-min=5 -rs

# Those with a classifier in pyproject.toml
PYTHONS ?= 3.11 3.12 3.13
WORKERS ?= auto
# The interpreter of a version: python3.N on PATH, or pyenv's; nothing where this machine has neither
interpreter = $(shell for one in python$(1) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*/bin/python; do \
	"$$one" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$(1)')" 2>/dev/null && echo "$$one" && break; done)
OTHERS = $(foreach version,$(PYTHONS),$(if $(call interpreter,$(version)),$(VENV)/pythons/$(version)/.ready))

$(VENV)/pythons/%/.ready: $(PIP) pyproject.toml
	@echo "▸ environment: $(@D)"
	@$(call interpreter,$*) -m venv --without-pip $(@D)
	$(call packages,$(@D))

.PHONY: pythons
pythons: $(PIP) ## create the environments of PYTHONS="3.11 3.12 3.13", of those that this machine has
	@$(if $(OTHERS),$(MAKE) --no-print-directory $(OTHERS))

.PHONY: test-pythons
test-pythons: pythons ## run the tests that need no sandbox on each of PYTHONS="3.11 3.12 3.13" that this machine has
	@set -e; for version in $(PYTHONS); do \
		env=$(VENV)/pythons/$$version; \
		if ! [ -e $$env/.ready ]; then echo "▸ Python $$version: skipped, as this machine does not have it"; continue; fi; \
		echo "▸ Python $$version: tests without the sandbox"; \
		$$env/bin/pytest -n $(WORKERS) -m "not sandbox" -p no:cacheprovider $(TESTS); \
	done

.PHONY: check
check: lint types shape docs-check site test ## run what CI runs

.PHONY: lint
lint: $(STAMP) ## run ruff
	@$(BIN)/ruff check .

.PHONY: types
types: $(STAMP) ## run mypy --strict
	@$(BIN)/mypy

.PHONY: shape
shape: $(STAMP) ## check layers (import-linter) and dependencies (deptry)
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry .

.PHONY: docs
docs: $(STAMP) ## write the pages and schemas that are generated from the code
	@$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: $(STAMP) ## fail when a generated page is out of date
	@$(BIN)/python docs/generate.py --check

.PHONY: pictures
pictures: $(STAMP) ## run the tutorial pages on a sandbox, record their output, draw the pictures
	@$(BIN)/python -m acksm sandbox build --all
	@$(BIN)/python docs/record.py
	@$(BIN)/python docs/generate.py

# Diagrams are drawn in the browser, by mermaid; no Python package has it, and the site loads nothing from other hosts.
MERMAID := 12.3.0
MERMAID_SHA512 := e35d774dd5de2c0b0caee27bf4ea452f93bcf8b4c55e142a676eb4ac5ded8149a2340b519b852e99ed3823eeb93d137ac99ebd2787fcad56165bccd193ae5463
$(VENV)/.mermaid-$(MERMAID): | $(PIP)
	@set -e; command -v npm >/dev/null || { echo "note: without npm the site shows the source of its diagrams only"; exit 0; }; \
		echo "▸ mermaid $(MERMAID), from npm"; \
		folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; archive="$$folder/mermaid-$(MERMAID).tgz"; \
		npm pack --silent --pack-destination "$$folder" mermaid@$(MERMAID) >/dev/null; \
		echo "$(MERMAID_SHA512)  $$archive" | sha512sum --check --quiet; \
		tar -xzf "$$archive" -C "$$folder" package/dist/mermaid.min.js; \
		mv "$$folder/package/dist/mermaid.min.js" docs/assets/; \
		touch $@

# Apart from the other tools: half of all files, and nothing else needs them.
$(VENV)/site/.ready: docs/requirements-site.lock | $(PIP)
	@echo "▸ environment of the site's builder: $(VENV)/site"
	@$(PYTHON) -m venv --clear --without-pip $(VENV)/site
	@$(call heartbeat,$(call pip,$(VENV)/site) --require-hashes -r $<)
	@touch $@

.PHONY: site
site: $(VENV)/site/.ready $(VENV)/.mermaid-$(MERMAID) ## the documentation as a site, in site/; fails on a warning
	@$(VENV)/site/bin/zensical build --strict --clean

.PHONY: site-check
site-check: site $(STAMP) ## check the site in a real browser: links, search, diagrams, width, no request to other hosts
	@$(BIN)/pytest -rs -p no:cacheprovider tests/docs/site_in_browser.py

.PHONY: bench
bench: $(STAMP) ## compare acksm with the guide's shell commands; writes docs/benchmarks.md
	@$(BIN)/python bench/run.py; code=$$?; $(BIN)/python bench/adopt.py && exit $$code

.PHONY: bench-fleet
bench-fleet: $(STAMP) ## measure fleets: fifty clusters with nothing to do, and the supervisor; writes a section of docs/benchmarks.md
	@$(BIN)/python bench/fleet.py

.PHONY: bench-scale
bench-scale: $(STAMP) ## measure bind, adopt, status, doctor and cleanup of 1 to 5,000 objects; writes a section of docs/benchmarks.md
	@$(BIN)/python bench/scale.py

.PHONY: soak
soak: SECONDS = 1800
soak: $(STAMP) ## kill every command at every call, for SECONDS=1800; random cases of hypothesis; writes docs/reliability.md
	@$(BIN)/python bench/soak.py --seconds $(SECONDS); code=$$?; \
		$(BIN)/pytest -n auto -m "hypothesis and not sandbox" --hypothesis-profile explore && exit $$code

# Outside of the lock file: 180 MB, which nothing but these checks of a template needs
$(VENV)/cloudformation/.ready: requirements.lock | $(STAMP)
	@echo "▸ environment of CloudFormation's tools: $(VENV)/cloudformation"
	@$(PYTHON) -m venv --clear $(VENV)/cloudformation
	@$(VENV)/cloudformation/bin/python -m pip install --disable-pip-version-check --quiet --no-compile cfn-lint==1.58.0 \
		"moto[cloudformation,iam]==$$(sed -n 's/^moto==\([0-9.]*\).*/\1/p' requirements.lock)"
	@touch $@

.PHONY: gitops
gitops: $(STAMP) $(VENV)/cloudformation/.ready ## round trips of exports by Flux's and Argo CD's own controllers and kubectl, checks of templates
	@$(BIN)/python -m acksm sandbox build --gitops
	@$(BIN)/pytest -m gitops -n 2 --dist loadfile --durations=25 -rs tests/gitops

.PHONY: lock
lock: UV = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
lock: $(STAMP) ## resolve the lock files again, including those of the benchmark's aws and the site
	@$(BIN)/python -m pip install --quiet uv
	@$(UV) --extra dev --extra sandbox pyproject.toml --output-file requirements.lock
	@$(UV) bench/requirements-aws.in --output-file bench/requirements-aws.lock
	@# one version of what both have, as `make audit` reads them together
	@$(UV) --constraint requirements.lock docs/requirements-site.in --output-file docs/requirements-site.lock

.PHONY: audit
audit: $(STAMP) ## check that the lock file is complete and pinned (as in CI), and for known vulnerabilities in PyPI
	@$(BIN)/pytest -q tests/test_lock.py
	@$(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock \
		--requirement docs/requirements-site.lock || { code=$$?; \
		echo "audit: the packages above have known vulnerabilities; where one \"could not be audited\" or the connection failed," \
		"nothing was checked: pip-audit needs PyPI's JSON interface, which a mirror of packages may not have"; exit $$code; }

.PHONY: clean
clean: ## remove the demo's sandbox and the environment
	@-$(BIN)/python -m acksm sandbox down
	@rm -rf $(VENV)
