# A virtual environment with pinned versions: what runs need, and for tests all else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
	--constraint constraints.txt --editable

.PHONY: search test check format docs clean

search: $(VENV)/ready
	$(BIN)/python main.py --config=configs/digits.py --workdir=runs/digits

test: $(VENV)/ready_dev
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/ready_dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready_dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Pages into site/; a warning is an error, and nothing is fetched.
docs: $(VENV)/ready_docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	@touch $@

# Compiled here, or a warning of a compiler would be an error of the test that imports.
$(VENV)/ready_dev: $(VENV)/ready
	$(INSTALL) '.[dev]'
	-@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
	@touch $@

$(VENV)/ready_docs: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		--constraint constraints.txt --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) runs site
