"""The structure of the package: one direction of imports, no circles, unique file names, nothing heavy too early."""

import ast
import importlib
import os
import re
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kerasclf

PACKAGE = Path(kerasclf.__file__).parent
# Each folder may import from those before it.
ORDER = (
    "files machine data pipeline networks models transfer training runs inference audit studies search loading report "
    "evaluation looks explained_study finished_study commands cli"
).split()
FOLDERS = [name for name in ORDER if (PACKAGE / name).is_dir()]
# A method of a class far below, which computes a report.
UPWARD = {("kerasclf.inference.trained_model", "kerasclf.evaluation")}
# Models do not depend on data, and the report does not depend on networks.
FORBIDDEN = {"models": {"data", "pipeline"}, "report": {"models", "transfer"}}

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports_of(path):
    """Yields the modules of the package that a file imports anywhere, also under TYPE_CHECKING and in functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name in MODULES)


def folder_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ORDER else None


@pytest.mark.parametrize("folder", ORDER)
def test_imports_go_one_way(folder):
    members = {module: path for module, path in MODULES.items() if folder_of(module) == folder}
    assert members
    for module, path in members.items():
        for name in imports_of(path):
            used = folder_of(name)
            if used is None or (module, name) in UPWARD:
                continue
            assert ORDER.index(used) <= ORDER.index(folder), f"{path} imports {used}"
            assert used == folder or used not in FORBIDDEN.get(folder, set()), f"{path} imports {used}"


def test_what_all_folders_share_imports_from_none_of_them():
    """Modules of the package's root that are not in the order stand below all folders."""
    shared = [name for name in MODULES if name.count(".") == 1 and folder_of(name) is None]
    for module in {*shared} - {"kerasclf", "kerasclf.__main__"}:
        assert not [used for used in imports_of(MODULES[module]) if folder_of(used)], module


def test_the_guide_lists_every_folder():
    """Those of the first level in the order of imports, and those below them in the row of their folder."""
    guide = PACKAGE.parent.joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `kerasclf/(\w+)` \| (.*) \|$", guide, re.MULTILINE))
    assert list(rows) == FOLDERS
    for folder, content in rows.items():
        below = {path.parent.name for path in PACKAGE.joinpath(folder).glob("*/*.py")}
        assert {name for name in below if f"`{name}/`" not in content} == set(), folder


def test_there_is_no_import_circle():
    graph = {module: {used for used in imports_of(path) if used != module} for module, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)  # raises CycleError


def test_no_two_files_have_one_name():
    """Commands are named after subcommands, and declared studies and searches after the published study."""
    names = Counter(
        path.name
        for path in MODULES.values()
        if path.name != "__init__.py" and not {"commands", "declared"} & {*path.relative_to(PACKAGE).parts}
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_tensorflow_is_not_imported_before_there_is_something_to_compute():
    """One process runs all statements: whatever imports TensorFlow first is named."""
    statements = [
        "import kerasclf",
        "from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig",
        "from kerasclf import FinishedStudy, run_study",
        "from kerasclf import load",
        "import kerasclf.cli",
        "import kerasclf.report",
        "from kerasclf.inference.calibration import abstention, calibration, conformal",
        "import kerasclf.evaluation",
        "import kerasclf.search",
        "from kerasclf.search.search_catalogue import SEARCHES; [known.make().check() for known in SEARCHES.values()]",
        "from kerasclf.report.search.search_page import write_search_report",
        "from kerasclf.studies import STUDIES; [declare('sound') for declare in STUDIES.values()]",
    ]
    code = f"""
import sys
for statement in {statements!r}:
    exec(statement, {{}})
    if found := {{"tensorflow", "keras", "torch"}} & {{*sys.modules}}:
        sys.exit(f"{{statement}} imports {{found}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("TF_ENABLE_ONEDNN_OPTS", None, "1"),
        ("TF_ENABLE_ONEDNN_OPTS", "0", "0"),
        ("TF_FORCE_GPU_ALLOW_GROWTH", None, "true"),
        ("TF_FORCE_GPU_ALLOW_GROWTH", "false", "false"),
    ],
)
def test_tensorflow_is_set_up_unless_the_user_says_otherwise(name, given, found):
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


def test_no_call_gives_more_than_six_arguments_by_their_position():
    """A row of a table has as many cells as the table has columns."""
    for path in MODULES.values():
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            is_row = isinstance(call.func, ast.Attribute) and call.func.attr == "add_row"
            assert len(call.args) <= 6 or is_row, f"{path}:{call.lineno} {ast.unparse(call.func)}"


def test_no_file_is_a_god_file():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path


def test_code_in_strings_of_the_tests_imports_what_exists():
    """Other processes execute such code, often in slow tests, where a module that was renamed shows late."""
    imports = re.compile(r"from (kerasclf[\w.]*) import (\w+(?:, *\w+)*)")
    found = {
        (module, name.strip())
        for path in Path(__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for module, names in imports.findall(node.value)
        for name in names.split(",")
    }
    assert len(found) > 20
    missing = {
        f"{module}.{name}"
        for module, name in found
        if f"{module}.{name}" not in MODULES and not hasattr(importlib.import_module(module), name)
    }
    assert not missing
