# Everything on a fresh machine: `make up` and `make test`. What each does is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help up down sign-in test soak bench lint web image

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Set up, build what is missing, start, and print the sign-in address (DEMO=1: with a scripted model, no key)
	@scripts/up.sh

down: ## Stop everything; the data stays
	@scripts/down.sh

sign-in: ## Print a fresh sign-in address
	@scripts/sign-in.sh

test: ## Set up, then run every check and every test
	@scripts/test.sh

soak: ## The long proofs: a million simulated runs, 200 random kills, fuzzing (RUNS=, KILLS=, FUZZ_SECONDS=)
	@scripts/soak.sh

bench: ## Measure Atelier beside floors of the same run (ONLY=events,turn: these subjects alone)
	@scripts/bench.sh

lint: ## The checks that need nothing running
	@scripts/lint.sh

web: ## Build the page
	@scripts/web.sh

image: ## Build the workspace image
	@scripts/build.sh workspace-agent && scripts/image.sh
