# Everything runs with Node 22, which the set-up leaves in node_modules/.bin.
SHELL := bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Written last by the set-up, so an interrupted one starts over.
SERVABLE := node_modules/.serve
INSTALLED := node_modules/.all
NEED := scripts/need.sh

# Help and lists install nothing. `make load` without ARGS is a list.
ifneq ($(filter -h --help --list,$(ARGS))$(if $(ARGS),,$(filter load,$(MAKECMDGOALS))),)
  INSTALLED := set-up-was-made
  NEED := true
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run set-up set-up-was-made
help: ## list what can be made
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(SERVABLE) ## serve on 127.0.0.1:8000: standalone, or with the Redis that REDIS_HOST names
	@exec scripts/run.sh

set-up: $(INSTALLED) ## install the packages of npm for tests and benchmarks

$(SERVABLE): package-lock.json
	@scripts/set-up.sh serve

node_modules/.all: package-lock.json
	@scripts/set-up.sh all

set-up-was-made:
	@[[ -e node_modules/.all ]] || { echo 'Run `make set-up` first: help and lists install nothing.' >&2; exit 1; }

.PHONY: lint test test-all test-versions
lint: $(INSTALLED) ## formatting, lint rules and types
	@npm run --silent lint
	@npm run --silent types

# Its tests start the single binary, in a tenth of the CPU time of the sources. The binary is made for Linux; elsewhere they
# start the sources. docs/testing.md says which test runs where.
LINUX := $(filter Linux,$(shell uname -s))
test test-all: export RATECACHE_BINARY := $(if $(LINUX),$(CURDIR)/dist/ratecache)

test: $(INSTALLED) lint $(if $(LINUX),build) ## lint, types and tests, against real redis-servers: two to four minutes
	@$(NEED) redis-server redis-cli
	@npm run --silent test

# The Python client needs the package websockets, which belongs to one Python.
WEBSOCKETS := /usr/lib/python3/dist-packages/websockets/__init__.py

test-all: test ## the same, then what takes longer, and what needs Prometheus, shells, proxies, wrk, valgrind, kubectl or Chromium
	@$(NEED) prometheus promtool prometheus-alertmanager amtool curl zsh fish wrk valgrind nginx haproxy openssl chromium $(if $(PYTHON),,$(WEBSOCKETS))
	@scripts/kubectl.sh version --client >/dev/null
	@npm run --silent test:slow
	@npm run --silent test:rest
	@if [[ $$EUID == 0 ]] || scripts/debian13-servers.sh >/dev/null; then $(MAKE) --no-print-directory test-versions; \
	else echo 'NOT RUN: make test-versions. Run it once as root: it makes Redis 8 and Valkey 8 with debootstrap.' >&2; fi

