# Everything a visitor types. The environment lives in .venv and is made again only when
# pyproject.toml or constraints.txt change, so the second call starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most modules that are installed are never imported: byte code is made when one is.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
    -c constraints.txt

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
	@echo "make records    measure everything in docs/results again (with -j2, about two hours on two cores)"
	@echo "make pictures   paint the studio's cards and the sheets of docs/img again"
	@echo "make readme     write the measured numbers into README.md, the model card and docs/claims.md"
	@echo "make clean      remove the environment and the caches"

demo: $(VENV)/.demo
	$(BIN)/python -m demo $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))

# One pytest run, so that its closing line is the verdict on everything. A file, a notebook too,
# stays with one worker; notebooks are longest and go first, or one worker would end alone. The
# browser is fetched while pip works.
test:
	@$(MAKE) --no-print-directory -j2 lint browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
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
	$(BIN)/python -m analysis.notebook_pictures

# After new weights: records, pictures, notebooks, readme, in this order. A study whose record is of
# these weights and this n is left out, so a run that was cut goes on. `make -j2 records` measures two
# at a time (with OMP_NUM_THREADS=1 on two cores); what takes times has the machine to itself at last.
EVALUATE = $(BIN)/python -m ediffi evaluate --n 1000 --seed 0
STUDY = $(BIN)/python -m ediffi study --out docs/results
UPSCALE = $(BIN)/python -m analysis.upscaling

EVALUATED := baseline high+baseline experts
INSISTING := experts
HELD_OUT := baseline
STUDIED := expert_seams composition embedding_ablation style_transfer guidance_tradeoff \
    prompt_switching paint_with_words painted_reach ways_to_paint configs variations attention_over_noise seam_history \
    denoising_walk expert_ranges insisting written_words lost_by_noise
ENLARGED := sr256 sr1024

RECORD_baseline := evaluation
RECORD_high+baseline := evaluation-high+baseline
RECORD_experts := evaluation-experts
N_expert_ranges := 64
N_expert_seams := 770
N_seam_history := 32
N_denoising_walk := 32
N_attention_over_noise := 24
N_paint_with_words := 64
N_painted_reach := 64
N_ways_to_paint := 64
N_insisting := 128
N_style_transfer := 90
N_composition := 256
N_written_words := 96
N_lost_by_noise := 96
N_embedding_ablation := 48
N_prompt_switching := 64
N_variations := 16
N_guidance_tradeoff := 96
N_configs := 64
N_sr256 := 64
N_sr1024 := 16

# Times with and without matrix units are two records.
BENCH = $(shell grep -q amx_tile /proc/cpuinfo 2>/dev/null && echo bench-amx || echo bench)

MEASURED := $(EVALUATED:%=evaluate-%) $(INSISTING:%=insist-%) $(HELD_OUT:%=held-out-%) $(STUDIED:%=study-%) $(ENLARGED:%=enlarge-%)
.PHONY: $(MEASURED)

$(EVALUATED:%=evaluate-%): evaluate-%: $(VENV)/.all
	$(EVALUATE) --model storybook/$* --json docs/results/$(RECORD_$*).json

$(INSISTING:%=insist-%): insist-%: $(VENV)/.all
	$(EVALUATE) --model storybook/$* --insist 0.05 --json docs/results/$(RECORD_$*)-insisting.json

$(HELD_OUT:%=held-out-%): held-out-%: $(VENV)/.all
	$(EVALUATE) --model storybook/$* --split held_out --json docs/results/$(RECORD_$*)-held-out.json

$(STUDIED:%=study-%): study-%: $(VENV)/.all
	$(STUDY) $* --n $(N_$*)

$(ENLARGED:%=enlarge-%): enlarge-%: $(VENV)/.all
	$(UPSCALE) --stage $* --n $(N_$*)

records: $(MEASURED)
	$(STUDY) inference_cost --n 128
	$(BIN)/python -m ediffi bench --json > docs/results/$(BENCH).json

pictures: $(VENV)/.all
	$(BIN)/python -m demo --paint-examples
	$(BIN)/python -m demo.front_page
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
