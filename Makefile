# Every target here is described by the comment behind it; `make help` prints them.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's variable; a CPU build of torch may lie where it points.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow check bench base docs card lock wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv with every extra, from the pinned versions

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: setup ## build ./nt from the embedded synthetic pool, train a tiny student on it, evaluate it
	$(BIN)/nt import demo --rows 50000 --pool pool
	$(BIN)/nt build --pool pool --out nt
	@$(BIN)/python -c 'from datasets import load_dataset; row = load_dataset("nt", "strategies-10k", split="train")[0]; \
	  print("\nThe first row of strategies-10k:\n"); print(*(m["content"] for m in row["messages"]), sep="\n\n")'
	$(BIN)/accelerate launch --config_file recipes/accelerate_configs/cpu.yaml recipes/sft.py
	$(BIN)/python recipes/eval.py --model out/demo-student --data demo=pool --max-samples 60 --temperature 0 \
	  --out out/demo-results
	$(BIN)/python recipes/compare.py out/demo-results --out out/demo-report

# Each of the workers computes on one core: with more threads than cores they wait for each other.
test: setup ## run the tests (under ten minutes on two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadgroup -m "not slow"

test-slow: setup ## run the slow tests as well
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadgroup

check: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## run the benchmarks; results go into benchmarks/README.md (an hour)
	$(BIN)/python benchmarks/demo_shares.py
	$(BIN)/python benchmarks/demo_label_leak.py
	$(BIN)/python benchmarks/select_million.py
	$(BIN)/python benchmarks/teachers_million.py
	$(BIN)/python benchmarks/build_configs.py
	$(BIN)/python benchmarks/import_traces.py
	$(BIN)/python benchmarks/nested_storage.py
	$(BIN)/python benchmarks/storage.py
	$(BIN)/python benchmarks/push_release.py
	$(BIN)/python benchmarks/compare_coverage.py
	$(BIN)/python benchmarks/compare_runs.py
	$(BIN)/python benchmarks/eval_scoring.py
	$(BIN)/python benchmarks/eval_cpu.py
	$(BIN)/python benchmarks/generate_replies.py
	$(BIN)/python benchmarks/judge_pool.py

base: setup ## make the base of the demo's student again, in out/demo-base (two hours on one core)
	$(BIN)/nt import demo --rows 400000 --seed 1000 --pool out/base-pool
	$(BIN)/python recipes/demo_student/make_base.py --traces out/base-pool/traces --out out/demo-base

docs: setup ## write docs/cli.md from the parser
	$(BIN)/python docs/make_cli.py > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md

card: setup ## show the card of ./nt as the Hub would, light and dark, in out/card
	$(BIN)/python docs/render_card.py nt out/card

lock: setup ## resolve the dependencies again into requirements.lock
	@{ echo "# Names and versions of everything that 'make setup' installs. Made by 'make lock'; no addresses."; \
	   $(BIN)/uv pip compile pyproject.toml --all-extras --python-version 3.11 --upgrade --quiet \
	     --no-header --no-annotate --no-emit-index-url | sed 's/+cpu//'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock

wheel: setup ## build the wheel into dist/
	$(BIN)/uv build --wheel --quiet --out-dir dist

clean: ## remove what the targets made, but not the environment
	rm -rf pool nt out dist
