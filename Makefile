# Mosshub's front door. `make run` needs Python >= 3.11 with venv, make and a network, nothing else.

UV := $(or $(shell command -v uv),.uv/bin/uv)
PY := .venv/bin/python
# Compiled once at install, Python's packages start three to five times faster.
export UV_COMPILE_BYTECODE = 1
# Certificates of the machine's own, where a company has some, also for Node.
export NODE_USE_SYSTEM_CA = 1

.DEFAULT_GOAL := help
.PHONY: help run install images test test-cluster test-deploy test-quick lint format clean models notebooks pictures settings-docs bench soak up demo logs down \
  backup backups restore restore-user backup-image migrate-database purge-user check-accounts configure install-service smoke audit sbom pin

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

run: install ## start the platform on this machine: http://localhost:8000 (PORT=… changes the port)
	@exec $(PY) -m hub.launcher

install: .venv/.installed

.venv/.installed: uv.lock pyproject.toml singleuser/pyproject.toml shared_lib/pyproject.toml hub/node/package-lock.json | $(UV)
	@echo "Installing (the first time this fetches about 0.7 GB) …"
	@$(UV) sync --frozen --inexact --extra local
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --prefix hub/node --silent --no-fund --no-audit
	@touch $@

.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$(python3 --version)."; exit 1; }
	@echo "Fetching uv …"
	@python3 -m venv .uv || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check 'uv==0.13.9'

.venv/.dev: .venv/.installed tests/standins/oidc/package-lock.json tests/browser/package-lock.json
	@$(UV) sync --frozen --extra local --group dev
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --prefix tests/standins/oidc --silent --no-fund --no-audit
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --prefix tests/browser --silent --no-fund --no-audit
	@touch $@

images: ## build the Docker images of hub and users (GPU=1: with CUDA too, 5 GB)
	@DOCKER_BUILDKIT=1 docker build --file images/hub/Dockerfile --target hub --tag mosshub/hub:local .
	@DOCKER_BUILDKIT=1 docker build --file images/user/Dockerfile --target cpu --tag mosshub/user:cpu .
	@$(if $(GPU),DOCKER_BUILDKIT=1 docker build --file images/user/Dockerfile --target gpu --tag mosshub/user:gpu .)

# docker/backup builds it where it is needed.
backup-image:
	@DOCKER_BUILDKIT=1 docker build --quiet --file images/hub/Dockerfile --target backup --tag mosshub/backup:local . >/dev/null

configure: ## ask what docker/.env must say, and look whether this host can do it
	@docker/configure

install-service: ## have systemd start the platform at boot and keep its log in the journal (as root)
	@docker/install-service

up: ## start the platform for a team, users' servers in containers: docs/deploy.md
	@docker/up

demo: ## the same with an identity provider and its users, to try it (PORT=…)
	@DEMO=1 docker/up

# Whichever of the two runs.
logs: ## follow the log of the team's platform or the demo
	@docker/compose ps --quiet 2>/dev/null | grep -q . || export DEMO=1; exec docker/compose logs --follow --tail 100

down: ## stop both; users' files, messages and accounts stay
	@if [ -f docker/demo/.env ]; then DEMO=1 docker/down; fi
	@if [ -f docker/.env ]; then docker/down; fi

backup: ## save users, files, messages and settings of the running platform: TO=/a/directory
	@docker/backup

backups: ## list the backups: TO=…
	@docker/backup list

restore: ## bring a backup back, also on another host: FROM=… (SNAPSHOT=… one of `make backups`)
	@docker/restore

restore-user: ## bring files of one user back: FROM=… NAME=… (FILE=… one file or directory)
	@docker/restore user

migrate-database: ## copy the hub's users and groups from SQLite to the Postgres of DATABASE_URL
	@docker/migrate-database

purge-user: ## delete a removed user's files for good: NAME=…
	@docker/purge-user "$$NAME"

