# Everything starts here: `make` lists what can be done. Each target first makes what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help env book html pdf epub editions latex serve test lint unit notebooks live browser chromium bubblewrap linkcheck bench mutants chapter scoreboard runs runner lab screenshots repository clean

BIN   := .venv/bin
SITE  := _build/html
EDITIONS := _build/editions
CONSTRAINTS ?= -c constraints.txt
STAMP := .venv/.made

# One thread, quiet TensorFlow, no progress bars and none of the user's own settings: the same
# outputs on every machine.
unexport MPLBACKEND
export IPYTHONDIR := $(CURDIR)/_build/ipython
export PYTHONUTF8 := 1
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export TF_ENABLE_ONEDNN_OPTS := 0
export TQDM_DISABLE := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
export JUPYTER_PLATFORM_DIRS := 1
export PYTHONHASHSEED := 0
export UV_COMPILE_BYTECODE := 1
export STRICT
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

env: $(STAMP) ## create .venv from constraints.txt (another Python: make env PYTHON=python3.12)
	@if [ -n "$(PYTHON)" ] && [ "$$($(PYTHON) -V 2>&1)" != "$$($(BIN)/python -V)" ]; then
	  echo ".venv was made with $$($(BIN)/python -V), not with $(PYTHON). Remove .venv to make it again." >&2
	  exit 1
	fi

SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

$(STAMP): pyproject.toml constraints.txt
	@python=''
	for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do
	  if $$candidate -c '$(SUPPORTED)' 2>/dev/null; then python=$$candidate; break; fi
	done
	if [ -z "$$python" ]; then
	  found=$$($(or $(PYTHON),python3) --version 2>&1 | head -n 1 || true)
	  echo "nncourse needs Python 3.11, 3.12 or 3.13; found: $$found. Name another: make env PYTHON=python3.12" >&2
	  exit 1
	fi
	$$python book/tools/make_env.py test $(CONSTRAINTS)
	touch $@

# Built from nothing each time: Sphinx repeats no warning for a page that it has cached.
JUPYTER_BOOK := rm -rf _build/.doctrees && $(BIN)/jupyter-book build . --warningiserror --keep-going --nitpick

define build
rm -rf $(SITE)
$(JUPYTER_BOOK)
echo "The book is at $(CURDIR)/$(SITE)/index.html"
endef

book: export NNCOURSE_EXECUTE := 1
book: env ## run every notebook afresh, then build the HTML
	@$(BIN)/python book/_extensions/execution.py
	$(build)

html: env ## build the HTML from the committed outputs
	@$(build)

$(SITE)/index.html: | env
	@$(build)

epub: env ## build the EPUB; the next `make html` links it
	@rm -rf _build/epub
	$(JUPYTER_BOOK) --builder custom --custom-builder epub
	mkdir -p $(EDITIONS)
	cp _build/epub/nncourse.epub $(EDITIONS)/

pdf: env ## build the PDF with LaTeX (`make latex` installs it); the next `make html` links it
	@{ command -v latexmk && command -v xelatex; } >/dev/null || { echo 'The PDF needs LaTeX. Run: make latex' >&2; exit 1; }
	rm -rf _build/latex
	$(JUPYTER_BOOK) --builder latex
	cd _build/latex
	latexmk -xelatex -interaction=nonstopmode -halt-on-error -quiet nncourse.tex >latexmk.log 2>&1 || { tail -n 40 nncourse.log; exit 1; }
	mkdir -p ../../$(EDITIONS)
	cp nncourse.pdf ../../$(EDITIONS)/

editions: epub
	@if { command -v latexmk && command -v xelatex; } >/dev/null && fc-list | grep DroidSansFallback >/dev/null; then
	  $(MAKE) --no-print-directory pdf
	else
	  echo 'No PDF: LaTeX is not installed (make latex).'
	fi

LATEX := latexmk lmodern texlive-fonts-recommended texlive-latex-extra texlive-latex-recommended texlive-xetex xindy \
  fonts-freefont-otf fonts-dejavu-core fonts-droid-fallback fontconfig

