# `make demo` and `make test` need Python 3.10 or newer and a C compiler; everything else comes from PyPI.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Folder with .tflite models for tests and benchmarks.
TINYTS_MODELS ?= $(CURDIR)/../shared/models
# Other runtimes' figures for the benchmark; left out where the file is missing.
PEERS ?= $(CURDIR)/../shared/anchors/peers.json
# Estimated cycles of CMSIS-NN's kernels, likewise.
CYCLE_PEERS ?= $(CURDIR)/../shared/anchors/cmsis_cycles.json
# Folder with .tflite models of other people for `make corpus`.
CORPUS ?= $(TINYTS_MODELS)/wild
# Processes for pytest.
JOBS ?= 2
export TINYTS_MODELS

.PHONY: help demo test lint format lit pytest slow-test all-test hostile board-test bench sram boards targets corpus corpus-part fuzz fuzz-long clean

help:
	@echo "make demo    compile a small model, run it on this machine and on an emulated Cortex-M7, compare with LiteRT"
	@echo "make test    lint, type check and run every test"
	@echo "make slow-test    the tests that make test leaves out because they take long; .ci/run runs them as well"
	@echo "make all-test     every case of every test; the others run a part of the large grids"
	@echo "make board-test  the MLPerf Tiny models as firmware in qemu-system-arm (part of make test, too)"
	@echo "make hostile  the emitted C under analysers, sanitizers and on other machines"
	@echo "make bench   measure every model in TINYTS_MODELS ($(TINYTS_MODELS)): docs/benchmark.md"
	@echo "make sram    the table in docs/sram.md"
	@echo "make boards  the table in docs/boards.md"
	@echo "make targets  every model on all emulated cores: the table in docs/targets.md"
	@echo "make corpus  compile and check every model in CORPUS ($(CORPUS)); make corpus-part: the smallest"
	@echo "make fuzz    random and extreme networks, damaged files and texts against LiteRT, random commands for the device, for longer than the tests do"
	@echo "make fuzz-long  the same for a day"
	@echo "make format  format the Python sources"
	@echo "make clean   remove the virtual environment and everything that was built"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What running a model needs, and what testing needs on top.
$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[run]'
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[run,serial,test,lint]'
	touch $@ $(VENV)/.run

demo: $(VENV)/.run
	mkdir -p build
	$(BIN)/tinyts-demo-model -o build/demo.tflite
	$(BIN)/tinyts-opt build/demo.tflite --split-tensors --emit-c -o build/demo/
	$(BIN)/tinyts-run build/demo.tflite --split-tensors --target host --check
	$(BIN)/tinyts-run build/demo.tflite --split-tensors --target cortex-m7 --check

# Checks that need one core each run side by side; pytest takes both cores.
test: $(VENV)/.test
	$(MAKE) --jobs 2 --output-sync=target lint lit
	$(MAKE) pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

lit: $(VENV)/.test
	$(BIN)/lit --verbose test

pytest: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal --quiet --ignore test/hostile -m "not slow"

slow-test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal --quiet --ignore test/hostile -m slow

# Every case: `make test` and `make slow-test` run a part of the large grids.
all-test: $(VENV)/.test
	TINYTS_ALL_TESTS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal --quiet --ignore test/hostile

# The emitted C under analysers, sanitizers and other machines, with what of them is installed.
hostile: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses $(JOBS) --quiet test/hostile

board-test: $(VENV)/.test
	$(BIN)/python -m pytest --quiet test/boards/test_mlperf_tiny.py

bench: $(VENV)/.run
	$(BIN)/python tools/benchmark.py $(TINYTS_MODELS) $(if $(wildcard $(PEERS)),--peers $(PEERS)) \
	  $(if $(wildcard $(CYCLE_PEERS)),--cycle-peers $(CYCLE_PEERS)) \
	  --json build/benchmark.json --output docs/benchmark.md
	$(BIN)/python tools/layer_limits.py build/benchmark.json --output docs/benchmark.md

sram: $(VENV)/.run
	$(BIN)/python tools/sram_table.py $(TINYTS_MODELS) --peers $(PEERS) --output docs/sram.md

boards: $(VENV)/.run
	$(BIN)/python tools/board_table.py $(TINYTS_MODELS) --output docs/boards.md

targets: $(VENV)/.run
	$(BIN)/python tools/targets_table.py $(TINYTS_MODELS) --output docs/targets.md

corpus: $(VENV)/.run
	$(BIN)/python tools/corpus.py $(CORPUS) --cortex-m7 5 -o build/corpus.tsv

# The part of it that is checked at each change.
corpus-part: $(VENV)/.run
	$(BIN)/python tools/corpus.py $(CORPUS) --smallest 36 --cortex-m7 5

fuzz: $(VENV)/.test
	$(BIN)/python tools/fuzz_networks.py --count 2000
	$(BIN)/python tools/fuzz_files.py --count 2000 --models $(TINYTS_MODELS)
	$(BIN)/python tools/fuzz_files.py --texts --count 1000
	$(BIN)/python tools/fuzz_extremes.py
	$(BIN)/python tools/fuzz_device.py --count 100000

# What a week-end has time for.
fuzz-long: $(VENV)/.test
	$(BIN)/python tools/fuzz_networks.py --count 30000 --seed 100000
	$(BIN)/python tools/fuzz_files.py --count 100000 --seed 100000 --models $(TINYTS_MODELS)
	$(BIN)/python tools/fuzz_files.py --texts --count 50000 --seed 100000
	$(BIN)/python tools/fuzz_extremes.py
	$(BIN)/python tools/fuzz_device.py --count 1000000 --seed 100000

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build
