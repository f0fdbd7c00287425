# Every verb of the house. `make help` lists them; the work is in scripts/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# make build TAGS=xla links the XLA backend.
TAGS ?=
# `consilium version` tells the revision, where git answers.
VCS := $(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo true || echo false)

# ONNX Runtime is reached through cgo.
export CGO_ENABLED := 1

# On amd64 the portable backend's matrix kernels need this experiment of Go 1.26
# (ADR 3). It is set only where this toolchain knows it.
ifeq ($(shell $(GO) env GOARCH 2>/dev/null),amd64)
ifeq ($(shell GOEXPERIMENT=simd $(GO) env GOEXPERIMENT 2>/dev/null),simd)
export GOEXPERIMENT ?= simd
endif
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## fetch ONNX Runtime and the tools; safe to repeat
	@scripts/setup.sh runtime lint fhir peers

.PHONY: runtime
runtime:
	@scripts/setup.sh runtime

.PHONY: build
build: ## build the page and compile bin/consilium
	@scripts/web.sh build
	$(GO) build -trimpath -buildvcs=$(VCS) $(if $(TAGS),-tags "$(TAGS)") -o bin/consilium ./cmd/consilium

.PHONY: demo
demo: runtime build ## diagnose one synthetic patient, and open a node with it on the worklist
	@scripts/demo.sh

.PHONY: federation-demo
federation-demo: runtime build ## a hub and two hospitals as processes make a model that is better than either's own
	@scripts/federation-demo.sh

.PHONY: test
test: setup ## every check: format, vet, staticcheck, tests, race detector, the page in a browser
	@scripts/web.sh build
	@scripts/test.sh

.PHONY: race
race: ## the race detector over every package with goroutines, those with a database too
	@scripts/test.sh race

.PHONY: lint
lint: ## gofmt, go vet and staticcheck only
	@scripts/setup.sh lint
	@scripts/lint.sh

.PHONY: fuzz
fuzz: ## fuzz every parser, FUZZTIME (20s) each
	@scripts/fuzz.sh

.PHONY: bench
bench: runtime build ## Go benchmarks, and side by side with PyTorch
	@scripts/setup.sh bench
	@scripts/bench.sh

.PHONY: results
results: runtime build ## train and measure on real data; writes out/results
	@scripts/results.sh

.PHONY: clean
clean: ## remove what was built; keeps .tools
	rm -rf bin out