VERSIONED := test/versions/*.versions.ts test/redis/*.test.ts test/e2e/{reconnect,faults.long,different-servers.long}.test.ts

test-versions: $(INSTALLED) ## the tests of Redis's errors, faults and coherence against real Redis 8 and Valkey 8; the first run needs root and two minutes
	@$(NEED) redis-cli
	@scripts/debian13-servers.sh >/dev/null
	@EXPECTED_SERVER='redis 8.' PATH="$(CURDIR)/.tools/redis8/bin:$(PATH)" npm run --silent test:files -- --test-concurrency=2 $(VERSIONED)
	@EXPECTED_SERVER='valkey 8.' PATH="$(CURDIR)/.tools/valkey8/bin:$(PATH)" npm run --silent test:files -- --test-concurrency=2 $(VERSIONED)

.PHONY: chaos
chaos: $(INSTALLED) ## every fault of Redis under load, into docs/reliability.md; ARGS=soak, mutants, rolling or part of a fault's name
	@$(NEED) redis-server redis-cli
	@exec node test/chaos/run.ts $(ARGS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## damaged inputs for every decoder, and for a real service on a real Redis; ARGS="--inputs 1000000 --seed 7", "--kind http", "--kind http --seed 7 --only 12", --help
	@$(NEED) redis-server redis-cli
	@exec node test/fuzz/main.ts $(ARGS)

.PHONY: simulate
simulate: $(INSTALLED) ## replicas, clients and a model of Redis in virtual time, every fault from a seed; ARGS="--seeds 1000000 --jobs 2", "--seed 7", --mutants
	@exec node test/simulator/run.ts $(ARGS)

# The benchmarks install what they need when they start it: servers by scripts/need.sh, packages in bench/peers.
.PHONY: bench bench-peers bench-clients bench-pauses bench-profile bench-start bench-links bench-topologies bench-processes
bench: $(INSTALLED) ## microbenchmarks of src/; ARGS=memory for a part, --quick, --record, --list
	@exec node bench/main.ts suites $(ARGS)

bench-peers: $(INSTALLED) ## ratecache as a server next to bare uWS, nginx, varnish, webdis and Fastify; ARGS="--only get-16 varnish", --quick, --record, --gate, --list, --help
	@exec node bench/main.ts peers $(ARGS)

bench-clients: $(INSTALLED) ## what a read costs a program, in each way to read: the clients with and without near cache, Redis, HTTP; ARGS=--quick, --record, --help
	@exec node bench/main.ts clients $(ARGS)

bench-pauses: $(INSTALLED) ## how long an L1 of a million entries holds up the event loop, and the memory of an entry; ARGS=--record, --help
	@exec node bench/main.ts pauses $(ARGS)

bench-profile: $(INSTALLED) ## what a request pays for, function by function; ARGS="get put", "--keep DIR", --record, --help
	@exec node bench/main.ts profile $(ARGS)

bench-links: $(INSTALLED) ## what the links of replicas cost Redis, measured up to 10 and computed up to 300; ARGS="--rounds 3", --record, --help
	@$(NEED) redis-server redis-cli
	@exec node bench/main.ts links $(ARGS)

bench-topologies: $(INSTALLED) ## reads and writes that reach Redis: a Cluster of three masters next to one server; ARGS="--rounds 3", --record, --help
	@$(NEED) redis-server redis-cli
	@exec node bench/main.ts topologies $(ARGS)

bench-processes: $(INSTALLED) ## how connections spread over the processes of a service, and what a request costs with one and two; ARGS="--only spread", --record, --help
	@$(NEED) redis-server redis-cli wrk
	@exec node bench/main.ts processes $(ARGS)

bench-start: $(INSTALLED) ## how long the binary takes to its first answer, next to bare http; ARGS="--rounds 31"
	@exec node bench/main.ts peers --only start $(ARGS)

.PHONY: load gate
load: $(INSTALLED) ## load tests; lists them without ARGS; ARGS=read-heavy, "all --seconds 10", --help (gate: the short form for CI)
	@$(NEED) redis-server redis-cli
	@exec node src/main.ts load $(ARGS)

gate: $(INSTALLED) ## the load tests that must pass before a change lands, in about a minute
	@$(NEED) redis-server redis-cli
	@exec node src/main.ts load smoke read-heavy quote miss-storm websocket --seconds 5 --retries 2

.PHONY: capacity replay
capacity: $(INSTALLED) ## the highest rate one instance takes, and how many are needed; ARGS="l1 --rate 100000", --record, --help
	@$(NEED) redis-server redis-cli
	@exec node src/main.ts capacity $(ARGS)

replay: $(INSTALLED) ## send the requests of a log again; ARGS="FILE --speed 10", --help
	@$(NEED) redis-server redis-cli
	@exec node src/main.ts replay $(ARGS)

.PHONY: audit
audit: $(INSTALLED) ## licenses and known vulnerabilities of the packages that ship; ARGS=--licenses needs no network
	@exec node scripts/audit.ts $(ARGS)

# What the package is made of. It is built again only if a file of these is newer, or other packages were installed.
CLIENT = dist/npm/ratecache-client-$(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json).tgz
CLIENT_INPUTS = $(shell find src scripts/client -name '*.ts') package.json tsconfig.json docs/clients.md LICENSE

.PHONY: client python quote
client: $(CLIENT) ## the TypeScript client as a package of npm: dist/npm/ratecache-client-*.tgz
	@echo '$(CURDIR)/$<: install it with npm install $(CURDIR)/$<'

$(CLIENT): $(INSTALLED) $(CLIENT_INPUTS)
	@exec node scripts/client/main.ts

python: ## the Python client as a wheel: dist/python/ratecache-*.whl; PYTHON names another Python than /usr/bin/python3
	@exec scripts/python-wheel.sh

quote: $(SERVABLE) ## examples/quote.ts against the service that `make run` started; ARGS=ws://host:8000
	@exec node examples/quote.ts $(ARGS)

.PHONY: build smoke
build: $(INSTALLED) ## the single binary: dist/ratecache, with its bill of materials and SHA256SUMS
	@npm run --silent build

smoke: build ## builds it, and proves that it serves from a root directory with nothing else in it; ARGS=debian from a bare Debian
	@$(NEED) redis-server redis-cli unshare ip systemd-analyze $(if $(ARGS),debootstrap)
	@exec scripts/smoke.sh $(ARGS)