# Of the demo or the team's platform, whichever runs; else of this machine's.
check-accounts: ## compare the accounts of hub and broker, and repair the broker's
	@if docker/compose ps --quiet hub 2>/dev/null | grep -q .; then exec docker/compose exec -T hub python -m hub.accounts check; fi; \
	if DEMO=1 docker/compose ps --quiet hub 2>/dev/null | grep -q .; then exec env DEMO=1 docker/compose exec -T hub python -m hub.accounts check; fi; \
	exec $(PY) -m hub.accounts check

# TOKEN or TOKEN_FILE are read from the environment: a token on a command line is seen by all users of a host.
smoke: | $(UV) ## does an installation work? URL=https://… with TOKEN or TOKEN_FILE of a user (CA=…)
	@$(UV) run --quiet --no-project --isolated --with 'requests==2.*' --with 'tornado==6.*' python -m smoke "$(URL)" $(if $(CA),--ca "$(CA)")

test: .venv/.dev ## all tests; as root on Debian or Ubuntu it installs what they need
	@tests/prepare
	@exec tests/run $(ARGS)

test-deploy: .venv/.dev ## docs/deploy.md, word for word, on a bare machine in a container: a quarter of an hour
	@tests/prepare
	@exec tests/run tests/docker/deploy --timeout=2900

test-cluster: .venv/.dev ## the tests of a Kubernetes cluster alone, as root (AGENTS=1: agents that scale, too; INGRESS=1: an Ingress and a Gateway)
	@tests/prepare
	@exec env $(if $(AGENTS),MOSSHUB_TEST_AGENTS=1) $(if $(INGRESS),MOSSHUB_TEST_INGRESS=1) tests/run tests/cluster

test-quick: .venv/.dev ## tests without containers, browsers and those marked slow: minutes, between commits
	@exec tests/run --quick

models: install ## train the networks on Fashion-MNIST and write how good they are: docs/models.md
	@$(PY) -m imageclass.cli.model_report --write docs/models.md

notebooks: .venv/.dev ## run the notebooks, and write them with their outputs: docs/notebooks
	@$(PY) docs/notebooks/export.py
	@$(PY) docs/notebooks/thumbnails.py

settings-docs: install ## write docs/settings.md and the schema of the chart's values from the classes of the settings
	@PYTHONPATH=. $(PY) docs/settings_page.py && PYTHONPATH=. $(PY) docs/values_schema.py

pictures: .venv/.dev ## take the pictures in docs/ again, in the browser tests
	@tests/prepare
	@PICTURES=docs/pictures $(PY) -m pytest tests/browser

bench: .venv/.dev ## measure beside others: bench/results (PART=pages|memory|hub|start|streaming|cluster|brokers, ROUNDS=, COLD=1)
	@tests/prepare
	@$(PY) -m bench $(or $(PART),all) --rounds $(or $(ROUNDS),7) $(if $(COLD),--cold)

soak: .venv/.dev ## 20 people open, run, stream and close for two hours: bench/results/soak.md (HOURS=, PEOPLE=, PAUSE=)
	@tests/prepare
	@$(PY) -m bench.soak --hours $(or $(HOURS),2) --people $(or $(PEOPLE),20) --pause $(or $(PAUSE),60)

audit: install ## known weaknesses of all locked packages and of the images; supply/accepted.toml explains those that stay
	@$(PY) -m supply.audit

sbom: install ## list what each image is made of, as CycloneDX: sbom/
	@$(PY) -m supply.sbom

pin: install ## write the digests of other people's images into docker/, images/ and the chart
	@$(PY) -m supply.pin

lint: .venv/.dev ## formatting, lint, types, and which room may import which
	@.venv/bin/ruff format --check && .venv/bin/ruff check && .venv/bin/mypy && .venv/bin/lint-imports

format: .venv/.dev ## format the code
	@.venv/bin/ruff format && .venv/bin/ruff check --fix

clean: ## remove what was installed; data/ stays
	@rm -rf .venv .uv hub/node/node_modules tests/standins/oidc/node_modules tests/browser/node_modules
