"""The table of a study on a console."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from kerasclf.report import read_results
from kerasclf.report.console_table import console_table


def test_the_table_shows_the_accuracies_and_the_limits_of_the_results(folder):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(console_table(read_results(folder.path)))
    printed = console.export_text()
    assert "A <small> study  data: shapes (drawn), protocol: sound" in printed
    assert "0.7500 (0.473–1.000)" in printed
    assert "(not comparable)" in printed
    assert "The published figures were measured on cifar100:25" in printed


@pytest.mark.slow
def test_the_report_command_prints_it_without_tensorflow(folder):
    code = (
        "import sys; from kerasclf.cli import main; main(['report', sys.argv[1]]); "
        "sys.exit(3 if 'tensorflow' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not comparable" in done.stdout
