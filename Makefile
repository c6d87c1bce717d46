# Everything a visitor types. The environment lives in .venv and is made again only when
# pyproject.toml or constraints.txt change, so the second call starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Where `make demo` listens: on this machine, at the first free port from 7860, unless said.
HOST ?=
PORT ?=

# Processes that share the tests, each with one thread.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test lab lint format notebooks records pictures readme browser clean

help:
	@echo "make demo       open the studio at a printed local address"
	@echo "make test       lint, types, tests, browser test and notebooks"
	@echo "make lab        open the notebooks in JupyterLab"
	@echo "make lint       ruff and pyright only"
	@echo "make format     let ruff rewrite the files"
	@echo "make notebooks  run every notebook again and store what it shows"
	@echo "make records    measure everything in docs/results again (an hour and a half on two cores)"
	@echo "make pictures   paint the studio's cards and the sheets of docs/img again"
	@echo "make readme     write the measured numbers into README.md, the model card and docs/claims.md"
	@echo "make clean      remove the environment and the caches"

demo: $(VENV)/.demo
	$(BIN)/python -m demo $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

# One pytest run, so that its closing line is the verdict on everything. A file, a notebook too,
# stays with one worker.
test: lint browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
	    --nbval-lax --nbval-current-env --nbval-cell-timeout=120

lab: $(VENV)/.all
	$(BIN)/jupyter lab notebooks

lint: $(VENV)/.all
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(VENV)/.all
	$(BIN)/python -m analysis.notebooks notebooks

# After new weights: records, pictures, notebooks, readme, in this order. A study whose record is of
# these weights and this n is left out.
EVALUATE = $(BIN)/python -m ediffi evaluate --n 1000 --seed 0
STUDY = $(BIN)/python -m ediffi study --out docs/results

records: $(VENV)/.all
	$(EVALUATE) --model storybook/baseline --json docs/results/evaluation.json
	$(EVALUATE) --model storybook/experts --json docs/results/evaluation-experts.json
	$(STUDY) expert_ranges --n 64
	$(STUDY) expert_seams --n 770
	$(STUDY) seam_history --n 32
	$(STUDY) denoising_walk --n 32
	$(STUDY) attention_over_noise --n 24
	$(STUDY) paint_with_words --n 64
	$(STUDY) style_transfer --n 90
	$(STUDY) composition --n 256
	$(STUDY) embedding_ablation --n 48
	$(STUDY) prompt_switching --n 64
	$(STUDY) variations --n 16
	$(STUDY) guidance_tradeoff --n 48
	$(STUDY) configs --n 64
	$(STUDY) inference_cost --n 16
	$(BIN)/python -m analysis.upscaling --stage sr256 --n 64
	$(BIN)/python -m analysis.upscaling --stage sr1024 --n 16
	$(BIN)/python -m ediffi bench --json > docs/results/bench-amx.json

pictures: $(VENV)/.all
	$(BIN)/python -m demo --paint-examples
	$(BIN)/python -m analysis.cascade_sheet --n 4

readme: $(VENV)/.all
	$(BIN)/python -m analysis.results --readme

# The browser test needs a Chromium. As root on Debian or Ubuntu it is installed; elsewhere the
# test fails and says what to do. It is never skipped.
browser:
	@if [ -z "$$CHROMIUM" ] && ! command -v chromium >/dev/null && \
	    ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "installing Chromium for the browser test"; \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	            --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	    else \
	        echo "no Chromium found: install it, or set CHROMIUM to its path" >&2; \
	    fi; \
	fi

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist ediffi.egg-info

# --- the environment -------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "could not make $(VENV); Debian has it in python3-venv" >&2; exit 1; }

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the studio needs (torch is large: a few minutes)"
	$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what studio, notebooks, training and tests need (torch is large)"
	$(INSTALL) -e '.[demo,notebooks,test,training]'
	@touch $@ $(VENV)/.demo
