"""Experiments by name and from files."""

import json

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search.experiment_file import find_experiment
from kerasclf.studies.study_catalogue import STUDIES
from tests.search.fake import BASE


def test_an_experiment_of_a_study():
    assert find_experiment("basenet/adam_20") == STUDIES["basenet"]("sound").experiments["adam_20"]


def test_an_experiment_from_toml_and_from_a_runs_json(tmp_path):
    (tmp_path / "mine.toml").write_text('model = "basenet_deeper"\n[model_args]\ndropout = 0.1\n')
    experiment = find_experiment(str(tmp_path / "mine.toml"))
    assert (experiment.model, dict(experiment.model_args)) == ("basenet_deeper", {"dropout": 0.1})
    (tmp_path / "experiment.json").write_text(json.dumps({"experiment": BASE.to_dict(), "seed": 3}))
    assert find_experiment(str(tmp_path / "experiment.json")) == BASE


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "model =", "is not valid TOML"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[1]", r"expected its fields by name\. Received: \[1\]"),
        ("a.toml", 'modl = "basenet"', "Did you mean 'model'"),
    ],
)
def test_a_bad_file_is_explained(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(KerasclfError, match=message):
        find_experiment(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.json", "The experiment nowhere.json cannot be read"),
        ("basenett/adam_20", "Unknown search or study 'basenett'. Did you mean 'basenet'"),
        ("basenet/adam20", "Unknown experiment 'basenet/adam20'. Did you mean 'basenet/adam_20'"),
    ],
)
def test_an_unknown_name_is_explained(name, message):
    with pytest.raises(KerasclfError, match=message):
        find_experiment(name)
