# For a stranger: make demo, make test. The rest is told in CONTRIBUTING.md.
# Options go on in ARGS: make demo ARGS='--for 45 --json', make test ARGS='-k outbox'.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
export PYTHON

LOCKS := locks/build.txt locks/orchestrator.txt locks/agent.txt locks/agent-octoprint.txt

.PHONY: demo test lint bench proof lock
.SILENT:

# Only the program's own output goes to stdout.
demo: .venv/demo.installed
	exec $(BIN)/laitevuoro demo $(ARGS)

test: .venv/dev.installed
	tools/system-packages
	exec $(BIN)/pytest $(ARGS)

lint: .venv/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.installed
	tools/system-packages
	exec $(BIN)/python -m tests.benchmarks.run $(ARGS)

# The full-size tests, and the hypothesis tests with ten times the examples.
proof: .venv/dev.installed
	tools/system-packages
	exec $(BIN)/pytest --hypothesis-profile=proof --timeout=3600 -m "proof or hypothesis" $(ARGS)

lock: .venv/dev.installed
	tools/lock

.venv/demo.installed: pyproject.toml $(LOCKS) tools/install
	tools/install $(LOCKS)
	touch $@

.venv/dev.installed: .venv/demo.installed locks/dev.txt
	tools/install locks/build.txt locks/dev.txt
	touch $@
