"""The card of a study's chosen model: measured values, recorded facts, and valid front matter whatever the names."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml

from kerasclf import Experiment, TrainConfig
from kerasclf.errors import FolderError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.loading import find_model
from kerasclf.report import read_results
from kerasclf.report.model_card import card_of, write_model_card
from kerasclf.report.statistics.intervals import accuracy_interval
from kerasclf.studies.refit import Refit
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.transfer import Transfer
from tests.inference.simulated import overconfident
from tests.report.run_folders import CLASSES, write_run


@pytest.fixture
def with_models(folder):
    """The study, in which each run has the file of a model."""
    for run in folder.path.glob("runs/*/seed-*"):
        (run / "model.keras").write_bytes(b"a model")
    return folder


def one_run(tmp_path, experiment=None, classes=CLASSES, **data):
    """A study of one run, with its model."""
    experiment, folder = experiment or Experiment(), StudyFolder(tmp_path / "one")
    folder.claim(Study("one", "One", "Why?", {"only": experiment}))
    write_run(folder, "only", experiment, 0, 0.7, classes=classes, **data)
    (folder.run("only", experiment.identity, 0).path / "model.keras").write_bytes(b"a model")
    return folder


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_lies_beside_the_model_that_predict_takes(with_models):
    path = write_model_card(with_models.path)
    assert path == find_model(with_models.path).path.with_name("MODEL_CARD.md")
    assert "runs/second-" in path.as_posix()
    assert list(with_models.path.rglob("MODEL_CARD.md")) == [path]
    read_results(with_models.path)  # the run is still whole
    before = path.read_bytes()
    assert write_model_card(with_models.path).read_bytes() == before


def test_the_front_matter_is_that_of_hugging_face(with_models):
    found = front_matter(write_model_card(with_models.path).read_text())
    assert found == {
        "license": "unknown",
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["kerasclf", "basenet"],
        "metrics": ["accuracy", "f1"],
        "model-index": [
            {
                "name": "basenet on shapes (drawn)",
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": "shapes (drawn)", "type": "imagefolder", "split": "test"},
                        "metrics": [
                            {"type": "accuracy", "name": "test accuracy", "value": 0.7},
                            {"type": "f1", "name": "test macro F1", "value": 0.7},
                        ],
                    }
                ],
            }
        ],
    }


def test_the_card_says_how_images_fill_their_size(with_models, tmp_path):
    card = write_model_card(with_models.path).read_text()
    assert re.search(
        r"^Images have \d+×\d+ pixels and three channels\. An image of another size is stretched", card, re.M
    )
    card = write_model_card(one_run(tmp_path, Experiment(fit="pad")).path).read_text()
    assert "An image of another size is scaled until this one contains it, and gets a black border." in card


def test_the_card_states_what_was_measured(with_models):
    card = write_model_card(with_models.path).read_text()
    assert "1 training, 200 validation and 30 test images" in card
    row = re.search(r"^\| accuracy \| 0\.7000 \| 0\.7500 \| 0\.(\d+)–(\S+) \|$", card, re.MULTILINE)
    assert float(f"0.{row[1]}") < 0.7 < 0.8 < float(row[2])
    assert "Intervals are those of the mean, over seeds and over images like those of the test set." in card
    assert "| as trained |" in card
    assert "The runs kept no predictions of validation images." in card
    assert re.search(r"^\| image \| label \| \d of 10 \| \d\d% \|$", card, re.MULTILINE)
    assert re.search(r"^Lowest F1: .*&lt;b&gt;: 0\.\d\d \(10 test images\)", card, re.MULTILINE)
    assert "| weights at the start: random | none needed |" in card
    assert card.count("not recorded") == 2
    assert 'model = keras.models.load_model("model.keras")' in card
    assert "# uint8, (n, 2, 2, 3)" in card


def test_a_single_run_has_the_interval_of_its_images(tmp_path):
    folder = one_run(tmp_path)
    card = write_model_card(folder.path).read_text()
    interval = accuracy_interval(np.arange(30) < 21)
    assert f"| accuracy | 0.7000 | {interval.low:.3f}–{interval.high:.3f} |" in card
    assert "A single run says nothing of other seeds" in card


def test_calibration_is_that_of_the_run(tmp_path):
    folder = one_run(tmp_path)
    found, results = find_model(folder.path), read_results(folder.path)
    labels, probabilities = overconfident(400, 1.6, 0, classes=3)
    run = replace(results.first_run, validation=(labels, probabilities))
    experiment = replace(results.experiments[0], runs=(run,))
    card = card_of(replace(results, experiments=(experiment,)), found)
    assert "| after temperature scaling |" in card
    assert re.search(r"\* Temperature: 1\.\d\d, fitted on 400 validation images", card)


def test_names_cannot_break_the_card(tmp_path):
    names = ("a: b\n---", "](http://x) | <script>", "\x1b[2J 犬 {{ 1 }}")
    folder = one_run(tmp_path, classes=names, title='x"\n---\nlicense: mit # | <b>')
    card = write_model_card(folder.path).read_text()
    assert front_matter(card)["license"] == "unknown"
    assert front_matter(card)["model-index"][0]["results"][0]["dataset"]["name"] == 'x"\n---\nlicense: mit # | <b>'
    body = card.split("\n---\n", 1)[1]
    assert "<script>" not in body and "<b>" not in body and "\x1b" not in card
    assert "\n---" not in body.replace("\n|---", "")
    assert "&lt;script&gt;" in body and "](http" not in body.replace("\\](http", "")
    assert "{{ 1 }}" in body


def test_a_final_model_has_the_metrics_of_its_recipe(with_models):
    run = find_model(with_models.path).run
    target = with_models.path / "refit" / "second-1" / "seed-0"
    shutil.copytree(run.path, target)
    described = read_json(target / "experiment.json")
    images = {"train": 231, "validation": 0, "test": 0}
    write_json(target / "experiment.json", {**described, "view": {"everything": True},
                                            "data": {**described["data"], "images": images}})  # fmt: skip
    final = Refit("second", "refit/second-1/seed-0/model.keras", 231, 2, 2, 0.75, 0.1)
    write_json(with_models.path / "refit.json", {**final.to_dict(), "description": final.sentence})
    path = write_model_card(with_models.path)
    card = path.read_text()
    assert path.parent == target
    assert "231 training, 0 validation and 0 test images" in card
    assert re.search(r"^\| accuracy \| 0\.7500 \| ", card, re.MULTILINE)
    assert "It is a final model: it was trained on all images, so none were left to test it." in card
    assert "* This very model: only runs of its recipe were tested." in card
    metric = front_matter(card)["model-index"][0]["results"][0]["metrics"][0]
    assert metric == {"type": "accuracy", "name": "test accuracy, mean over the runs of its recipe", "value": 0.75}


@pytest.mark.parametrize(
    ("experiment", "start"),
    [
        (Experiment(model="resnet18", transfer=Transfer()), "pretrained on ImageNet, as resnet18 loads them"),
        (Experiment(model="resnet18", transfer=Transfer(weights="none")), "random"),
        (Experiment(model="resnet18", transfer=Transfer(weights="/home/ann/secret/r.pth")), "the file r.pth"),
    ],
)
def test_the_weights_at_the_start_are_named_without_a_path(tmp_path, experiment, start):
    card = write_model_card(one_run(tmp_path, experiment).path).read_text()
    licence = "none needed" if start == "random" else "not recorded"
    assert f"| weights at the start: {start} | {licence} |" in card
    assert "secret" not in card


def test_flaws_are_a_warning(tmp_path):
    experiment = Experiment(flaws=("choose_on_test",), train=TrainConfig(epochs=1))
    card = write_model_card(one_run(tmp_path, experiment).path).read_text()
    assert "> It was trained with known flaws, to study them: `choose_on_test`. Do not use it." in card


def test_there_is_no_card_without_a_model_or_behind_a_link(folder, with_models, tmp_path):
    run = find_model(folder.path).run.path
    elsewhere = tmp_path / "elsewhere"
    shutil.move(run, elsewhere)
    run.symlink_to(elsewhere)
    with pytest.raises(FolderError, match="is a link to another folder"):
        write_model_card(folder.path)
    (elsewhere / "model.keras").unlink()
    with pytest.raises(FolderError, match=r"model\.keras is missing\."):
        write_model_card(folder.path)
    assert not (elsewhere / "MODEL_CARD.md").exists()


def test_a_table_is_no_image(tmp_path):
    card = write_model_card(one_run(tmp_path, image_shape=[1, 1, 4]).path).read_text()
    assert front_matter(card)["pipeline_tag"] == "tabular-classification"
    assert "# float32, (n, 1, 1, 4)" in card
    assert "kerasclf.load" not in card
