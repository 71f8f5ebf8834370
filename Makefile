# Everything here needs Python 3.11, 3.12 or 3.13 and make; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev
DEMO_READY := $(VENV)/.ready-demo
DOCS_READY := $(VENV)/.ready-docs
NOTEBOOKS_READY := $(VENV)/.ready-notebooks
BENCH_READY := $(VENV)/.ready-bench
BENCH_NETWORKS_READY := $(VENV)/.ready-bench-networks
# compat: Python also finds the package from the folder that holds the clone, whose name is that of the package.
PIP_OPTIONS := --quiet --disable-pip-version-check --config-settings editable_mode=compat

# The options of a study: make ladder DATA=folder:my_photos REPEATS=3 PROTOCOL=published QUICK=1
ARGS = $(if $(DATA),--data "$(DATA)") $(if $(REPEATS),--repeats $(REPEATS)) $(if $(SPLITS),--splits $(SPLITS)) \
       $(if $(PROTOCOL),--protocol $(PROTOCOL)) \
       $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED)) $(if $(OUT),--out "$(OUT)") \
       $(if $(TRAIN_PER_CLASS),--train-per-class $(TRAIN_PER_CLASS)) \
       $(if $(TEST_PER_CLASS),--test-per-class $(TEST_PER_CLASS)) $(if $(IMAGE_SIZE),--image-size $(IMAGE_SIZE)) \
       $(if $(BACKBONE),--backbone $(BACKBONE)) $(if $(WEIGHTS),--weights "$(WEIGHTS)") \
       $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(PLAN),--plan) $(if $(RETRY),--retry) $(if $(TRACK),--track $(TRACK)) \
       $(if $(REDUCED),--reduced) $(if $(ONLY),--only $(ONLY))

# The options of a search: make search-basenet MAX_TRIALS=20 MAX_TIME=2h JOBS=2 REFIT=1
SEARCH_ARGS = $(if $(DATA),--data "$(DATA)") $(if $(REPEATS),--repeats $(REPEATS)) $(if $(QUICK),--quick) \
       $(if $(SEED),--seed $(SEED)) $(if $(OUT),--out "$(OUT)") $(if $(EPOCHS),--epochs $(EPOCHS)) \
       $(if $(TRAIN_PER_CLASS),--train-per-class $(TRAIN_PER_CLASS)) \
       $(if $(TEST_PER_CLASS),--test-per-class $(TEST_PER_CLASS)) $(if $(IMAGE_SIZE),--image-size $(IMAGE_SIZE)) \
       $(if $(BACKBONE),--backbone $(BACKBONE)) $(if $(WEIGHTS),--weights "$(WEIGHTS)") \
       $(if $(JOBS),--jobs $(JOBS)) $(if $(PLAN),--plan) \
       $(if $(MAX_TRIALS),--max-trials $(MAX_TRIALS)) $(if $(MAX_TIME),--max-time $(MAX_TIME)) \
       $(if $(FINAL_REPEATS),--final-repeats $(FINAL_REPEATS)) $(if $(REFIT),--refit) $(if $(REDUCED),--reduced)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@echo "kerasclf: image-classification studies with Keras"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Studies take DATA=… REPEATS=… PROTOCOL=sound|published QUICK=1 SEED=… OUT=…"
	@echo "TRAIN_PER_CLASS=… TEST_PER_CLASS=… IMAGE_SIZE=… EPOCHS=… WEIGHTS=imagenet|FILE|FOLDER|none JOBS=… PLAN=1 RETRY=1"
	@echo "BACKBONE=NAME (another pretrained network)"
	@echo "REDUCED=1 (the version for a CPU) ONLY=\"…\" TRACK=wandb|mlflow|tensorboard;"
	@echo "searches also MAX_TRIALS=… MAX_TIME=2h FINAL_REPEATS=… REFIT=1,"
	@echo "such as"
	@echo "  make ladder DATA=folder:my_photos REPEATS=3"

