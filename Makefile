# Everything runs with the project's own tools: node_modules/.bin holds Node 22, whatever Node is on the machine.
SHELL := bash
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Written last by the set-up, so that an interrupted one starts over.
INSTALLED := node_modules/.install

.DEFAULT_GOAL := help
.PHONY: help run test lint

help: ## list what can be made
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## serve on 127.0.0.1:8000: standalone, or with the Redis that REDIS_HOST names
	@exec scripts/run.sh

test: $(INSTALLED) lint ## lint, types and tests, against real redis-servers
	@scripts/need.sh redis-server redis-cli promtool curl
	@npm run --silent test

lint: $(INSTALLED) ## formatting, lint rules and types
	@npm run --silent lint
	@npm run --silent types

# The warnings silenced here are about the machine's own Node being older than the one being installed. That one
# comes by an install script, which npm runs because package.json's allowScripts names it.
$(INSTALLED): package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node 20 or newer, with npm.' >&2; exit 1; }
	@echo npm ci
	@PATH="$(SYSTEM_PATH)" npm ci --include=dev --ignore-scripts=false --loglevel=error
	@[[ $$(node --version) == v22.* ]] || { echo "npm ci did not bring Node 22: found $$(command -v node) $$(node --version)." >&2; exit 1; }
	@touch $@
