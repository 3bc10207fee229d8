# Words for people; each does all it needs. `make` alone prints them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
CORE_IMAGE ?=
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.coreImage=$(CORE_IMAGE)
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)"
# testdata/demo/tests run in the cluster only.
PACKAGES := ./... ./testdata/bench/... ./testdata/demo ./testdata/demo/shop ./testdata/e2eimage/... ./testdata/fakegithub ./testdata/fakegitlab

.PHONY: help
help: ## Print these words
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/assay and bin/assay-agent
	@mkdir -p bin
	$(GOBUILD) -o bin/ ./cmd/assay ./cmd/assay-agent

.PHONY: test
test: ## Run every test, the end-to-end tests in a real cluster included
	@testdata/lab/install.sh
	@testdata/npm/install.sh
	@testdata/lab/install.sh groovy default-jre-headless
	@testdata/cosign/build.sh >/dev/null # here, so that no test's time limit counts it
	@testdata/registries/build.sh >/dev/null
	go vet $(PACKAGES)
	go test $(PACKAGES)
	$(MAKE) --no-print-directory lab-test e2e

.PHONY: photos
photos: ## Photograph comments and release reports anew, in Chromium; look at them and commit them
	@testdata/lab/install.sh chromium fonts-liberation poppler-utils
	go test ./core/summary -count 1 -run 'TestComment|TestPage|TestPhotographs' -photos

.PHONY: lint
lint: ## Check formatting and run static analysis
	@test -z "$$(gofmt -l cmd core integrations testdata | tee /dev/stderr)" || { echo "run: gofmt -w cmd core integrations testdata"; exit 1; }
	go vet -tags e2e $(PACKAGES) ./testdata/image ./testdata/e2e
	go vet -tags soak ./testdata/e2e
	cd testdata/registries && CGO_ENABLED=0 go vet -trimpath .
	cd testdata/lab && CGO_ENABLED=0 go vet -trimpath ./node ./images ./command ./acceptance ./pause
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run $(PACKAGES)

.PHONY: lab
lab: build ## Bring up the lab: a real Kubernetes on this machine (Debian or Ubuntu, as root)
	@testdata/cluster.sh up

.PHONY: lab-down
lab-down: ## Take the lab down; nothing of it stays
	@testdata/cluster.sh down

.PHONY: lab-test
lab-test: ## Test the lab itself
	@testdata/cluster.sh test

.PHONY: demo
demo: build ## Run the demo: a small shop, its tests run inside the cluster, a verdict
	@testdata/cluster.sh demo

.PHONY: demo-broken
demo-broken: build ## Roll a broken version of the shop out and see why it is not ready
	@testdata/cluster.sh demo broken

.PHONY: e2e
e2e: build ## Run the end-to-end tests, in the lab or in the cluster of ASSAY_KUBECONFIG
	@testdata/cluster.sh e2e

# BENCH holds further flags: BENCH="--only one --pairs 30" measures a part and leaves the README as it is;
# BENCH="--only reports" measures the reading of reports, BENCH="--only trends" draws what the rule for regressions
# sees; so do "--only verdict", "--only index" and "--only writers"; they need no cluster, and write the tables of that.
.PHONY: bench
bench: build ## Measure what Assay costs, against kubectl and other readers, and write the README's tables
	@testdata/cluster.sh bench $(BENCH)

.PHONY: bench-go
bench-go: ## Run the Go benchmarks
	go test -run '^$$' -bench . -benchtime 3x ./core/...

.PHONY: soak
soak: build ## Play every fault in the lab (one with RUN=TestFaults/NAME), then kill writers of stores, and fuzz
	@testdata/cluster.sh soak $(if $(RUN),-v -run '$(RUN)')
	@test -n "$(RUN)" || testdata/soak/stores.sh
	@test -n "$(RUN)" || testdata/fuzz.sh

.PHONY: soak-stores
soak-stores: ## Kill writers and compacters of directories and registries KILLS times each, default 200
	@testdata/soak/stores.sh

.PHONY: fuzz
fuzz: ## Fuzz every parser (some with FUZZ='FuzzTAP|FuzzK6') for FUZZTIME each, default 2m
	@testdata/fuzz.sh

# ONLY names a part of them: ONLY=junit/ant. k6 is built from its source, which takes minutes.
.PHONY: fixtures
fixtures: ## Run the tools again whose reports stand in testdata/reports (root, Debian, npm; ONLY=FORMAT/TOOL for one)
	@testdata/reports/regenerate.sh $(ONLY)

# The corpus is not part of the repository; core/report/corpus_test.go says what it holds.
.PHONY: corpus
corpus: ## Count real reports collected in CORPUS=DIR, per format: read, right, wrong
	@test -n "$(CORPUS)" || { echo "no corpus: say where it lies with make corpus CORPUS=DIR" >&2; exit 64; }
	@cd core/report && ASSAY_CORPUS="$(abspath $(CORPUS))" go test -count 1 -run TestCorpus

.PHONY: image
image: ## Build the container image with docker or buildah, or without either
	@testdata/image/build.sh "$(VERSION)"
