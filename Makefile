# `make` lists the commands. Each sets up what it needs.
PYTHON ?= $(or $(shell command -v python3.11),python3)
UV = .tools/bin/uv
BIN = .venv/bin

.DEFAULT_GOAL = help
.DELETE_ON_ERROR:

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

chat: setup ## talk to the assistant in this terminal
	@$(BIN)/python -m bot chat

run: setup ## answer in Telegram (set BICIULIS_TELEGRAM_TOKEN)
	@$(BIN)/python -m bot run

trial: setup ## try it as on many machines, with kills by hand (WORKERS=2 RECEIVERS=2 RASA=2)
	@$(BIN)/python -m tests.trial --workers $(or $(WORKERS),2) --receivers $(or $(RECEIVERS),2) --rasa $(or $(RASA),2)

train: setup ## build the language model
	@$(BIN)/python -m bot train

evaluate: setup ## measure the model on messages that it never learned from
	@$(BIN)/python -m nlu.evaluation

bench: setup ## measure model and bot beside Rasa's default and a plain bot (an hour, on a quiet machine)
	@$(BIN)/python -m nlu.benchmark --examples 4
	@$(BIN)/python -m tests.load.bench

soak: setup ## kill everything in turn while people write: nothing may be lost (SECONDS=600)
	@$(BIN)/python -m tests.load.soak --seconds $(or $(SECONDS),600)

test: setup ## everything that CI checks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports
	@$(BIN)/python -m responses check
	@$(BIN)/python -m bot train
	@$(BIN)/pytest --cov --cov-report=term

texts: setup ## collect the interface's texts for translators
	@$(BIN)/pybabel -q extract -F babel.cfg --no-location --sort-output --no-wrap -o locales/messages.pot .
	@for language in $$(ls -d locales/*/ | xargs -n1 basename | grep -v __); do \
	  $(BIN)/pybabel -q update -D messages -i locales/messages.pot -d locales -l $$language --no-wrap --no-fuzzy-matching --ignore-pot-creation-date; done

content: setup ## show what editing the content files changed, and publish it
	@$(BIN)/python -m responses import

migrate: setup ## bring the database up to date; with m="what changed" write a new migration
	@$(BIN)/python -m bot migrate "$(m)"

pin: $(UV) ## pin the requirements again
	@for name in app dev nlu uv; do $(UV) pip compile -q --upgrade requirements/$$name.in -o requirements/$$name.txt \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header; done

clean: ## take the environments, the model and the local data away
	rm -rf .venv .venv-nlu .tools var

setup: .venv/ready .venv-nlu/ready

# uv builds both environments from pinned, hashed files, and brings Python 3.11 where it is missing.
$(UV): requirements/uv.txt
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/ready: requirements/dev.txt | $(UV)
	@$(UV) venv -q --clear --python 3.11 .venv
	@$(UV) pip install --compile-bytecode --require-hashes --no-deps --python .venv -r requirements/dev.txt
	@touch $@

.venv-nlu/ready: requirements/nlu.txt | $(UV)
	@$(UV) venv -q --clear --python 3.11 .venv-nlu
	@$(UV) pip install --compile-bytecode --require-hashes --no-deps --python .venv-nlu -r requirements/nlu.txt
	@touch $@

.PHONY: help chat run trial train evaluate bench soak test texts content migrate pin clean setup
