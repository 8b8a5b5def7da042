# Two commands matter: `make run` and `make test`.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# The first Python that has wheels for everything; any from 3.11 on will do.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: python-clients help run test lint format bench soak screenshots translations constraints system-packages node-packages clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "SendDock needs Python 3.11 or newer with venv and pip (Debian: apt install python3 python3-venv)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(VENV)/.installed ## install, migrate and start everything; Ctrl-C stops it
	@exec $(BIN)/senddock up

system-packages:
	@.ci/system-packages

node-packages: system-packages
	@.ci/node-packages

python-clients: $(VENV)/.installed-dev
	@.ci/python-clients

test: system-packages node-packages python-clients ## linters, types, import rules and the whole suite
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q
	@.ci/left-out

lint: $(VENV)/.installed-dev ## format check, linters, types, import rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports > .lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log

format: $(VENV)/.installed-dev ## put code into the common form
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

bench: system-packages node-packages $(VENV)/.installed-dev ## measure beside nodemailer, django-post-office and Postfix; prints tables
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	$(BIN)/python -m bench

soak: system-packages $(VENV)/.installed-dev ## two minutes of kill -9 on each database while mail is submitted; prints what was lost and doubled
	SOAK_SECONDS=$${SOAK_SECONDS:-120} $(BIN)/python -m pytest -q -p no:cacheprovider tests/e2e/test_kill_storm.py

screenshots: $(VENV)/.installed-dev ## pictures of the panel from real data, into docs/screenshots
	$(BIN)/python docs/screenshots/make.py

LOCALE := senddock/web/locale
translations: $(VENV)/.installed-dev ## collect the panel's words, bring the catalogues up to date, compile them
	@$(BIN)/pybabel -q extract -F $(LOCALE)/babel.cfg -k _l -k lazy_gettext -k Saying --no-location --sort-output \
		--project=SendDock --copyright-holder=SendDock --version=1 -o $(LOCALE)/senddock.pot .
	@$(BIN)/pybabel -q update -D senddock -i $(LOCALE)/senddock.pot -d $(LOCALE) --no-fuzzy-matching --ignore-obsolete \
		--ignore-pot-creation-date
	@rm $(LOCALE)/senddock.pot
	@$(BIN)/pybabel -q compile -D senddock -d $(LOCALE) --statistics

constraints: $(VENV)/.installed-dev ## write the exact versions in use to constraints.txt
	$(BIN)/pip list --format=freeze --exclude-editable | grep -viE '^(pip|setuptools|wheel|py-spy)==' > constraints.txt

clean: ## remove what was installed; data stays
	rm -rf $(VENV) build dist *.egg-info
