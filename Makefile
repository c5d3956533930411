# Everything runs with the project's own tools: node_modules/.bin holds Node 22, whatever Node is on the machine.
SHELL := bash
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Written last by the set-up, so that an interrupted one starts over.
INSTALLED := node_modules/.install

.DEFAULT_GOAL := help
.PHONY: help run test chaos lint

help: ## list what can be made
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## serve on 127.0.0.1:8000: standalone, or with the Redis that REDIS_HOST names
	@exec scripts/run.sh

test: $(INSTALLED) lint ## lint, types and tests, against real redis-servers
	@scripts/need.sh redis-server redis-cli wrk valgrind prometheus promtool prometheus-alertmanager amtool curl zsh fish
	@scripts/kubectl.sh version --client >/dev/null
	@npm run --silent test

.PHONY: test-versions
VERSIONED := test/versions/*.versions.ts test/redis/*.test.ts test/e2e/faults.test.ts test/e2e/reconnect.test.ts

test-versions: $(INSTALLED) ## the tests of Redis's errors, faults and coherence against a real Redis 8; the first run needs root and two minutes
	@scripts/need.sh redis-cli
	@scripts/redis8.sh >/dev/null
	@EXPECTED_REDIS=8. PATH="$(CURDIR)/.tools/redis8/bin:$(PATH)" node --test --test-concurrency=2 --test-timeout=180000 $(VERSIONED)

chaos: $(INSTALLED) ## every fault of Redis under load, into docs/reliability.md; ARGS=soak, mutants, rolling or part of a fault's name
	@scripts/need.sh redis-server redis-cli
	@exec node test/chaos/run.ts $(ARGS)

.PHONY: simulate
simulate: $(INSTALLED) ## replicas, clients and a model of Redis in virtual time, every fault from a seed; ARGS="--seeds 1000000 --jobs 2", "--seed 7", --mutants
	@exec node test/simulator/run.ts $(ARGS)

# The benchmarks install what they need when they start it: servers by scripts/need.sh, packages in bench/peers.
.PHONY: bench bench-peers bench-pauses bench-profile bench-start
bench: $(INSTALLED) ## microbenchmarks of src/; ARGS=memory for a part, --quick, --record, --list
	@exec node bench/main.ts suites $(ARGS)

bench-peers: $(INSTALLED) ## ratecache as a server next to bare uWS, nginx, varnish, webdis and Fastify; ARGS="--only get-16 varnish", --quick, --record, --gate, --list, --help
	@exec node bench/main.ts peers $(ARGS)

bench-pauses: $(INSTALLED) ## how long an L1 of a million entries holds up the event loop, and the memory of an entry; ARGS=--record, --help
	@exec node bench/main.ts pauses $(ARGS)

bench-profile: $(INSTALLED) ## what a request pays for, function by function; ARGS="get put", "--keep DIR", --record, --help
	@exec node bench/main.ts profile $(ARGS)

bench-start: $(INSTALLED) ## how long the binary takes to its first answer, next to bare http; ARGS="--rounds 31"
	@exec node bench/main.ts peers --only start $(ARGS)

.PHONY: load gate
load: $(INSTALLED) ## load tests; lists them without ARGS; ARGS=read-heavy, "all --seconds 10", --help (gate: the short form for CI)
	@scripts/need.sh redis-server redis-cli
	@exec node src/main.ts load $(ARGS)

gate: $(INSTALLED) ## the load tests that must pass before a change lands, in about a minute
	@scripts/need.sh redis-server redis-cli
	@exec node src/main.ts load smoke read-heavy quote miss-storm websocket --seconds 5 --retries 2

.PHONY: capacity replay
capacity: $(INSTALLED) ## the highest rate one instance takes, and how many are needed; ARGS="l1 --rate 100000", --record, --help
	@scripts/need.sh redis-server redis-cli
	@exec node src/main.ts capacity $(ARGS)

replay: $(INSTALLED) ## send the requests of a log again; ARGS="FILE --speed 10", --help
	@scripts/need.sh redis-server redis-cli
	@exec node src/main.ts replay $(ARGS)

.PHONY: build smoke
build: $(INSTALLED) ## the single binary: dist/ratecache, with its bill of materials and SHA256SUMS
	@npm run --silent build

smoke: build ## builds it, and proves that it serves from a root directory with nothing else in it; ARGS=debian from a bare Debian
	@scripts/need.sh redis-server redis-cli unshare ip systemd-analyze $(if $(ARGS),debootstrap)
	@exec scripts/smoke.sh $(ARGS)

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
