"""docs/command_line.md against the code: environment variables and exit codes."""

import ast
import re
from pathlib import Path

import kerasclf
from kerasclf.machine import interruption

PACKAGE = Path(kerasclf.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "command_line.md").read_text(encoding="utf-8")
OWN = re.compile("(KERASCLF|KERASTUNER)_[A-Z_]+")


def variables_of(path):
    """Yields the names of the environment variables that a file reads or sets."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = None
        if isinstance(node, ast.Call) and node.args and re.fullmatch(r"os\.environ\.\w+", ast.unparse(node.func)):
            name = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name = node.slice
        elif isinstance(node, ast.Constant) and OWN.fullmatch(str(node.value)):  # perhaps the value of a constant
            name = node
        if isinstance(name, ast.Constant):
            yield name.value


def test_the_page_names_every_environment_variable():
    used = {name for path in PACKAGE.rglob("*.py") for name in variables_of(path)}
    table = PAGE.partition("## Environment variables")[2].partition("\n\nPython")[0]
    named = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    assert {name for cell in named for name in re.findall(r"`([A-Z0-9_]+)`", cell)} == used


def test_the_page_names_every_exit_code():
    table = PAGE.partition("## Exit codes")[2].partition("\n##")[0]
    assert re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE) == ["0", "1", "2", str(interruption._EXIT_CODE)]
    used = {node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            for path in (PACKAGE / "commands").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.exit"}  # fmt: skip
    assert used <= {1, 2}
