# Everything that this project can do, from a fresh checkout. `make help` says what.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SCAN := .local/scan
SBOM := .local/sbom
# Lock files hold hashes and no addresses: packages come from wherever your pip gets them. A hash
# cannot hold a checkout, so hsi-client is left out, and comes from the folder beside.
LOCK_ALONE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	--no-emit-package hsi-client
LOCK := $(LOCK_ALONE) pyproject.toml

# What Litestar names for its command line and for tests of its own: no service imports it, and it
# would be a quarter of an image.
NOT_SERVED := $(addprefix --no-emit-package ,faker polyfactory rich rich-click pygments markdown-it-py mdurl)

# Tests mostly wait. With one outside Redis for all of them, they go one after the other.
SIDE_BY_SIDE := $(if $(REDIS_URL),,--numprocesses 3 --dist loadgroup)

# What has a target of its own, because it takes minutes.
LEFT_OUT := not browser and not chaos and not faults and not k8s and not package and not watch

# Images: another program (DOCKER=podman), another registry (IMAGES=registry.example/hsi), and more
# for its `build` (IMAGE_FLAGS='--build-arg PYTHON_IMAGE=…').
DOCKER ?= docker
IMAGES ?= hsi-realtime
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' shared/hsi/__init__.py)
REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)
BUILD = DOCKER_BUILDKIT=1 $(DOCKER) build --file deploy/docker/Dockerfile \
	--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(IMAGE_FLAGS)

.PHONY: help setup run test unit browsers watch package faults chaos k8s images packages sbom bench soak lint format types lock clean

help: ## Say what there is.
	@echo "make <target>, where <target> is one of:"
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  \1	\2/p' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything in it (run and test do it by themselves).

$(READY): requirements/dev.txt pyproject.toml shared/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "This needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "This Python cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making $(VENV): a minute or two, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps \
		-r requirements/dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps \
		--no-build-isolation --editable shared --editable .
	@touch $@

run: $(READY) ## Run everything on this machine; Ctrl-C ends it. PORT=8080 BASE_PATH=/ REPLICAS=1 DEMO=1 MQTT=0 NOTIFY=0
	@exec $(BIN)/python -m local

test: $(READY) ## Test what can be tested here in ten minutes. CONTAINERS=1: Redis in Docker.
	@$(BIN)/python -m local.dashboard test
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not alone and $(LEFT_OUT)" $(if $(CONTAINERS),--containers)
	@$(BIN)/python -m pytest -m "alone and $(LEFT_OUT)" $(if $(CONTAINERS),--containers)

unit: $(READY) ## Test what needs no server, with fewer made-up examples.
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not server" \
		--hypothesis-profile unit --ignore tests/system

browsers: $(READY) ## Look at every page of the dashboard in Chromium, at every width.
	@$(BIN)/python -m pytest -m "browser and not package and not watch"

watch: $(READY) ## Read all pages every second for five minutes in which things happen: nothing contradicts.
	@$(BIN)/python -m pytest -m watch

package: $(READY) ## Test hsi as its users get it: the wheel, its types, the npm package, every snippet of the documents.
	@$(BIN)/python -m local.dashboard test:package
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m package

faults: $(READY) ## Let Redis and PostgreSQL fail, freeze and lie beneath each service.
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m faults

chaos: $(READY) ## Let Redis and every replica die under load, and check whether anything is lost.
	@$(BIN)/python -m pytest -m chaos $(if $(CONTAINERS),--containers)

soak: $(READY) ## Let 5,000 clients come and go for half an hour: nothing may grow.
	@$(BIN)/python -m bench.soak $(MINUTES)

lint: $(READY) ## Check style, types, words and who imports whom.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m local.words
	$(BIN)/python -m local.lint
	$(BIN)/python -m local.dashboard lint

format: $(READY) ## Put the code into its format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m local.dashboard format

types: $(READY) ## Make the dashboard's types and docs/asyncapi.json from the services' schemas.
	$(BIN)/python -m local.schema
	$(BIN)/python -m local.asyncapi
	$(BIN)/python -m local.dashboard types

bench: $(READY) ## Measure what can be measured here, in half an hour. RUNS=5 QUICK=1 NAME=mine
	@$(BIN)/python -m bench $(WHAT) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(filter-out 0,$(QUICK)),--quick) $(if $(NAME),--name $(NAME))

images: ## Build the container images, and say how large they are. DOCKER=docker
	@for service in events system joblogs collector mqtt notify; do \
		$(BUILD) --target service --build-arg SERVICE=$$service \
			--tag $(IMAGES)/$$service:$(VERSION) . || exit; \
	done
	@$(BUILD) --target dashboard --tag $(IMAGES)/dashboard:$(VERSION) .
	@$(DOCKER) images --filter reference='$(IMAGES)/*:$(VERSION)' \
		--format 'table {{.Repository}}:{{.Tag}}\t{{.Size}}'

k8s: $(READY) $(SCAN)/.ready ## Render deploy/k8s, and check all of it.
	@$(BIN)/python -m local.k8s
	@$(BIN)/python -m pytest -m k8s

packages: $(READY) ## Build what is published: the wheel of hsi-client, and the package @hsi/realtime, into dist/.
	@mkdir -p dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./shared
	@$(BIN)/python -m local.dashboard pack

sbom: $(READY) $(SBOM)/.ready ## List what images hold of Python, and what the pages are built of, as CycloneDX, into dist/.
	@mkdir -p dist
	@for service in events system joblogs collector mqtt notify; do \
		$(SBOM)/bin/cyclonedx-py requirements --output-reproducible --output-file dist/$$service.cdx.json \
			requirements/$$service.txt || exit; \
	done
	@$(BIN)/python -m local.dashboard sbom

$(SCAN)/.ready $(SBOM)/.ready: .local/%/.ready: requirements/%.txt
	@echo "Making .local/$*, for this alone: a minute or two, once."
	@$(PYTHON) -m venv --clear .local/$*
	@.local/$*/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps \
		-r requirements/$*.txt
	@touch $@

lock: $(READY) ## Lock the dependencies again, within what pyproject.toml allows.
	$(LOCK) --upgrade --all-extras --group test --group bench --group tools -o requirements/dev.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra events -o requirements/events.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra joblogs -o requirements/joblogs.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra system -o requirements/system.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra collector -o requirements/collector.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra mqtt -o requirements/mqtt.txt
	$(LOCK) --upgrade $(NOT_SERVED) --extra notify -o requirements/notify.txt
	$(LOCK_ALONE) --upgrade --group scan -o requirements/scan.txt
	$(LOCK_ALONE) --upgrade --group sbom -o requirements/sbom.txt

clean: ## Remove what the targets above made.
	rm -rf $(VENV) .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build
	rm -rf dist dashboard/node_modules dashboard/dist dashboard/realtime/dist
