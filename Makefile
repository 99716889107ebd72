# Every step of the continuous integration by itself; .ci/run takes them in order.
# `make help` lists them.

MODULE := github.com/cutover-go/cutover

# Go packages that the steps work on: make test PKG=./plan/...
PKG ?= ./...

# How many inputs each fuzz target is given. A number and not a time: at the end of a
# time Go 1.26 now and then reports its own deadline as a failure (go.dev/issue/75804).
FUZZTIME ?= 50000x

# Examples that are run to their end: all folders of examples/ with a program, but the server, which
# has no end; its tests run it. A file ci.args beside a program holds its arguments.
EXAMPLES ?= $(filter-out server,$(sort $(patsubst examples/%/main.go,%,$(wildcard examples/*/main.go))))

# How long `make bench-pg-long` holds its transaction open, and flags for `make bench-sql`.
BENCH_HELD ?= 30m
BENCH_SQL ?=

# How many random histories `make simulate` runs.
HISTORIES ?= 100000

# How many `make simulate-sql` runs over each store.
SQL_HISTORIES ?= 1000

# How long one example may take.
EXAMPLE_TIMEOUT ?= 120s

# How often `make flaky` runs the tests of a package without real servers, and with them.
FLAKY_RUNS ?= 500
FLAKY_REDIS_RUNS ?= 50

# Modules of this repository beside the main one.
MODULES = $(sort $(patsubst ./%/go.mod,%,$(shell find . -mindepth 2 -name go.mod -not -path '*/testdata/*')))

# Those of them that hosts import: they get what the main module gets.
HOSTED = $(filter gateway/% observe/% store/%,$(MODULES))

# Packages whose tests start a real Redis.
REDIS_PACKAGES = $(shell go list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "$(MODULE)/internal/redistest"}}{{println $$p}}{{end}}{{end}}{{range .XTestImports}}{{if eq . "$(MODULE)/internal/redistest"}}{{println $$p}}{{end}}{{end}}' ./... | sort -u)

# The server that tests start. Valkey 8 takes part with valkey-server.
CUTOVER_REDIS_SERVER ?=
export CUTOVER_REDIS_SERVER

LINTER := bin/golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: vet lint arch race ## What to run before a commit.

.PHONY: test
test: ## Run all tests, as the README says.
	go test $(PKG)

.PHONY: race
race: ## Run all tests under the race detector, package by package: real servers and two cores make each other late.
	CUTOVER_REQUIRE_REDIS=1 CUTOVER_REQUIRE_PROXIES=1 CUTOVER_REQUIRE_POSTGRES=$${CI:+1} go test -race -p 1 -timeout 15m $(PKG)

.PHONY: deaf
deaf: ## Run the engine's tests with every hint dropped.
	go test ./tests/engine -deaf

.PHONY: redis
redis: ## Run only the packages that need a redis-server and the suite of stores, in full and uncached.
	CUTOVER_FULL=1 CUTOVER_REQUIRE_REDIS=1 go test -count=1 -timeout 10m $(REDIS_PACKAGES) ./store/storetest

.PHONY: valkey
valkey: export CUTOVER_REDIS_SERVER = valkey-server
valkey: redis ## The same on Valkey; `make crash CUTOVER_REDIS_SERVER=valkey-server` does so, too.

.PHONY: proxies
proxies: ## Run only the gateways on real proxies, uncached.
	CUTOVER_REQUIRE_PROXIES=1 go test -count=1 -timeout 10m ./gateway/... ./internal/proxytest

.PHONY: envoy
envoy: ## Run the suite of gateways on the envoy of the path, which continuous integration has not.
	cd gateway/xds && GOWORK=off go test -tags envoy -run TestEnvoy -count=1 -v -timeout 10m .

.PHONY: postgres
postgres: ## Test the store on PostgreSQL in full, uncached, also behind PgBouncer.
	cd store/pgstore && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 go test -count=1 -race -timeout 15m ./...

.PHONY: console
console: ## Use the console in a real Chromium, uncached.
	cd tests/console && GOWORK=off CUTOVER_REQUIRE_CHROMIUM=1 go test -count=1 -race -timeout 10m ./...

.PHONY: vet
vet: ## Run go vet.
	go vet $(PKG)
	cd gateway/xds && GOWORK=off go vet -tags envoy .

.PHONY: lint
lint: $(LINTER) ## Run the linters of .golangci.yml over the main module, the examples, and the modules that hosts import.
	$(LINTER) run $(PKG)
	@for module in examples $(HOSTED); do \
		echo "--- module $$module"; \
		(cd $$module && $(CURDIR)/$(LINTER) run ./...) || exit 1; \
	done

.PHONY: fmt
fmt: $(LINTER) ## Format the code and sort its imports.
	$(LINTER) fmt $(PKG)

$(LINTER): tools/go.mod tools/go.sum
	cd tools && GOWORK=off go build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: arch
arch: ## Check the import directions, and that the other modules build, uncached.
	CUTOVER_FULL=1 go test -count=1 ./internal/archtest

.PHONY: examples
examples: ## Test the examples, and run each to its end.
	cd examples && CUTOVER_REQUIRE_REDIS=$${CI:+1} CUTOVER_REQUIRE_PROXIES=$${CI:+1} CUTOVER_REQUIRE_POSTGRES=$${CI:+1} go test -count=1 ./...
	@for example in $(EXAMPLES); do \
		args=$$(cat examples/$$example/ci.args 2>/dev/null); \
		echo "--- example $$example $$args"; \
		(cd examples && go build -o ../bin/example-$$example ./$$example) && \
		(cd examples/$$example && timeout $(EXAMPLE_TIMEOUT) ../../bin/example-$$example $$args); \
		case $$?,$$CI in \
			0,*) ;; \
			69,) echo "not run: $$example needs a program that this machine lacks" ;; \
			*) echo "FAIL: example $$example"; exit 1 ;; \
		esac; \
	done
	@echo "examples run: $(words $(EXAMPLES))"

.PHONY: modules
modules: ## Build, vet and test the other modules, each without the workspace; those that hosts import in full and for races; stores in short for races: SQLite is a program in Go, and slow then. `make console` has the browser, `make examples` the tests of examples.
	@for module in $(MODULES); do \
		echo "--- module $$module"; \
		packages=$$(cd $$module && GOWORK=off go list ./...) || exit 1; \
		[ -n "$$packages" ] || continue; \
		how=-short; more=; case " $(HOSTED) " in *" $$module "*) how=-race ;; esac; \
		case $$module in examples) how=-run=^$$ ;; store/*) how="-race -short"; more=full ;; esac; \
		(cd $$module && export GOWORK=off CUTOVER_REQUIRE_PROMETHEUS=$${CI:+1} CUTOVER_REQUIRE_POSTGRES=$${CI:+1} && go build -o /dev/null ./... && go vet ./... && go test -timeout 20m $$how ./... && \
			{ [ -z "$$more" ] || go test -timeout 20m ./...; }) || exit 1; \
	done

.PHONY: bench-compile
bench-compile: ## Run every benchmark once, to see that it still works.
	go test -run='^$$' -bench=. -benchtime=1x -timeout 10m $(PKG)

.PHONY: bench-sql
bench-sql: ## Compare the stores on PostgreSQL and SQLite with River, DBOS and floors; half an hour. BENCH_SQL='-tasks 5000 -rounds 1' takes less.
	cd bench/sql && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 go test -tags rivals -count=1 -v -timeout 4h -run 'Postgres|SQLite' . $(BENCH_SQL)

.PHONY: bench-pg-long
bench-pg-long: ## Hold a transaction open for BENCH_HELD while a plan is carried out on PostgreSQL; see what becomes of the commits.
	cd bench/sql && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 go test -count=1 -v -timeout 4h -run Held . -held $(BENCH_HELD)

.PHONY: fuzz-short
fuzz-short: ## Give every fuzz target FUZZTIME inputs.
	.ci/fuzz $(FUZZTIME) $(PKG)

.PHONY: crash
crash: ## Kill, freeze and cut off real processes and Redis; about 5 minutes.
	CUTOVER_REQUIRE_REDIS=1 CUTOVER_CRASH=short go test -tags crash -v -timeout 12m ./tests/crash ./internal/crashtest

.PHONY: crash-long
crash-long: ## The same, and a fleet under fire for five minutes.
	CUTOVER_REQUIRE_REDIS=1 CUTOVER_CRASH=long go test -tags crash -v -timeout 40m ./tests/crash

.PHONY: crash-sql
crash-sql: ## The same over PostgreSQL and over a file; the third of the deaths whose turn CUTOVER_RUN is.
	cd tests/crashsql && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 CUTOVER_CRASH=short go test -tags crash -count=1 -v -timeout 8m .

.PHONY: crash-sql-long
crash-sql-long: ## The same with all deaths, and the slow rows; about 5 minutes.
	cd tests/crashsql && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 CUTOVER_FULL=1 CUTOVER_CRASH=long go test -tags crash -count=1 -v -timeout 20m .

.PHONY: gateway-proof
gateway-proof: ## Switch 1,000 tenants on HAProxy under load and faults; count the requests that are lost or stale.
	CUTOVER_REQUIRE_REDIS=1 CUTOVER_REQUIRE_PROXIES=1 go test -tags gatewayproof -count=1 -v -timeout 15m ./tests/gatewayproof -tenants 1000

.PHONY: gateway-proof-short
gateway-proof-short: ## The same with 100 tenants.
	CUTOVER_REQUIRE_REDIS=1 CUTOVER_REQUIRE_PROXIES=1 go test -tags gatewayproof -count=1 -v -timeout 5m ./tests/gatewayproof

.PHONY: simulate
simulate: ## Run HISTORIES random histories of engines under faults.
	go test ./internal/simulation -histories $(HISTORIES) -timeout 2h

.PHONY: simulate-sql
simulate-sql: ## Run SQL_HISTORIES of them over the stores on SQLite and PostgreSQL.
	@for store in sqlitestore pgstore; do \
		(cd store/$$store && GOWORK=off CUTOVER_REQUIRE_POSTGRES=1 go test -run 'TestHistories$$' -count=1 -timeout 2h . -histories $(SQL_HISTORIES)) || exit 1; \
	done

.PHONY: mutants
mutants: ## See that all hand-made mutants are caught.
	CUTOVER_FULL=1 CUTOVER_REQUIRE_REDIS=1 go test -tags mutants -timeout 60m ./internal/simulation/mutants

.PHONY: mutants-some
mutants-some: ## The same with a sixth of them, that whose turn CUTOVER_RUN is.
	CUTOVER_REQUIRE_REDIS=1 go test -tags mutants -short -timeout 30m ./internal/simulation/mutants

.PHONY: flaky
flaky: ## Run each package's tests hundreds of times; the tally lasts, in internal/flaky/tally.json.
	go run ./internal/flaky -runs $(FLAKY_RUNS) -redis-runs $(FLAKY_REDIS_RUNS) $(PKG)

.PHONY: soak
soak: ## Keep a million leases alive under faults for five minutes.
	go test -tags soak -run Soak -v -timeout 20m ./renewal/soak

.PHONY: clean
clean: ## Remove what make has built.
	rm -rf bin
