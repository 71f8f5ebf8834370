"""The shape of the package: one direction of imports, nothing heavy before it is needed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kerasclf

PACKAGE = Path(kerasclf.__file__).parent
ORDER = ["data", "pipeline", "models", "transfer", "training", "studies", "search", "report"]
# The models know nothing of data or batches, and the report nothing of training.
FORBIDDEN = {"models": {"data", "pipeline"}, "data": set(ORDER), "report": {"models", "transfer"}}


def imported_folders(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "kerasclf" and len(parts) > 1 and parts[1] in ORDER:
                yield parts[1]


@pytest.mark.parametrize("folder", [name for name in ORDER if (PACKAGE / name).is_dir()])
def test_imports_go_one_way(folder):
    for path in (PACKAGE / folder).rglob("*.py"):
        for used in imported_folders(path):
            assert ORDER.index(used) <= ORDER.index(folder), f"{path} imports {used}"
            assert used == folder or used not in FORBIDDEN.get(folder, set()), f"{path} imports {used}"


@pytest.mark.parametrize(
    "statement",
    [
        "import kerasclf",
        "from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig",
        "import kerasclf.cli",
        "import kerasclf.report",
        "import kerasclf.search",
        "from kerasclf.search.search_catalogue import SEARCHES; [known.make().check() for known in SEARCHES.values()]",
        "from kerasclf.report.search.search_page import write_search_report",
        "from kerasclf.studies import STUDIES; [declare('sound') for declare in STUDIES.values()]",
    ],
)
def test_tensorflow_is_not_imported_before_there_is_something_to_compute(statement):
    code = f"{statement}\nimport sys; sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_user_says_otherwise(given, found):
    name = "TF_ENABLE_ONEDNN_OPTS"
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {} if given is None else {name: given}
    code = f"import kerasclf, os; print(os.environ['{name}'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == found


def test_every_public_name_resolves():
    for name in kerasclf.__all__:
        assert getattr(kerasclf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kerasclf.nothing


def test_no_file_is_a_god_file():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path