latex: ## install what the PDF needs, on Debian and Ubuntu (about 85 MB)
	@command -v apt-get >/dev/null || { echo 'There is no apt-get here. What the PDF needs, in the words of Debian: $(LATEX)' >&2; exit 1; }
	sudo=''; [ "$$(id -u)" = 0 ] || sudo='sudo -n'
	$$sudo apt-get update -q
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(LATEX)

linkcheck: env ## try every link to the outside (needs the network)
	@$(JUPYTER_BOOK) --builder linkcheck

serve: env | $(SITE)/index.html ## show the built book on http://127.0.0.1:8000 (or a free port)
	@$(BIN)/python tests/browser/serve.py

# The stages, what they run and the table at the end are in tests/suite.py.
test: env ## check everything: style, code, notebooks, book, browser (STRICT=1: leave nothing out)
	@$(BIN)/python tests/suite.py

lint: env ## … the style of code and notebooks
	@$(BIN)/python tests/suite.py lint

unit: env ## … the package, the equations and the structure of the book
	@$(BIN)/python tests/suite.py unit

notebooks: env ## … that every chapter gives the outputs that are printed
	@$(BIN)/python tests/suite.py notebooks

live: env ## … that the cells of live pages run in Pyodide (needs Node, or a wheel that brings it)
	@$(BIN)/python tests/suite.py live

browser: env | $(SITE)/index.html ## … the built book in a browser
	@$(BIN)/python tests/suite.py browser

chromium: PROGRAM := chromium
chromium: PACKAGES := chromium
bubblewrap: PROGRAM := bwrap
bubblewrap: PACKAGES := bubblewrap libseccomp2
chromium bubblewrap:
	@if command -v $(PROGRAM) >/dev/null; then exit 0; fi
	sudo=''; [ "$$(id -u)" = 0 ] || sudo='sudo -n'
	log=_build/$@.log
	mkdir -p _build
	if { command -v apt-get && $$sudo true; } >/dev/null 2>&1; then
	  echo 'Installing $@ …'
	  { $$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -q -y --no-install-recommends $(PACKAGES); } >"$$log" 2>&1 || tail -n 20 "$$log"
	fi
	if ! command -v $(PROGRAM) >/dev/null; then
	  echo '$@ is not installed, and cannot be installed from here (on Debian and Ubuntu: apt-get install $(PACKAGES)).' >&2
	  exit 1
	fi

runner: env ## write the notebooks as Colab, Binder and JupyterLab get them: _build/runner
	@$(BIN)/python book/tools/run_branch.py _build/runner
	echo "The notebooks to run are in $(CURDIR)/_build/runner"

lab: runner ## … and open them in JupyterLab
	@$(BIN)/python -m jupyterlab _build/runner/book

screenshots: env chromium | $(SITE)/index.html ## photograph every page, wide and narrow, light and dark
	@$(BIN)/python tests/browser/screenshots.py _build/screenshots

bench: env ## time nncourse beside its peers (a quarter of an hour); SAVE=1 keeps the results for the book
	@$(BIN)/python -c 'import torch, mygrad' 2>/dev/null || $(BIN)/python book/tools/make_env.py bench $(CONSTRAINTS)
	$(BIN)/python benchmarks/_all.py $(if $(SAVE),--save)
	$(if $(SAVE),$(BIN)/python book/tools/draw_speed.py)

mutants: env ## change the package's code in 200 places, one at a time: do its tests notice? (hours)
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/python book/tools/make_env.py mutants $(CONSTRAINTS)
	$(BIN)/python tests/mutants/run.py $(or $(SAMPLE),200) $(or $(SEED),1)

chapter: env ## run a chapter and keep its outputs: make chapter NAME=04_backpropagation
	@$(BIN)/python book/tools/run_chapter.py $(NAME)

scoreboard: env ## train the networks of the scoreboard, five seeds each (about an hour): make scoreboard ROWS="4 5"
	@$(BIN)/python book/tools/scoreboard.py $(ROWS)

runs: env ## repeat the chapters' experiments with other seeds (hours): make runs NAME=08_depth
	@$(BIN)/python book/tools/runs.py $(NAME)

repository: env ## write a fork's address everywhere: make repository URL=https://github.com/you/fork
	@$(BIN)/python book/tools/repository.py '$(URL)'

clean: ## remove what was built (.venv stays)
	rm -rf _build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
