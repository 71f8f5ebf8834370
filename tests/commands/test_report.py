"""`kerasclf report`, as a user meets it."""

import os

import pytest

from kerasclf import Experiment, Study
from kerasclf.cli import main
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import draw_nothing, write_run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "/nowhere"], "/nowhere holds no study"),
    ],
)
def test_mistakes_get_one_message_and_exit_2(refused, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused(*arguments)
    assert message in error
    assert error.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_permission_is_refused(refused, study, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert refused("report", str(study.path)).endswith(
        f"cannot be written: you have no permission to write to {study.path}. Give another --out.\n"
    )


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The folder of a study with one run, whose data is named like rich's markup. Its report has no figures."""
    draw_nothing(monkeypatch)
    folder, experiment = StudyFolder(tmp_path / "study [old] a[/b]"), Experiment()
    folder.claim(Study("small", "[red]A study[/b]", "Why?", {"one": experiment}))
    write_run(folder, "one", experiment, 0, 0.5)
    return folder


def test_a_path_and_a_title_may_look_like_markup(study, capsys):
    main(["report", str(study.path)])
    out = capsys.readouterr().out
    assert "[red]A study[/b]" in out
    assert f"report: {study.path / 'report' / 'index.html'}" in out


def test_the_model_has_a_card_beside_it_and_a_missing_model_has_none(study, capsys):
    (run,) = study.path.glob("runs/*/seed-0")
    main(["report", str(study.path)])
    assert capsys.readouterr().out.splitlines()[-1] == f"no model card: {run / 'model.keras'} is missing."
    (run / "model.keras").write_bytes(b"a model")
    main(["report", str(study.path)])
    assert capsys.readouterr().out.splitlines()[-1] == f"model card: {run / 'MODEL_CARD.md'}"
    assert "# basenet on shapes (drawn)" in (run / "MODEL_CARD.md").read_text()


def test_a_link_leads_no_report_elsewhere(study, tmp_path, refused):
    (tmp_path / "elsewhere").mkdir()
    (study.path / "report").symlink_to(tmp_path / "elsewhere")
    error = refused("report", str(study.path))
    assert f"is a link to {tmp_path / 'elsewhere'}" in error
    assert "or give another folder as --out" in error
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_study_behind_a_link_is_reported_in_its_folder(study, tmp_path):
    (tmp_path / "link").symlink_to(study.path)
    main(["report", str(tmp_path / "link")])
    assert (study.path / "report" / "index.html").is_file()


def test_a_name_of_an_experiment_is_no_path(study, tmp_path, refused):
    path = study.path / "study.json"
    held = read_json(path)
    write_json(path, {**held, "experiments": {"../../x": held["experiments"]["one"]}})
    before = set(tmp_path.rglob("*"))
    assert "expected names of letters, digits" in refused("report", str(study.path))
    assert set(tmp_path.rglob("*")) == before


def test_a_name_in_an_error_does_not_command_the_terminal(refused):
    error = refused("report", "/nowhere\x1b]0;title\x07")
    assert "\x1b" not in error
    assert r"/nowhere\x1b]0;title\x07 holds no study" in error


def test_the_table_does_not_wait_for_the_report(study, capsys, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasclf.report.write_report", fail)
    with pytest.raises(SystemExit) as ended:
        main(["report", str(study.path)])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert "│ one " in printed.out
    assert "No space left on device" in printed.err
