"""The package as it is installed: its version, its citation, the versions of Python, and the workflows."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import kerasclf
from kerasclf.citation import cite
from kerasclf.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
PYTHONS = ["3.11", "3.12", "3.13"]


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    assert kerasclf.__version__ == metadata.version("kerasclf")

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert kerasclf.__version__ == "0+unknown"


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)])
def test_another_python_is_refused_in_a_sentence(version):
    number = f"{version[0]}.{version[1]}"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.version_info = {(*version, 'final', 0)}; import kerasclf"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: kerasclf needs Python 3.11, 3.12 or 3.13. Received: Python {number}. Install one of them and "
        "start it instead."
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_refuses_another_python_in_a_sentence(tmp_path):
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\n[ $1 = -V ] && echo Python 3.10.13\n")  # anything else ends with 1
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0 and not (tmp_path / ".venv").exists()
    assert done.stdout.splitlines()[-1] == (
        f"kerasclf needs Python 3.11, 3.12 or 3.13; {old} is Python 3.10.13. Try make PYTHON=python3.12 …"
    )


def test_one_list_of_python_versions():
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert re.findall(r"Python :: (3\.\d+)", setup) == PYTHONS
    assert "python_requires = >=3.11, <3.14" in setup
    for workflow in ("test.yml", "package.yml"):
        text = (ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8")
        matrices = re.findall(r"python: \[(.*)\]", text)
        assert matrices and all(matrix == ", ".join(f'"{version}"' for version in PYTHONS) for matrix in matrices)


def test_the_citation_file_is_the_one_that_the_command_prints(capsys):
    """To update it: kerasclf cite --form cff > CITATION.cff."""
    main(["cite", "--form", "cff"])
    assert capsys.readouterr().out == (ROOT / "CITATION.cff").read_text(encoding="utf-8") == cite("cff")


def test_the_citation_names_the_installed_version(capsys):
    main(["cite"])
    text, bibtex = capsys.readouterr().out.split("\n\n")
    assert text == (
        "The kerasclf authors. kerasclf: image-classification studies with Keras. "
        f"Version {kerasclf.__version__}. License: Apache-2.0."
    )
    assert bibtex == cite("bibtex")
    assert bibtex.startswith("@software{kerasclf,\n") and bibtex.count("{") == bibtex.count("}")
    assert (
        f"  version = {{{kerasclf.__version__}}},\n" in bibtex and "  author  = {{The kerasclf authors}},\n" in bibtex
    )


def test_the_issue_form_asks_for_the_block_of_the_doctor():
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    assert "kerasclf doctor" in form and "doctor" in COMMANDS


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_character_that_the_output_lacks_is_escaped(encoding):
    """As under Windows, where the output of a command in a pipe has an encoding of few characters."""
    program = "import runpy, sys; sys.argv = ['kerasclf', 'models']; runpy.run_module('kerasclf', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, cwd=ROOT,
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert b"basenet" in done.stdout
