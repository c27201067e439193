# make app    start the app            (the first time: makes .venv and installs requirements.txt)
# make test   run every test           (the first time: also the dev tools and a browser)
# make lint   check style, types and imports       make format   fix the style
# make docs   build the documentation into build/docs
# make clean  remove caches; .venv, runs/ and outputs/ stay
#
# PYTHON=python3.12 make app   chooses the interpreter that .venv is made with
# ARGS="-k clip" make test     hands arguments to pytest; -n 0 runs in one process, -n 8 in eight

VENV := .venv
PY := $(VENV)/bin/python
CANDIDATES := $(or $(PYTHON),python3 python3.12 python3.11 python3.13)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.PHONY: help app test lint format docs clean venv install install-dev browser

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

app: install
	$(PY) app.py

test: install-dev browser
	$(PY) -m pytest -m "" -n 2 $(ARGS)

lint: install-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: install-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: install-dev
	$(PY) -m sphinx -q -W --keep-going -c docs -b html . build/docs
	@echo "Open build/docs/docs/README.html"

clean:
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache docs/api .hypothesis .gradio build dist *.egg-info
	find app avseg tests notebooks -type d -name __pycache__ -prune -exec rm -rf {} +

# A copy of the requirements inside .venv, written last, says that they are installed: a changed
# file differs from its copy, and an interrupted install leaves none.
define pip-install
	@cmp -s $(1) $(VENV)/.installed-$(1) || { \
		$(PY) -c '$(SUPPORTED)' || { \
			echo "$(VENV) holds $$($(PY) -V), and 3.11 to 3.13 are supported: remove $(VENV) and run make again." >&2; \
			exit 1; }; \
		rm -f $(VENV)/.installed-$(1); \
		$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip --upgrade || { \
			echo "$(VENV) has no pip: remove $(VENV) and run make again." >&2; exit 1; }; \
		echo "Installing $(1) into $(VENV)"; \
		$(PY) -m pip install --disable-pip-version-check -r $(1) && \
		cp $(1) $(VENV)/.installed-$(1); \
	}
endef

install: venv
	$(call pip-install,requirements.txt)

install-dev: install
	$(call pip-install,requirements-dev.txt)

browser: install-dev
	@$(PY) -m tests.support.chromium --install

venv:
	@[ -x $(PY) ] || { \
		chosen=; bare=; \
		for candidate in $(CANDIDATES); do \
			"$$candidate" -c '$(SUPPORTED)' >/dev/null 2>&1 || continue; \
			if "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
			bare=$${bare:-$$candidate}; \
		done; \
		if [ -n "$$chosen" ]; then \
			echo "Making $(VENV) with $$chosen ($$("$$chosen" -V))"; \
			"$$chosen" -m venv --clear $(VENV); \
		elif [ -n "$$bare" ]; then \
			version=$$("$$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
			echo "$$bare is Python $$version without its venv module. On Debian and Ubuntu:" >&2; \
			echo "    sudo apt-get install python$$version-venv" >&2; \
			exit 1; \
		else \
			echo "No Python 3.11, 3.12 or 3.13 among: $(CANDIDATES)." >&2; \
			echo "Install one, or name it: make PYTHON=/path/to/python3.12 app" >&2; \
			exit 1; \
		fi; \
	}
