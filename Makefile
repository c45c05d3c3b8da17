# Each target's line of help stands after its "##". Settings (FENZ_…) come from the environment.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# Arguments of `make run`, `make seed` and `make bench`: make run ARGS=--print-config
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run build seed test test-long lint fmt api bench clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: ## Builds and starts the whole platform on this machine (gateway on 127.0.0.1:8000, data in ./data)
	@scripts/install-tools --optional ffmpeg
	@test -e $(TARGET_DIR)/local/fenzvideo || echo "The first build takes about ten minutes on two cores; later ones take seconds."
	@cargo run --profile local -p fenz-standalone --bin fenzvideo -- $(ARGS)

build: ## Builds every program into target/release
	@cargo build --release --workspace --bins

seed: ## Fills the running platform with a catalogue (FENZ_SEED__ADMIN__PASSWORD: what the first start printed)
	@scripts/install-tools --optional ffmpeg
	@cargo run --profile local --quiet -p fenz-seed -- $(ARGS)

test: ## Installs what the tests need, then checks formatting, lints and contract and runs every test
	@scripts/test

test-long: ## Runs the tests of kills and power cuts with more rounds, in some minutes
	@scripts/test long

lint: ## Checks formatting, lints and contract, without running tests
	@scripts/test format clippy contract

fmt: ## Formats the Rust code and the contract
	@cargo fmt --all
	@scripts/install-tools buf
	@PATH="$(CURDIR)/target/tools/bin:$$PATH" buf format proto --write

api: ## Checks the contract and regenerates code and OpenAPI from it
	@scripts/test contract
	@cargo build -p fenz-contract
	@echo "OpenAPI: $$(ls -t $(TARGET_DIR)/debug/build/fenz-contract-*/out/openapi.json | head -n 1)"

bench: ## Measures the release build and prints a table of ratios
	@scripts/install-tools --optional ffmpeg wrk nginx
	@cargo build --release --workspace --bins
	@cargo run --release -p fenz-bench -- $(ARGS)

clean: ## Stops the test servers and removes everything that was built (not ./data)
	@scripts/test-servers stop
	@cargo clean
