# Targets are verbs; `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
FLEET ?= 40
FUNCTIONS := ingest alarm watchdog push api socket authorizer canary
VERSION := $(shell git describe --always --dirty --abbrev=12 2>/dev/null)

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: web/dist/index.html ## run the whole system on this machine: page :8000, API :8002, insoles :9000
	@go build -o .build/local-host ./cmd/local
	@.build/local-host -demo -fleet $(FLEET) -param TrackLinger=2s

test: web-test web/dist/index.html ## everything: formatting, vet, Go, web, and the whole path in a browser
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	CHROMIUM="$$(scripts/browser)" go test -timeout 20m ./...

race: ## the Go tests under the race detector
	CHROMIUM="$$(scripts/browser)" go test -race -timeout 30m ./...

bench: ## the figures of docs/performance.md
	scripts/bench

storm: ## 20,000 people press while three of ten calls to AWS go wrong, in virtual time (a quarter of an hour)
	STORM_PEOPLE=20000 go test ./internal/storm -run TestStorm -count=1 -v -timeout 2h

contract: ## the contract suite against another implementation: make contract ENDPOINT=http://127.0.0.1:8000 [SERVICES=dynamodb,sqs,sns]
	@test -n "$(ENDPOINT)" || { echo "make contract ENDPOINT=http://host:port [SERVICES=dynamodb,sqs,sns]"; exit 2; }
	CONTRACT_ENDPOINT=$(ENDPOINT) CONTRACT_SERVICES=$(or $(SERVICES),dynamodb,sqs,sns) go test -count=1 -v ./internal/standin/contract

build: web/dist/index.html ## the Lambda bootstraps (arm64) and the bridge, into .build/
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags '-s -w -X solewatch/internal/parts.release=$(VERSION)' -o .build/arm64/$$f/bootstrap ./functions/$$f || exit 1; done
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -ldflags '-s -w -X solewatch/internal/parts.release=$(VERSION)' -o .build/arm64/tcpbridge ./tcpbridge

validate: ## lint the template (needs cfn-lint or the SAM CLI)
	@if command -v cfn-lint >/dev/null; then cfn-lint template.yaml; else sam validate --lint; fi

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

WEB_SOURCES := $(shell find web/src web/public web/scripts web/index.html web/vite.config.ts internal/text/catalogue -type f 2>/dev/null)

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build

web-test: web/node_modules/.package-lock.json ## the page's own tests: types, lint, units, and its behaviour in a browser against a fake server
	cd web && npm test && npm run build && npm run budget && CHROMIUM="$$(../scripts/browser)" npm run test:browser

clean: ## what was built, not the state of make run (.local)
	rm -rf .build web/dist

.PHONY: help run test race bench storm contract build validate web-test clean