.PHONY: basenet
basenet: $(READY) ## Train BaseNet with two optimizers and write the report (S1a)
	@$(BIN)/kerasclf study basenet $(ARGS)

.PHONY: ladder
ladder: $(READY) ## Go step by step from BaseNet to a deeper network with batch normalisation (S1b)
	@$(BIN)/kerasclf study ladder $(ARGS)

.PHONY: birds
birds: $(READY) ## Classify 200 bird species by the features of ResNet50 (S1c; DATA=birds:PATH)
	@$(BIN)/kerasclf study birds $(if $(ONLY),,--only features) $(ARGS)

.PHONY: birds-finetune
birds-finetune: $(READY) ## Fine-tune ResNet50 on the birds: all layers, the last stage, the last layers
	@$(BIN)/kerasclf study birds $(ARGS)

.PHONY: cifar10-dense
cifar10-dense: $(READY) ## Compare the shapes of dense nets on CIFAR-10 (S2)
	@$(BIN)/kerasclf study cifar10-dense $(ARGS)

.PHONY: cifar10-conv
cifar10-conv: $(READY) ## Compare small convnets on CIFAR-10 (S2)
	@$(BIN)/kerasclf study cifar10-conv $(ARGS)

.PHONY: cifar10-resnet50
cifar10-resnet50: $(READY) ## Compare heads, optimizers and dropout of ResNet50 on CIFAR-10 (S2; WEIGHTS=…)
	@$(BIN)/kerasclf study cifar10-resnet50 $(ARGS)

.PHONY: cifar10-side
cifar10-side: $(READY) ## Measure augmented validation images, and one seed twice (S2)
	@$(BIN)/kerasclf study cifar10-side $(ARGS)

.PHONY: art
art: $(READY) ## Compare pretrained networks, and how much of them to unfreeze (S3; DATA=folder:PATH)
	@$(BIN)/kerasclf study art $(ARGS)

.PHONY: convnext
convnext: $(READY) ## Go from ResNet-50 to ConvNeXt in seven steps, three runs each (S5)
	@$(BIN)/kerasclf study convnext $(ARGS)

.PHONY: pitfalls
pitfalls: $(READY) ## Measure the effect of each known flaw of a study
	@$(BIN)/kerasclf study pitfalls $(ARGS)

.PHONY: course
course: $(READY) ## Run twelve exercises, from the perceptron to transfer learning (S4; DATA=folder:mnist900 WINE=winequality-red.csv)
	@$(BIN)/kerasclf course $(ARGS) $(if $(WINE),--wine "$(WINE)")

.PHONY: search-basenet
search-basenet: $(READY) ## Search BaseNet's learning rate, batch size, dropout and augmentation (MAX_TRIALS=… MAX_TIME=2h)
	@$(BIN)/kerasclf search basenet $(SEARCH_ARGS)

.PHONY: search-s2
search-s2: $(READY) ## Search the learning rate, batch size and epochs of S2's ResNet50 by TPE
	@$(BIN)/kerasclf search s2 $(SEARCH_ARGS)

.PHONY: search-s4
search-s4: $(READY) ## Search the grid of 243 points of S4
	@$(BIN)/kerasclf search s4 $(SEARCH_ARGS)

.PHONY: setup
setup: $(READY) ## Install kerasclf into .venv

.PHONY: test
test: $(DEV_READY) ## Check style and types, then run the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal

.PHONY: test-slow
test-slow: $(DEV_READY) ## Run the long tests of one folder of tests/, or all for hours (TOPIC=data|models|runs|search|…)
	$(BIN)/python -m pytest -m slow $(if $(TOPIC),tests/$(TOPIC))

.PHONY: test-demo
test-demo: $(DEMO_READY) ## Test the page of kerasclf demo in headless Chromium, if there is one
	$(BIN)/python -m pytest tests/commands/test_demo.py

.PHONY: docs
docs: $(DOCS_READY) ## Build the site of the manual into site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

