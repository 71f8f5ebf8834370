"""The results of a study in a script or a notebook, and the progress of `run_study`."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import kerasclf
from kerasclf import Experiment, FinishedStudy, Split, Study, TrainConfig, run_study
from kerasclf.data.specs import check_files
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.report import read_results, write_report
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.runs.progress import SilentRunListener
from tests.report.conftest import folder, nothing_drawn, study  # noqa: F401 - fixtures

IRIS = Experiment(data="iris", model="mlp", split=Split(validation=0.25), train=TrainConfig(epochs=2))
SMALL = Study("iris", "Iris", "Why?", {"one": IRIS})


class Told(Inline):
    """Tells of runs as if it made them."""

    def run(self, jobs, plan, listener, watch=lambda: None):
        row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5, "images_per_second": 9.0}
        for job in jobs:
            listener.began(job.title, 2, 3, [])
            listener.stepped(job.title, 0, 3)
            listener.finished_epoch(job.title, row)
            listener.finished_run(
                job.title, {"test_accuracy": 0.5, "test_loss": 1.0, "images_per_second": 9.0, "seconds": 1.0}
            )
        return {}


def test_the_table_has_the_values_of_the_report(folder, nothing_drawn, tmp_path):  # noqa: F811
    table = FinishedStudy(folder.path).table()
    assert list(table.index) == ["first", "second"]
    assert table.loc["first", "runs"] == 2
    assert table.loc["second", "test_accuracy"] == pytest.approx(0.75)
    assert table.loc["second", "test_accuracy_std"] == pytest.approx(0.0707107)
    write_report(read_results(folder.path), tmp_path / "report")
    written = pd.read_csv(tmp_path / "report" / "summary.csv").set_index("experiment")
    pd.testing.assert_frame_equal(table, written[list(table)], check_dtype=False, rtol=1e-5)


def test_a_printed_table_has_all_columns_in_the_width_of_the_terminal(folder, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "80")
    table = FinishedStudy(folder.path).table()
    printed = str(table)
    assert set(table.columns) < set(printed.split())
    assert "..." not in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert "0.07071" in printed


def test_figures_are_those_of_the_report_and_show_themselves(folder):  # noqa: F811
    finished = FinishedStudy(str(folder.path))
    curves = finished.figure("curves")
    assert [axes.get_title() for axes in curves.axes] == ["Training", "Validation", "", ""]
    assert finished.figure("confusion_second", "dark").axes[0].get_title().startswith("second: ")
    assert finished.figure("bars")._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(KerasclfError, match=r"Unknown figure 'curve'\. Did you mean 'curves'\? Known: bars, curves, "):
        finished.figure("curve")


def test_the_findings_are_those_of_the_report(folder, nothing_drawn, tmp_path):  # noqa: F811
    found = FinishedStudy(folder.path).findings()
    write_report(read_results(folder.path), tmp_path / "report")
    written = (tmp_path / "report" / "report.md").read_text()
    assert len(found) >= 2
    assert all(sentence in written for sentence in found)


def test_a_notebook_shows_the_table_with_escaped_names(folder):  # noqa: F811
    shown = FinishedStudy(folder.path)._repr_html_()
    assert "<b>A &lt;small&gt; study</b>" in shown
    assert "<th>second</th>" in shown
    assert "0.75" in shown
    assert "cifar100:25 and are not comparable." in shown


def test_the_example_of_the_readme_needs_no_files(monkeypatch):
    """Whoever pastes it has no my_photos."""
    example = re.search(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)[1]
    given = []
    monkeypatch.setattr(
        kerasclf, "run_study", lambda made, out: given.append(made) or FinishedStudy(out), raising=False
    )
    monkeypatch.setattr(FinishedStudy, "table", lambda self: self.path)
    exec(example, {})
    check_early(given[0].experiments)
    for experiment in given[0].experiments.values():
        check_files(experiment.data)


def test_a_folder_without_results_is_shown_by_its_path(tmp_path):
    empty = FinishedStudy(tmp_path)
    assert repr(empty) == f"FinishedStudy({str(tmp_path)!r})"
    assert empty._repr_html_() == f"<code>FinishedStudy(&#x27;{tmp_path}&#x27;)</code>"
    with pytest.raises(FolderError, match="holds no study"):
        empty.table()


def test_run_study_shows_its_progress_in_a_notebook_in_one_place(tmp_path, notebook, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a kernel of Jupyter
    finished = run_study(SMALL, tmp_path / "out", engine=Inline())
    assert finished == FinishedStudy(tmp_path / "out")
    assert finished.table().loc["one", "runs"] == 1
    assert {number for number, _ in notebook} == {0}
    assert "1/1" in notebook[-1][1]
    assert notebook[-1][1].startswith("<pre")
    out = capsys.readouterr().out
    assert "one  test accuracy" in out
    assert "epoch 1/2" not in out  # the table shows it
    assert "\x1b" not in out  # no table of a terminal besides it


@pytest.mark.parametrize(
    ("watched", "listener", "engine"), [(False, None, Inline()), (True, SilentRunListener(), Told())]
)
def test_run_study_is_silent_elsewhere_and_on_request(tmp_path, capsys, monkeypatch, watched, listener, engine):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: watched, raising=False)
    run_study(SMALL, tmp_path / "out", engine=engine, listener=listener)
    assert capsys.readouterr() == ("", "")


def test_run_study_shows_its_progress_in_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    run_study(SMALL, tmp_path / "out", engine=Told())
    assert "one  test accuracy" in capsys.readouterr().out
