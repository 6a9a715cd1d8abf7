# Targets set up what they need: tools into .tools, Python peers into
# .venv-interop. Nothing is installed by hand before. CI calls only these.

GO          ?= go
TAGS        := duckdb_arrow
PKG         ?= ./...
TESTFLAGS   ?=
FUZZTIME    ?= 20000x
SOAK_SIZE   ?= 10GB
SCHEDULES   ?= 10000
ROW_SCHEDULES ?= 400
TRIALS      ?= 200
KILLS       ?= 1000
SOAK_KILLS  ?= 10000
BENCH_ARGS  ?=

GOLANGCI_VERSION := v2.15.0
TOOLS       := $(CURDIR)/.tools
GOLANGCI    := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
VENV        := $(CURDIR)/.venv-interop
PYTHON      := $(VENV)/bin/python
INTEROP     := $(VENV)/requirements.stamp

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the program into bin/freshet
	$(GO) build -tags $(TAGS) -o bin/freshet ./cmd/freshet

.PHONY: demo
demo: build ## make factory data, run a pipeline over it, look at the answers
	./examples/manufacturing/demo.sh bin/freshet

.PHONY: test
test: ## run every test
	$(GO) test -tags $(TAGS) -timeout 45m $(TESTFLAGS) $(PKG)

.PHONY: race
race: ## run every test under the race detector, in random order
	$(MAKE) test TESTFLAGS="-race -shuffle=on"

.PHONY: lint
lint: $(GOLANGCI) ## check style, mistakes and the direction of imports
	$(GOLANGCI) run --build-tags $(TAGS) ./...
	$(GO) test -tags $(TAGS) ./internal/lint

.PHONY: fmt
fmt: $(GOLANGCI) ## format the code
	$(GOLANGCI) fmt ./...

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME inputs
	GO="$(GO)" TAGS="$(TAGS)" FUZZTIME="$(FUZZTIME)" ./.ci/fuzz

.PHONY: explore
explore: ## explore SCHEDULES orders of requests, faults and crashes of concurrent writers, ROW_SCHEDULES of them with data
	$(GO) test -tags $(TAGS) -timeout 30m -count 1 ./test/explore -schedules $(SCHEDULES) -row-schedules $(ROW_SCHEDULES)

.PHONY: trial
trial: ## try TRIALS random materialized views, and as many random queries over streams, against full recomputation
	$(GO) test -tags $(TAGS) -timeout 60m -count 1 ./test/trial -trials $(TRIALS)

.PHONY: crash
crash: ## kill KILLS processes that refresh streaming tables, at each step and at random
	$(GO) test -tags $(TAGS) -timeout 240m -count 1 -run KilledRefreshes -v ./test/crash -kills $(KILLS)

.PHONY: interop
interop: $(INTEROP) ## check tables against Spark with Delta and against delta-rs
	FRESHET_PYTHON=$(PYTHON) FRESHET_IVY=$(TOOLS)/ivy $(GO) test -tags $(TAGS),interop -timeout 30m -count 1 ./test/interop

.PHONY: record
record: $(INTEROP) ## add real Spark's answers to the SQL examples that have none
	for f in functions queries semantics formats regexp intervals; do \
		$(PYTHON) internal/sql/testdata/record_functions.py internal/sql/testdata/$$f.txt || exit 1; \
	done

.PHONY: bench
bench: build $(INTEROP) ## measure against peers on the same data
	FRESHET_PYTHON=$(PYTHON) FRESHET_IVY=$(TOOLS)/ivy $(GO) run -tags $(TAGS) ./bench $(BENCH_ARGS)

.PHONY: soak
soak: soakload soakkills soakfaults ## all that takes hours: soakload, soakkills, soakfaults

.PHONY: soakload
soakload: build ## load SOAK_SIZE of data and show peak memory
	./.ci/soak bin/freshet $(SOAK_SIZE)

.PHONY: soakkills
soakkills: ## kill SOAK_KILLS processes as crash does
	$(MAKE) crash KILLS=$(SOAK_KILLS)

.PHONY: soakfaults
soakfaults: ## try each fault and crash, and interrupt for minutes
	FRESHET_SOAK=1 $(GO) test -tags $(TAGS) -timeout 120m -count 1 -run 'Under|Cancelled|Interrupted|MemoryStays|ManyFiles|GuessEnds' -v ./internal/session ./internal/stream ./internal/stream/autoloader ./internal/source/files/filestate ./test/crash

$(GOLANGCI):
	GOBIN=$(dir $@) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(INTEROP): test/interop/requirements.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@
