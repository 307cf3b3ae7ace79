# Gigafibre ACS: everything a person or a machine does with this checkout. `make help` lists it.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Whatever index pip uses here, the hashes of the lock decide what is installed.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $(BIN)/python -m pip install --quiet

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Make .venv with the locked dependencies (quick when nothing changed)

$(READY): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		$(MAKE) --no-print-directory debian PACKAGES="python3 python3-venv"
	@echo "Installing what requirements.lock names into $(VENV)" >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --requirement requirements.lock
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# With root's rights, or sudo's.
.PHONY: debian
debian:
	@root=""; [ "$$(id -u)" = 0 ] || root="sudo"; \
	if ! command -v apt-get >/dev/null || { [ -n "$$root" ] && ! command -v sudo >/dev/null; }; then \
		echo "Please install $(PACKAGES), with Python 3.11 or later." >&2; exit 1; \
	fi; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES)

.PHONY: setup-test
setup-test: setup mosquitto ## Also install PostgreSQL and Mosquitto, whose programs some tests start
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		$(MAKE) --no-print-directory debian PACKAGES=postgresql

# Its package starts a broker at port 1883, which nothing here uses.
.PHONY: mosquitto
mosquitto:
	@PATH="$$PATH:/usr/sbin"; command -v mosquitto >/dev/null || \
		$(MAKE) --no-print-directory debian PACKAGES=mosquitto

.PHONY: demo
demo: setup ## Show it at work: server, devices and ERPNext on this machine (ONCE=1: once, then stop)
	@$(MAKE) --no-print-directory mosquitto || echo "Going on without an MQTT broker." >&2
	$(BIN)/python -m simulators.demo $(if $(ONCE),--once)

.PHONY: run
run: setup ## Start the server with your settings (CONFIG=file)
	$(BIN)/acs $(if $(CONFIG),--config $(CONFIG) )serve

# A file is run by one process, in its order: its tests may share a server.
.PHONY: test
test: setup-test ## Run all tests (ARGS="-k name" to choose)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

.PHONY: lint
lint: setup ## Check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup ## Put the code in form
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup ## Measure beside a baseline of the same run (SUITE=, JSON=1, ARGS="--quick")
	@$(BIN)/python -m bench $(if $(SUITE),--suite $(SUITE)) $(if $(JSON),--json) $(ARGS)

.PHONY: docs
docs: setup ## Write docs/settings.md from the declarations
	$(BIN)/python -m acs.settings > docs/settings.md

.PHONY: proto
proto: setup ## Generate acs/usp/pb from proto/
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=acs/usp/pb --pyi_out=acs/usp/pb \
		proto/usp-record.proto proto/usp-msg.proto

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements.lock (ARGS=--upgrade for newer ones)
	env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
		CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
		--allow-unsafe --strip-extras --extra dev \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.lock $(ARGS) setup.cfg
	@! grep -nE '://|file:/|^--(index|extra|find|trusted)| @ |^[./]' requirements.lock || \
		{ echo "requirements.lock names a place on this machine or network" >&2; exit 1; }

.PHONY: clean
clean: ## Remove what was made, but not .venv and no data
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .demo .bench
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
