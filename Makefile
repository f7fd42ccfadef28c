# `make` sets everything up and runs the default study; `make test` runs the tests. Needs Python >= 3.11 and make.
PYTHON ?= python3
VENV   ?= .venv
CORES  ?= all
# TORCH_INDEX: where pip finds torch. On Linux the usual index's newest build brings several GB of CUDA libraries;
# a machine without a GPU takes the CPU build with: make TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
BIN := $(VENV)/bin
RUN := $(BIN)/snakemake --cores $(CORES)
# the code of this folder, whichever environment VENV names
export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: all setup study report test test-slurm fuzz bench bench-scale lint clean-journal planted-full simulations

all: report

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python >= 3.11 is needed, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

study: setup
	$(RUN) --quiet rules

# the run's own figures, tables and claims in one HTML file
report: study
	$(RUN) --report results/planted/report.html
	@$(BIN)/python -m shared_affect.show results/planted

# WORKERS test files at a time, each with about 2 GB; WORKERS=0 for one after the other
WORKERS ?= 2
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# broken configurations and tables, twenty times as many as in `make test` and others each time: a quarter of an hour
fuzz: setup
	OMP_NUM_THREADS=1 SHARED_AFFECT_FUZZ=20 $(BIN)/python -m pytest tests/unit/test_fuzz.py
# On a SLURM cluster of two nodes that the tests make on this machine (docs/cluster.md): root, Debian's packages, half an
# hour. The plugin gets an environment of its own upon the other: where SLURM does not run it slows every call.
test-slurm: setup
	$(BIN)/python -m venv $(VENV)/slurm
	below=$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])'); \
	  echo "$$below" > "$$($(VENV)/slurm/bin/python -c 'import site; print(site.getsitepackages()[0])')/below.pth"
	$(VENV)/slurm/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'snakemake-executor-plugin-slurm>=2.8'
	OMP_NUM_THREADS=1 SHARED_AFFECT_TEST_SLURM=1 $(VENV)/slurm/bin/python -m pytest -p no:cacheprovider -rs -s tests/workflow/test_slurm.py

bench: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m shared_affect.tools.bench all

# time, memory and disk of every stage behind extraction at 25,000 words and 131,072 features: two hours, 5 GB
bench-scale: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m shared_affect.tools.bench_scale results/bench-scale

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy

# every negative control over root seeds 0-9, and steering: hours, resumable (docs/planted.md)
planted-full: setup
	for seed in 0 1 2 3 4 5 6 7 8 9; do \
	  $(RUN) --configfile studies/planted-full.yaml --config root_seed=$$seed study=planted-full-$$seed || exit 1; done
	$(BIN)/python -m shared_affect.many_seeds --save docs/runs --out docs/planted-full-numbers.md $(foreach seed,0 1 2 3 4 5 6 7 8 9,results/planted-full-$(seed))

# level, coverage and power of the study's statistics on simulated data: hours; writes docs/methods.md
simulations: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m shared_affect.simulations

clean-journal:
	rm -rf resources/journal

# kills runs at random moments, fills disks and the like, and compares every byte: an hour; as root where disks are
# to be mounted. FAULT_SEED=n repeats the moments of an earlier one
.PHONY: test-faults
test-faults: setup
	FAULTS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -s tests/faults tests/workflow/test_lexicon_study.py
