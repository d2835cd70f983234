# What a developer and CI do with syncchat; plain `make` lists it. Needs git, make and Python >= 3.11, nothing else.

BIN := .venv/bin
TIMED := sh tools/timed
CODE := $(wildcard syncchat server clients tests benchmarks tools)
INTEROP := tests/interop
# A test that hangs takes its worker down. A new worker would be given the same test again, for ever.
PYTEST_ARGS ?= -q -n 2 --dist loadgroup --max-worker-restart 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup node demo bench bench-ci bench-peers test fuzz faults check lint format types imports docs clean

help:
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):[^#]*## */make \1|/' | awk -F'|' '{printf "  %-12s %s\n", $$1, $$2}'

setup: .venv/.stamp ## install syncchat and its tools into .venv

.venv/.stamp: pyproject.toml constraints.txt
	@$(TIMED) "setup: installing into .venv" sh tools/setup-venv .venv
	@touch $@

node: ## install the JavaScript clients of the interop tests, if npm is there
	@sh tools/setup-node $(INTEROP)

demo: setup ## two people and an agent in one room, on this machine
	@$(BIN)/syncchat demo

bench: setup ## what sync costs here, in minutes: our cases that matter most, table and plots
	@$(BIN)/python -m benchmarks run --short --rounds 3 $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks report benchmarks/results/latest.jsonl

bench-ci: setup ## what CI keeps of each run, in seconds: benchmarks/results/ci.jsonl; its times are never judged
	@$(TIMED) "bench: the short form of CI" $(BIN)/python -m benchmarks run --only fanout-10,library,guard --rounds 1 \
		--peers syncchat --out benchmarks/results/ci.jsonl

bench-peers: setup ## the same beside the systems people would pick instead, all cases, five rounds; about three hours
	@$(BIN)/python -m benchmarks peers
	@$(BIN)/python -m benchmarks run --peers all $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks report benchmarks/results/latest.jsonl

test: setup node ## run all tests; PYTEST_ARGS=... for others than the usual ones
	@$(TIMED) "test: pytest $(PYTEST_ARGS)" $(BIN)/python -m pytest $(PYTEST_ARGS)

fuzz: setup ## a long search for harm and for false refusals; FUZZ_EXAMPLES and FUZZ_SEEDS say how long
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-20000} FUZZ_SEEDS=$${FUZZ_SEEDS:-200} $(TIMED) "fuzz: decoder and guard" \
		$(BIN)/python -m pytest -q -n 2 --timeout 0 tests/hostile

faults: setup ## every fault in full: 200 kills, a reader that stops for a minute, 500 stories of agents; a quarter of an hour
	@FAULTS=full $(TIMED) "faults: in full" $(BIN)/python -m pytest -q -s --timeout 0 tests/faults tests/sim/test_agent_story.py

check: lint types imports docs ## lint, format, types, import contracts, SPEC and docs

lint: setup
	@$(TIMED) "check: ruff" sh -c '$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check --diff .'

types: setup
	@$(TIMED) "check: mypy --strict" $(BIN)/mypy --no-error-summary $(CODE)

imports: setup
	@$(TIMED) "check: import contracts" $(BIN)/lint-imports --no-logo

docs: setup
	@$(TIMED) "check: SPEC, links, sizes" $(BIN)/python tools/check_docs.py

format: setup ## let ruff mend what it can
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

clean: ## remove all that the targets above made
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist $(INTEROP)/node_modules
