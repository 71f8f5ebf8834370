"""The course: its declarations, its exercises, and the whole of it in the quick form."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasclf.cli import main
from kerasclf.data import load_dataset
from kerasclf.errors import KerasclfError
from kerasclf.models import check_arguments
from kerasclf.report.course import write_course
from kerasclf.studies import STUDIES, declare
from kerasclf.studies.exercises import EXERCISES
from kerasclf.studies.illustrations import ILLUSTRATIONS, read_illustration
from kerasclf.studies.study_options import StudyOptions

COURSE = [name for name in STUDIES if name.startswith("course-")]


def test_twelve_exercises_look_at_every_study_of_the_course():
    assert [exercise.number for exercise in EXERCISES] == list(range(1, 13))
    assert list(dict.fromkeys(exercise.study for exercise in EXERCISES)) == COURSE
    assert all(len(exercise.look) == 2 and all(s.endswith(".") for s in exercise.look) for exercise in EXERCISES)
    for study, (_, experiment, _) in ILLUSTRATIONS.items():
        assert experiment in declare(study).experiments


@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_every_network_takes_its_arguments(protocol):
    for study in COURSE:
        for experiment in declare(study, protocol).experiments.values():
            check_arguments(experiment.model, dict(experiment.model_args))


def test_the_digits_are_cut_to_the_courses_sizes_only_on_their_own_data():
    own, other = (
        declare("course-digits", options=StudyOptions(data=data)).experiments["mlp_100"]
        for data in (None, "folder:mnist900")
    )
    assert (own.data, own.split.train_per_class, own.split.test_per_class) == ("mnist", 80, 10)
    assert other == own.but(data="folder:mnist900", split=own.split.but(train_per_class=None, test_per_class=None))


def test_the_flaws_of_iris_are_those_of_the_course():
    published = declare("course-iris", "published").experiments
    assert published["as_published"].data == "iris:4"
    assert set(published["as_published"].flaws) == {"statistics_of_all", "softmax_twice"}
    assert published["corrected"] == declare("course-iris", options=StudyOptions(data="iris")).experiments["corrected"]
    assert not any(e.flaws for name in COURSE for e in declare(name).experiments.values())


def test_the_folds_validate_each_image_once():
    folds = declare("course-folds", options=StudyOptions(data="digits", size="quick")).experiments.values()
    found = [load_dataset("digits", split=experiment.split) for experiment in folds]
    validating = [name for fold in found for name in fold.validation.names]
    assert len(validating) == len(set(validating)) == 400


WINE = "\n".join(["a,b,quality", *(f"{i % 7},{i % 5},{3 + i % 6}" for i in range(200))])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two studies in the quick form, as a user runs them."""
    folder = tmp_path_factory.mktemp("course")
    main(["study", "course", "--quick", "--only", "perceptron", "seen", "--data", "digits", "--engine", "inline",
          "--out", str(folder / "out"), "--epochs", "1"])  # fmt: skip
    return folder / "out"


def test_each_exercise_has_a_page(made):
    pages = sorted(path.name for path in (made / "report").glob("*.html"))
    assert pages == ["01-perceptron.html", "09-cnn.html", "10-seen.html", "index.html"]
    index = (made / "report" / "index.html").read_text()
    assert index.count("not run yet") == 9
    assert 'href="01-perceptron.html"' in index
    page = (made / "report" / "10-seen.html").read_text()
    for exercise in EXERCISES[9:10]:
        assert all(sentence in page for sentence in exercise.look)
    assert "its results mean nothing" in page
    assert "kerasclf study course-cnn --data digits --protocol sound" in page
    assert set(pd.read_csv(made / "report" / "summary.csv")["study"]) == {"course-perceptron", "course-cnn"}


