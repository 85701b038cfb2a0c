# Every command of the project. `make help` lists them; a fresh machine needs Python 3.11+, pip, make and git.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Local commands must never find credentials of a real account.
export AWS_EC2_METADATA_DISABLED = true
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Every process of the tests, and every one that they start, would compile all modules anew.
test test-quick test-deep: export PYTHONDONTWRITEBYTECODE =

.PHONY: help install demo chaos serve test test-quick test-deep test-api test-page pictures lighthouse test-dynamodb test-scale simulate simulate-long year rush conformance mutation check format bench clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

install: $(BIN)/.installed .venv-cloud/.installed ## create .venv with everything, the command .venv/bin/gelombang in it

$(BIN)/.installed: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed (make install PYTHON=python3.12)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

.venv-cloud/.installed: requirements-cloud.txt
	test -x .venv-cloud/bin/python || $(PYTHON) -m venv .venv-cloud
	.venv-cloud/bin/pip install --quiet -r requirements-cloud.txt
	@touch $@

demo: install ## play one whole wave with 240 people, and what becomes of them, on a local cloud
	@$(BIN)/python -m local.demo

chaos: install ## 2,000 payouts on a local cloud: the provider fails, workers are killed, the books must agree; PAYOUTS=n
	@$(BIN)/python -m local.chaos $(if $(PAYOUTS),--payouts $(PAYOUTS))

serve: install ## keep the local cloud up, with the application deployed, a wave and courses to try; nothing is kept; SAMPLE=1
	@$(BIN)/python -m local.cloud.serve $(if $(SAMPLE),--sample)

test: $(BIN)/.installed ## every test but the deep ones, in process on moto, no network, no browser
	$(BIN)/pytest -n 2 --dist worksteal -m "not dynamodb and not page and not deep and not api"

test-quick: $(BIN)/.installed ## the pure rules only, in seconds
	$(BIN)/pytest -n 2 -m "not deep" tests/vocabulary tests/draw/test_*.py tests/*/test_*rules.py tests/*/*/test_*rules.py

test-deep: $(BIN)/.installed ## all cases of which make test plays a few, such as jobs that die at every call (some minutes)
	$(BIN)/pytest -n 2 --dist worksteal -m deep

test-dynamodb: $(BIN)/.installed ## races on DynamoDB Local, and test-scale with 60 people (optional: needs java and npm)
	@MANY=60 bash tests/on_dynamodb.sh tests/races tests/scale

test-api: $(BIN)/.installed build/api/.installed ## the document as others read it: a linter, generated clients, any request (needs npm)
	$(BIN)/pytest -n 2 --dist worksteal -m api tests/api

build/api/.installed: tests/api/package.json
	@command -v npm >/dev/null || { echo "A linter and a TypeScript client come from npm (Node.js 20 or later), which is not here. Nothing was tested."; exit 1; }
	mkdir -p build/api
	cp $< build/api/
	cd build/api && npm install --no-audit --no-fund --no-package-lock --loglevel=error
	@touch $@

test-page: $(BIN)/.installed ## the citizen's page and the page that checks a draw, in headless Chromium (never downloaded)
	@$(BIN)/python -m tests.pages.chromium
	$(BIN)/pytest -m page tests/pages --ignore tests/pages/citizen
	$(BIN)/pytest -m page tests/pages/citizen  # a process has one moto, which the pages above keep to the end

pictures: $(BIN)/.installed ## the pages in pictures, into .pictures; ONLY=uang
	@$(BIN)/python -m tests.pages.pictures $(ONLY)

lighthouse: $(BIN)/.installed ## Lighthouse's scores of the citizen's home, as guest and signed in (needs npm)
	@$(BIN)/python -m bench.lighthouse

test-scale: $(BIN)/.installed ## every scheduled job with 10,000 people, killed half-way; MANY=n (needs java and npm)
	@bash tests/on_dynamodb.sh tests/scale

simulate: $(BIN)/.installed ## simulated schedules of payouts, accounts and claims with faults everywhere; FEW=1 (as CI); OF=accounts SEED=n replays one
	@$(if $(SEED),$(BIN)/python -m tests.simulation $(or $(OF),payouts) --seed $(SEED),$(BIN)/python -m tests.simulation payouts --schedules $(if $(FEW),3000,10000) && $(BIN)/python -m tests.simulation accounts --schedules $(if $(FEW),250,500) && $(BIN)/python -m tests.simulation claims --schedules $(if $(FEW),700,1600))

simulate-long: $(BIN)/.installed ## twenty times as many
	@$(BIN)/python -m tests.simulation payouts --schedules 200000
	@$(BIN)/python -m tests.simulation accounts --schedules 16000
	@$(BIN)/python -m tests.simulation claims --schedules 16000

year: $(BIN)/.installed ## a year of 26 waves and 20,000 people through the real services; PEOPLE=n SEED=n PROGRAMME=name RATES=file, BUGS=1, COVERAGE=200
	@$(BIN)/python -m tests.simulation.year $(if $(PEOPLE),--people $(PEOPLE)) $(if $(SEED),--seed $(SEED)) $(if $(PROGRAMME),--programme $(PROGRAMME)) $(if $(RATES),--rates $(RATES)) $(if $(BUGS),--bugs) $(if $(COVERAGE),--coverage $(COVERAGE))

rush: $(BIN)/.installed ## 2,000 people sign up at once on DynamoDB Local; PEOPLE=80000 (needs java and npm)
	@RUN="$(BIN)/python -m bench.rush" bash tests/on_dynamodb.sh --people $(or $(PEOPLE),2000)

conformance: $(BIN)/.installed ## the public suite of the DCI standard against the sandbox registry; SUITE=checkout (needs npm)
	@$(BIN)/python -m tests.civil_registry.conformance $(SUITE)

mutation: $(BIN)/.installed ## change the money modules in thousands of ways: the tests must notice; ONLY="rules worker"
	@$(BIN)/python -m bench.mutation $(ONLY)

check: $(BIN)/.installed ## ruff, strict mypy, import rules, cfn-lint on the stacks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m admin.deployment.package build
	AWS_DEFAULT_REGION=ap-southeast-3 $(BIN)/cfn-lint build/app-stack.json build/administration-stack.json build/data-stack.json

format: $(BIN)/.installed ## let ruff put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BIN)/.installed ## what requests, a payout, a cold start, a draw and the package cost (docs/benchmarks.md)
	$(BIN)/python -m bench.join
	$(BIN)/python -m bench.me
	$(BIN)/python -m bench.accounts
	$(BIN)/python -m bench.payout
	$(BIN)/python -m bench.registry
	$(BIN)/python -m bench.rights
	$(BIN)/python -m bench.cold --package
	$(BIN)/python -m bench.draw
	$(BIN)/python -m bench.page
	$(BIN)/python -m bench.package

clean: ## remove what the other commands made
	rm -rf .venv .venv-cloud build mutants .demo .chaos .pytest_cache .mypy_cache .ruff_cache