.PHONY: docs-serve
docs-serve: $(DOCS_READY) ## Show the site at http://127.0.0.1:8000 and build it again after each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

.PHONY: notebooks
notebooks: $(NOTEBOOKS_READY) ## Execute the lessons of notebooks/ in their quick form; KEEP=1 writes the full outputs
	$(BIN)/python -m notebooks.execute $(if $(KEEP),--keep) $(if $(QUICK),--quick) $(LESSONS)

.PHONY: pictures
pictures: $(DEMO_READY) ## Make pictures of the manual anew, with Chromium under Linux (PICTURES=study|photographs)
	$(BIN)/python -m docs.make_pictures $(PICTURES)

.PHONY: package
package: ## Build the package, install it into a clean environment and use it there (PYTHON=python3.13)
	$(PYTHON) .ci/check_package.py dist

.PHONY: bench
bench: $(BENCH_READY) ## Measure against the legacy generator and PyTorch, side by side
	$(BIN)/python -m benchmarks.augmentation
	$(BIN)/python -m benchmarks.training

.PHONY: bench-study
bench-study: $(BENCH_READY) ## Measure a whole study against itself one by one and against PyTorch
	$(BIN)/python -m benchmarks.whole_study

.PHONY: bench-jobs
bench-jobs: $(BENCH_READY) ## Measure one run with every core against one run a core
	$(BIN)/python -m benchmarks.jobs

.PHONY: bench-devices
bench-devices: $(BENCH_READY) ## Measure one process against two devices and two workers, and what they exchange
	$(BIN)/python -m benchmarks.devices

.PHONY: bench-startup
bench-startup: $(BENCH_READY) ## Measure the time from the command to the first step, and from run to run
	$(BIN)/python -m benchmarks.startup

.PHONY: bench-forecast
bench-forecast: $(BENCH_READY) ## Compare the forecast of short studies with the time that they take
	$(BIN)/python -m benchmarks.forecast

.PHONY: bench-search
bench-search: $(BENCH_READY) ## Measure 30 trials side by side against KerasTuner's own loop
	$(BIN)/python -m benchmarks.search

.PHONY: bench-transfer
bench-transfer: $(BENCH_READY) ## Measure transfer with ResNet50 and smaller networks against PyTorch
	$(BIN)/python -m benchmarks.transfer

.PHONY: bench-predict
bench-predict: $(BENCH_READY) ## Measure predictions of photographs against PyTorch with a DataLoader
	$(BIN)/python -m benchmarks.predict $(if $(DATA),--data "$(DATA)") $(if $(NETWORK),--network $(NETWORK)) $(if $(IMAGES),--images $(IMAGES))

.PHONY: bench-networks
bench-networks: $(BENCH_NETWORKS_READY) ## Measure a training step of each network against PyTorch
	$(BIN)/python -m benchmarks.networks

.PHONY: format
format: $(DEV_READY) ## Format the code and fix what can be fixed automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean: ## Remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "kerasclf needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -V). Try make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(READY): setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing kerasclf and TensorFlow into $(VENV) (once; a minute or two)"
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[openvino,optuna]"
	@touch $@

$(DEV_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[dev,ray,openvino,optuna,audit]"
	@touch $(READY) $@

$(DOCS_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[docs,openvino,optuna]"
	@touch $(READY) $@

# Not part of DEV_READY: gradio takes an older Pillow than the other tests use.
$(DEMO_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[dev,ray,openvino,optuna,audit,demo]"
	@touch $(READY) $@

$(NOTEBOOKS_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[dev,ray,openvino,optuna,audit,notebooks]"
	@touch $(READY) $(DEV_READY) $@

$(BENCH_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[bench,openvino,optuna]"
	@touch $(READY) $@

$(BENCH_NETWORKS_READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable ".[bench,bench-networks,openvino,optuna]"
	@touch $(READY) $(BENCH_READY) $@
