# A virtual environment with pinned versions: what runs need, of which all is listed and
# nothing resolved; and for tests all else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

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

$(VENV)/ready: pyproject.toml constraints.txt requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Compiled here, or a warning of a compiler would be an error of the test that imports;
# but for the tests of packages, a quarter of them, which nobody runs.
$(VENV)/ready_dev: $(VENV)/ready
	$(PIP) --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	-@$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(VENV)/lib
	@touch $@

$(VENV)/ready_docs: $(VENV)/ready
	$(PIP) --constraint constraints.txt --no-build-isolation --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) runs site