def test_all_exercises_are_told_in_one_file_too(made):
    told = (made / "report" / "report.md").read_text()
    assert told.count("\n## ") == 12
    assert told.count("Not available: not run yet") == 9
    assert " ".join(EXERCISES[9].look) in told
    assert "![The kernels of the first convolution.](10-kernels.png)" in told
    assert told.count("its results mean nothing") == 1
    assert all((made / "report" / name).is_file() for name in re.findall(r"\]\((.+?)\)", told))


def test_the_figures_lie_beside_the_pages(made):
    names = {path.stem for path in (made / "report").glob("*.png")}
    assert {"01-decision", "01-curves", "09-differences", "10-kernels", "10-features", "10-attention"} <= names
    with Image.open(made / "report" / "01-decision.gif") as animation:
        assert animation.n_frames == 2  # before, and after the one epoch


def test_the_line_is_that_of_the_run(made):
    arrays, described = read_illustration(made / "course-perceptron", "decision")
    assert described["class_names"] == ["blue", "orange"]
    assert arrays["shares"].shape == (2, 60, 60)
    np.testing.assert_allclose(arrays["shares"][0], 0.5, atol=1e-7)  # some processors compute e⁻⁰ a digit off
    import keras

    (saved,) = made.glob("course-perceptron/runs/*/seed-0/model.keras")
    opinion = keras.models.load_model(saved)(arrays["points"][:, None, None])[:, 1]
    assert arrays["right"][-1] == ((np.asarray(opinion) >= 0.5) == (arrays["labels"] == 1)).mean()


def test_the_pages_can_be_written_again_without_tensorflow(made, tmp_path):
    (tmp_path / "course-perceptron").symlink_to(made / "course-perceptron")
    code = (
        "import sys; from kerasclf.report.course import write_course; "
        f"write_course({str(tmp_path)!r}, {str(tmp_path / 'again')!r}); sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    for name in ("01-decision.png", "01-decision.gif", "01-curves.svg"):
        assert (tmp_path / "again" / name).read_bytes() == (made / "report" / name).read_bytes()


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(KerasclfError, match="holds no finished run of the course"):
        write_course(tmp_path, tmp_path / "report")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["course", "--only", "iriss"], "Unknown exercise 'iriss'. Did you mean 'iris'?"),
        (["corse"], "Did you mean 'course'?"),
        (["ladder", "--wine", "x.csv"], "--wine is for kerasclf study course; here it is --data wine:PATH"),
        (["course-wine"], "This study comes without data. Get winequality-red.csv"),
        (["course", "--only", "wine", "--wine", "/nowhere.csv", "--engine", "inline"], "/nowhere.csv does not exist"),
        (["course-iris", "--data", "shapes", "--protocol", "sund"], "Did you mean 'sound'?"),
    ],
)
def test_mistakes(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["study", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_the_whole_course_in_its_quick_form(protocol, tmp_path, capsys):
    (tmp_path / "wine.csv").write_text(WINE + "\n")
    places = ["--data", "digits", "--wine", str(tmp_path / "wine.csv"), "--out", str(tmp_path / "out")]
    small = ["--image-size", "64x64", "--train-per-class", "6", "--test-per-class", "3", "--epochs", "1"]
    main(["study", "course", "--quick", "--protocol", protocol, "--engine", "inline", *places, *small])
    assert len(list((tmp_path / "out" / "report").glob("*.html"))) == 13
    assert "not run" not in (tmp_path / "out" / "report" / "index.html").read_text()
    if protocol == "published":
        assert "softmax" in (tmp_path / "out" / "report" / "03-iris.html").read_text()


@pytest.mark.slow
def test_weights_that_cannot_be_had_leave_out_the_transfer_alone(tmp_path, capsys):
    main(["study", "course", "--only", "perceptron", "transfer", "--data", "digits", "--engine", "inline", "--out",
          str(tmp_path / "out"), "--epochs", "1"])  # fmt: skip
    index = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "01-perceptron.html" in index
    assert "12-transfer.html" not in index
    assert "--weights none" in index
