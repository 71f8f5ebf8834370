"""The choice of a model: of a run, a study, or a search."""

import shutil
from dataclasses import replace

import pytest

from kerasclf import Experiment
from kerasclf.errors import FolderError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.loading import find_model
from kerasclf.search import Choice, Search, Space
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.trial import Trial, TrialRun
from tests.inference import conftest

study = conftest.study


@pytest.fixture
def copied(study, tmp_path):
    """A copy of the study, which a test may change."""
    return shutil.copytree(study, tmp_path / "study")


def run_of(path, name):
    return next(path.glob(f"runs/{name}-*/seed-0"))


def set_accuracies(path, **accuracies):
    for name, (validation, test) in accuracies.items():
        file = run_of(path, name) / "metrics.json"
        write_json(file, {**read_json(file), "validation_accuracy": validation, "test_accuracy": test})


def test_a_run_and_its_file_are_found(copied):
    run = run_of(copied, "long")
    for source in (run, str(run), run / "model.keras"):
        found = find_model(source)
        assert (found.path, found.run.path, found.chosen) == (run / "model.keras", run, "")


def test_the_validation_set_chooses_never_the_test_set(copied):
    set_accuracies(copied, short=(0.9, 0.1), long=(0.8, 0.99))
    about = read_json(copied / "study.json")
    for protocol in ("sound", "published"):
        write_json(copied / "study.json", {**about, "protocol": protocol})
        found = find_model(copied)
        assert found.run.path == run_of(copied, "short")
        assert found.chosen == "short, seed-0: the best experiment on the validation set"


def test_an_experiment_with_a_flaw_is_not_chosen(copied):
    set_accuracies(copied, short=(0.9, 0.1), long=(0.8, 0.99))
    about = read_json(copied / "study.json")
    lesson = {"corrected": "long", "wrong": "It is short.", "symptom": "It underfits."}
    write_json(copied / "study.json", {**about, "lessons": {"short": lesson}})
    assert find_model(copied).run.path == run_of(copied, "long")


def test_the_final_model_comes_first(copied):
    shutil.copytree(run_of(copied, "short"), copied / "refit" / "short-1" / "seed-0")
    refit = {"experiment": "short", "model": "refit/short-1/seed-0/model.keras", "images": 24, "epochs": 1, "runs": 1,
             "accuracy": 0.5}  # fmt: skip
    write_json(copied / "refit.json", refit)
    set_accuracies(copied, short=(0.8, 0.5), long=(0.9, 0.5))
    assert find_model(copied).run.path == run_of(copied, "long")  # a better experiment, found later
    set_accuracies(copied, short=(0.9, 0.5), long=(0.8, 0.5))
    found = find_model(copied)
    assert found.path == copied / refit["model"]
    assert found.chosen == "the final model, short trained on all images"
    (copied.parent / "model.keras").write_bytes(b"")
    write_json(copied / "refit.json", {**refit, "model": "../model.keras"})
    with pytest.raises(FolderError, match=r"model\.keras is missing\. Repeat the training"):
        find_model(copied)


def test_unfinished_runs_are_named(copied):
    shutil.rmtree(run_of(copied, "long"))
    assert find_model(copied).chosen == "short; 1 run of the study not finished"
    shutil.rmtree(run_of(copied, "short"))
    with pytest.raises(FolderError, match=r"holds no finished run\. Run the study 'photos' first\."):
        find_model(copied)


def test_a_search_gives_a_run_of_its_best_trial(copied, tmp_path):
    about = read_json(copied / "study.json")
    short, long = about["experiments"]["short"], about["experiments"]["long"]
    epochs = [one["train"]["epochs"] for one in (short, long)]
    folder = SearchFolder(tmp_path / "search")
    folder.claim(Search(Experiment.from_dict(short), Space({"train.epochs": Choice(*epochs)}), "grid"), {})
    with pytest.raises(FolderError, match="holds a search without a finished trial"):
        find_model(folder.path)
    for number, value in ((1, 0.6), (2, 0.5)):
        run = TrialRun(0, 0, f"{number}/seed-0", {"validation_accuracy": value, "best_epoch": 1})
        values = {"train.epochs": epochs[number - 1]}
        folder.write(Trial(number, values, values, status="completed", value=value, runs=(run,)))
    with pytest.raises(FolderError, match=r"best trial, trial 1\. Repeat its command, with --refit or"):
        find_model(folder.path)
    write_json(folder.final / "study.json", {**about, "experiments": {"base": short, "best": long}})
    for name, renamed in (("short", "base"), ("long", "best")):
        run = run_of(copied, name)
        shutil.copytree(run, folder.final / "runs" / run.parent.name.replace(name, renamed) / "seed-0")
    assert find_model(folder.path).run.path == run_of(folder.final, "base")
    folder.write(replace(folder.trial(2), value=0.7))
    assert find_model(folder.path).run.path == run_of(folder.final, "best")
    write_json(folder.final / "study.json", {**about, "experiments": {"base": short, "best": short}})
    with pytest.raises(FolderError, match="best trial, trial 2"):  # the runs of an earlier best trial
        find_model(folder.path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "which does not exist."),
        ("weights.pth", "weights of PyTorch without their network."),
        ("net.ONNX", "an ONNX model without class names."),
        ("notes.txt", "notes.txt."),
        ("empty", "which holds no model.keras."),
        ("exported", "a TensorFlow SavedModel without class names."),
    ],
)
def test_what_holds_no_model_is_refused(tmp_path, name, message):
    for file in ("weights.pth", "net.ONNX", "notes.txt"):
        (tmp_path / file).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(FolderError) as caught:
        find_model(tmp_path / name)
    start = "Expected the folder of a run, of a study or of a search, or a .keras file. Received: "
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(message)


def test_an_unfinished_run_says_so(tmp_path):
    (tmp_path / "seed-0.partial" / "checkpoints").mkdir(parents=True)
    for source in ("seed-0", "seed-0.partial"):
        with pytest.raises(FolderError, match=r"is a run that has not finished\. Repeat its command: it resumes"):
            find_model(tmp_path / source)


def test_a_folder_of_several_runs_lists_them(copied):
    with pytest.raises(FolderError) as caught:
        find_model(copied / "runs")
    expected = "Expected the folder of a run, of a study or of a search, or a .keras file"
    assert str(caught.value).splitlines() == [
        f"{expected}. {copied / 'runs'} contains 2 runs. Give one:",
        *(f"  - {run}" for run in sorted(map(str, copied.glob("runs/*/seed-0")))),
    ]


@pytest.mark.parametrize("here", [".", ""])
def test_the_current_folder_without_a_model_is_refused(monkeypatch, tmp_path, here):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FolderError, match=r"Received: \., which holds no model\.keras\."):
        find_model(here)
