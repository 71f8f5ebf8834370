"""`kerasclf course`, as a user meets it."""

import re
import subprocess
import sys

import pandas as pd
import pytest
from PIL import Image

from kerasclf.cli import main
from kerasclf.errors import KerasclfError
from kerasclf.report.course import write_course
from kerasclf.studies.exercises import EXERCISES

WINE = "\n".join(["a,b,quality", *(f"{i % 7},{i % 5},{3 + i % 6}" for i in range(200))]) + "\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The folder of two studies in the quick size, as a user runs them."""
    folder = tmp_path_factory.mktemp("course")
    main(["course", "--quick", "--only", "perceptron", "visualization", "--data", "digits", "--engine", "inline",
          "--out", str(folder / "out"), "--epochs", "1"])  # fmt: skip
    return folder / "out"


@pytest.mark.slow
def test_each_exercise_has_a_page(course):
    pages = sorted(path.name for path in (course / "report").glob("*.html"))
    assert pages == ["01-perceptron.html", "09-cnn.html", "10-visualization.html", "index.html"]
    index = (course / "report" / "index.html").read_text()
    assert index.count("not run yet") == 9
    assert 'href="01-perceptron.html"' in index
    page = (course / "report" / "10-visualization.html").read_text()
    assert all(text in page for text in EXERCISES[9].look)
    assert "its results mean nothing" in page
    assert "kerasclf study course-cnn --data digits --protocol sound" in page
    assert set(pd.read_csv(course / "report" / "summary.csv")["study"]) == {"course-perceptron", "course-cnn"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "holds exercises with size 'quick', not 'full'. Give another folder as --out."),
        (["--quick", "--protocol", "published"], "holds exercises with protocol 'sound', not 'published'."),
    ],
)
def test_pages_do_not_mix_protocols_or_sizes(course, refused, options, message):
    before = (course / "report" / "index.html").read_bytes()
    error = refused("course", "--only", "iris", "--data", "digits", "--out", str(course), *options)
    assert message in error
    assert (course / "report" / "index.html").read_bytes() == before
    assert not (course / "course-iris").exists()


@pytest.mark.slow
def test_one_file_has_all_exercises(course):
    text = (course / "report" / "report.md").read_text()
    assert text.count("\n## ") == 12
    assert text.count("Not available: not run yet") == 9
    assert " ".join(EXERCISES[9].look) in text
    assert "![The kernels of the first convolution.](10-kernels.png)" in text
    assert text.count("its results mean nothing") == 1
    assert all((course / "report" / name).is_file() for name in re.findall(r"\]\((.+?)\)", text))


@pytest.mark.slow
def test_the_figures_are_next_to_the_pages(course):
    names = {path.stem for path in (course / "report").glob("*.png")}
    assert {"01-decision", "01-curves", "09-differences", "10-kernels", "10-features", "10-attention"} <= names
    with Image.open(course / "report" / "01-decision.gif") as animation:
        assert animation.n_frames == 2  # before and after the only epoch


@pytest.mark.slow
def test_the_pages_can_be_written_again_without_tensorflow(course, tmp_path):
    (tmp_path / "course-perceptron").symlink_to(course / "course-perceptron")
    code = (
        "import sys; from kerasclf.report.course import write_course; "
        f"write_course({str(tmp_path)!r}, {str(tmp_path / 'again')!r}); sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    for name in ("01-decision.png", "01-decision.gif", "01-curves.svg"):
        assert (tmp_path / "again" / name).read_bytes() == (course / "report" / name).read_bytes()


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(KerasclfError, match="holds no finished run of the course"):
        write_course(tmp_path, tmp_path / "report")


def test_the_help_names_the_exercises_of_the_course(capsys):
    main(["course", "--help"])
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert ", ".join(exercise.name for exercise in EXERCISES) in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["course", "--only", "iriss"], "Unknown exercise 'iriss'. Did you mean 'iris'?"),
        (["course", "--data", "digits", "--only", "wine", "--wine", "/nowhere.csv", "--engine", "inline"],
         "/nowhere.csv does not exist"),
        (["study", "course-wine"], "This study comes without data. Get winequality-red.csv"),
        (["study", "course-iris", "--data", "shapes", "--protocol", "sund"], "Did you mean 'sound'?"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_the_whole_course_in_its_quick_size(protocol, tmp_path, capsys):
    (tmp_path / "wine.csv").write_text(WINE)
    paths = ["--data", "digits", "--wine", str(tmp_path / "wine.csv"), "--out", str(tmp_path / "out")]
    small = ["--image-size", "64x64", "--train-per-class", "6", "--test-per-class", "3", "--epochs", "1"]
    main(["course", "--quick", "--protocol", protocol, "--engine", "inline", *paths, *small])
    assert len(list((tmp_path / "out" / "report").glob("*.html"))) == 13
    assert "not run" not in (tmp_path / "out" / "report" / "index.html").read_text()
    if protocol == "published":
        assert "softmax" in (tmp_path / "out" / "report" / "03-iris.html").read_text()


@pytest.mark.slow
def test_missing_weights_leave_out_only_the_transfer(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.models.weights.published.find_spec", lambda name: None)  # as without PyTorch
    main(["course", "--only", "perceptron", "transfer", "--data", "digits", "--engine", "inline", "--out",
          str(tmp_path / "out"), "--epochs", "1"])  # fmt: skip
    index = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "01-perceptron.html" in index
    assert "12-transfer.html" not in index
    assert "to start from random weights" in index


def test_wrong_options_are_refused_before_any_exercise(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused("course", "--only", "transfer", "--data", "digits", "--protocol", "foo", "--engine", "inline")
    assert "Unknown protocol 'foo'" in error
    assert not list(tmp_path.iterdir())
