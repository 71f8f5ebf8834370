"""Damaged and hostile files of every format that is read: only `KerasclfError` comes out."""

import importlib.util
import io
import json
import os
import shutil
import zipfile
from collections import defaultdict
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from safetensors.numpy import save_file

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.commands import cache as cache_command
from kerasclf.commands import show as show_command
from kerasclf.data.dataset import SETS
from kerasclf.data.earlier_sets import read_earlier_sets
from kerasclf.data.pixels.decode import read_header, read_image
from kerasclf.errors import KerasclfError
from kerasclf.files.arrays import write_arrays
from kerasclf.files.csv_files import csv_text
from kerasclf.files.reading import file_digest
from kerasclf.files.writing import write_json
from kerasclf.models.weights.keras_files import read_keras_file
from kerasclf.models.weights.torch_files import read_torch_file
from kerasclf.models.weights.torch_weights import classes_of
from kerasclf.report import course, read_results, write_report
from kerasclf.report.console_table import console_table
from kerasclf.report.search import search_page
from kerasclf.report.search.search_console import search_table
from kerasclf.runs.examples import write_examples
from kerasclf.runs.inputs import RunInputs, check_inputs
from kerasclf.runs.run_folder import DESCRIPTION, EXAMPLES, RunFolder
from kerasclf.search import Budget, Search, Space, run_search
from kerasclf.search.experiment_file import read_experiment
from kerasclf.search.search_results import read_search
from kerasclf.search.spaces.space_file import read_space
from kerasclf.studies import Published
from kerasclf.studies.exercises import EXERCISES
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training.resuming.checkpoints import Checkpoint, latest_checkpoint, write_checkpoint
from kerasclf.transfer.cache import cached
from kerasclf.values import digest_of
from tests.conftest import make_subset
from tests.damage import damaged_bytes, damaged_json, damaged_table, names
from tests.report.run_folders import BEFORE_CLASSES, draw_nothing, write_run
from tests.search.fake import BASE, SPACE, FakeEngine

FEW = 5
# The slow tests try so many examples of each format.
MANY = int(os.environ.get("KERASCLF_FUZZ", "400"))
both_sizes = pytest.mark.parametrize(
    "examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"]
)  # fmt: skip

TOML_SPACE = b"""["train.learning_rate"]
float = [1e-3, 1e-1]
log = true
[train]
batch_size = { choice = [32, 64, 128] }
epochs = { int = [10, 100], step = 5 }
[augmentation]
horizontal_flip = { boolean = true }
"""
TOML_EXPERIMENT = b"""data = "shapes"
model = "basenet"
image_size = [32, 32]
[model_args]
dropout = 0.5
[train]
epochs = 3
learning_rate = 0.1
schedule = { name = "cosine" }
"""


def tried(examples):
    """Settings of a test with so many examples, the same ones every time."""
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def only_our_errors(read):
    """Calls a function. An error for the user is right, if its message can be printed; any other fails the test."""
    try:
        read()
    except KerasclfError as error:
        str(error).encode()
        assert len(str(error)) < 20_000


def fuzz(read, path, damaged, examples):
    """Calls `read` for many damaged versions of a file, and restores it."""
    original = path.read_bytes()

    @tried(examples)
    @given(damaged(original))
    def check(content):
        path.write_bytes(content)
        only_our_errors(read)

    try:
        check()
    finally:
        path.write_bytes(original)


# Studies and their runs


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The folder of a study with four finished runs."""
    folder = StudyFolder(tmp_path_factory.mktemp("fuzz") / "study")
    experiments = {"first": Experiment(), "second": Experiment(train=TrainConfig(epochs=2))}
    question = Study("small", "A study", "Why?", experiments, published={"first": Published(0.5, 1.25)}, seeds=(0, 1))
    folder.claim(replace(question, published_data="cifar100:25", notes=("A note.",)))
    for name, experiment in experiments.items():
        for seed in (0, 1):
            write_run(folder, name, experiment, seed, 0.5)
            run = folder.run(name, experiment.identity, seed)
            write_examples(run.path / EXAMPLES, make_subset(30, shape=(8, 8, 3)), run.predictions()[1])
            reseal(run.path)
    return folder


@pytest.fixture
def run(study):
    return study.run("first", Experiment().identity, 0)


def reseal(run):
    """Writes the digests of a run's files, as a stranger would after changing one."""
    description = json.loads((run / DESCRIPTION).read_text())
    description["files"] = {path.name: file_digest(path) for path in run.iterdir() if path.name != DESCRIPTION}
    (run / DESCRIPTION).write_text(json.dumps(description))


def make_report(folder):
    """Reads a study, and writes and prints its report."""
    results = read_results(folder.path)
    write_report(results, folder.path / "report")
    Console(file=io.StringIO()).print(console_table(results))


@pytest.fixture
def without_figures(monkeypatch):
    """Leaves out the figures of a report, which take seconds."""
    draw_nothing(monkeypatch)
    monkeypatch.setattr(search_page, "themed_figure", lambda draw, path: defaultdict(str))


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
@pytest.mark.parametrize("name", ["study.json", "experiment.json"])
def test_descriptions_of_a_study(study, run, without_figures, name, damaged, examples):
    path = study.path / name if name == "study.json" else run.path / name
    fuzz(lambda: make_report(study), path, damaged, examples)


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
def test_the_final_model_of_a_study(study, without_figures, damaged, examples):
    path = study.path / "refit.json"
    write_json(path, {"experiment": "first", "model": "refit/model.keras", "images": 99, "epochs": 2, "runs": 2,
                      "accuracy": 0.5, "spread": 0.1, "description": "all images"})  # fmt: skip
    fuzz(lambda: make_report(study), path, damaged, examples)
    path.unlink()


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
def test_the_images_of_an_earlier_study(tmp_path, damaged, examples):
    path = tmp_path / "data-01234567.json"
    content = {"spec": "folder:x", "class_names": ["a", "b"], "sets": {name: [] for name in SETS}}
    keys = {name: [name * 8] for name in SETS}
    write_json(path, {**content, "hash": digest_of(content), "keys": keys})
    assert read_earlier_sets(path).set_of == {name * 8: name for name in SETS}
    fuzz(lambda: read_earlier_sets(path), path, damaged, examples)


@both_sizes
@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        *((name, damaged_json) for name in ("metrics.json", "environment.json")),
        *((name, damaged_table) for name in ("history.csv", "predictions.csv")),
        *((name, damaged_bytes) for name in ("metrics.json", "history.csv", "predictions.csv", EXAMPLES)),
    ],
)
def test_files_of_a_run(study, run, without_figures, name, damaged, examples):
    def read():
        reseal(run.path)
        make_report(study)

    fuzz(read, run.path / name, damaged, examples)
    reseal(run.path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damaged"),
    [("study.json", damaged_json), ("metrics.json", damaged_json), ("history.csv", damaged_table),
     ("predictions.csv", damaged_table)],
)  # fmt: skip
def test_reports_with_their_figures(study, run, name, damaged):
    def read():
        reseal(run.path)
        make_report(study)

    fuzz(read, study.path / name if name == "study.json" else run.path / name, damaged, max(10, MANY // 10))
    reseal(run.path)


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
def test_files_of_an_interrupted_run(tmp_path, damaged, examples):
    run = RunFolder(tmp_path / "seed-0")
    run.note_failure("The loss is nan.")
    fuzz(lambda: run.failure, run.partial / "failed.json", damaged, examples)
    inputs = run.partial / "inputs.json"
    write_json(inputs, {"manifest": "abc", "weights": None, "threads": 2})
    fuzz(lambda: check_inputs(run, Experiment(), RunInputs("abc")), inputs, damaged, examples)


@both_sizes
def test_checkpoints(tmp_path, examples):
    write_checkpoint(tmp_path, Checkpoint(1, {"w": np.zeros((2, 3))}, {"rows": []}))
    fuzz(lambda: latest_checkpoint(tmp_path, str), tmp_path / "epoch-00001.npz", damaged_bytes, examples)


@both_sizes
@pytest.mark.parametrize("kind", ["decision", "visualization"])
def test_illustrations(tmp_path, kind, examples):
    rng, path = np.random.default_rng(0), tmp_path / f"{kind}.npz"
    arrays = {
        "decision": {"points": rng.normal(size=(6, 2)), "labels": np.arange(6) % 2, "x": np.arange(4.0),
                     "y": np.arange(3.0), "shares": rng.random((2, 3, 4)), "right": np.array([0.5, 1.0])},
        "visualization": {"image": rng.integers(0, 256, (8, 8, 3), np.uint8), "kernels": rng.normal(size=(3, 3, 3, 2)),
                          "heat": rng.random((2, 2)), "maps/conv": rng.random((4, 4, 2))},
    }  # fmt: skip
    described = {"decision": {"class_names": ["a", "b"]},
                 "visualization": {"kernels": "conv", "layers": [["conv", ""]], "attention": "cat"}}  # fmt: skip
    with path.open("wb") as file:
        write_arrays(file, arrays[kind], described[kind])
    figures = {"decision": ["decision"], "visualization": ["kernels", "features", "attention"]}[kind]
    exercise = course._ExerciseResults(EXERCISES[0], None, tmp_path, "")

    def read():
        for name in figures:
            draw = course._draw(name, exercise, None)
            if draw is not None and examples > FEW:
                draw("light").savefig(io.BytesIO(), format="png", dpi=20)

    fuzz(read, path, damaged_bytes, examples)


# Searches


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """The folder of a search with eight trials."""
    folder = tmp_path_factory.mktemp("fuzz") / "search"
    run_search(Search(BASE, Space(SPACE), median=True), folder, Budget(8), engine=FakeEngine())
    write_json(folder / "refit.json", {"trial": 1, "model": "m.keras", "experiment": {},
                                       "metrics": {"test_accuracy": 0.5, "test_loss": 1.0}})  # fmt: skip
    return folder


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
@pytest.mark.parametrize("name", ["search.json", "trials/00003.json", "clock.json", "refit.json"])
def test_files_of_a_search(search, without_figures, name, damaged, examples):
    def read():
        results = read_search(search)
        search_page.write_search_report(results, search / "report")
        Console(file=io.StringIO()).print(search_table(results))

    fuzz(read, search / name, damaged, examples)


@both_sizes
@pytest.mark.parametrize("content", [TOML_SPACE, TOML_EXPERIMENT])
def test_toml_files(tmp_path, content, examples):
    path = tmp_path / "file.toml"
    path.write_bytes(content)
    read = {TOML_SPACE: lambda: read_space(path).check(Experiment()), TOML_EXPERIMENT: lambda: read_experiment(path)}
    fuzz(read[content], path, damaged_bytes, examples)


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
def test_experiments_as_json(tmp_path, damaged, examples):
    path = tmp_path / "experiment.json"
    write_json(path, Experiment(model_args={"dropout": 0.5}, train=TrainConfig(epochs=3)).to_dict())
    fuzz(lambda: read_experiment(path), path, damaged, examples)


# Caches, weights and images


@both_sizes
@pytest.mark.parametrize("damaged", [damaged_bytes, damaged_json])
def test_the_list_of_caches(tmp_path, damaged, examples):
    about = tmp_path / "activations" / "0123" / "about.json"
    write_json(about, {"name": "vgg16", "dtype": "float32", "engine": "openvino", "shape": [512]})

    def read():
        cache_command._show(list(cached(tmp_path)), Console(file=io.StringIO()))

    fuzz(read, about, damaged, examples)


@both_sizes
def test_safetensors(tmp_path, examples):
    path = tmp_path / "w.safetensors"
    save_file({"fc.weight": np.zeros((3, 4), np.float32), "fc.bias": np.zeros(3, np.float32)}, path)
    fuzz(lambda: classes_of(read_torch_file(path)), path, damaged_bytes, examples)


def pth_bytes():
    """A .pth with two float32 values named fc.bias, as torch.save writes it, made without PyTorch."""
    pickled = (
        b"\x80\x02ccollections\nOrderedDict\n)R(X\x07\0\0\0fc.bias"
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ"
        b"K\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRu."
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", np.array([1, 2], "<f4").tobytes())
        archive.writestr("archive/version", "3\n")
    return content.getvalue()


@both_sizes
def test_pth(tmp_path, examples):
    """Without PyTorch only the archive is checked."""
    path = tmp_path / "w.pth"
    path.write_bytes(pth_bytes())
    if importlib.util.find_spec("torch"):
        assert read_torch_file(path)["fc.bias"].tolist() == [1, 2]
    fuzz(lambda: classes_of(read_torch_file(path)), path, damaged_bytes, examples)


@both_sizes
def test_hdf5_weights(tmp_path, examples):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        layer = file.create_group("conv")
        layer.attrs["weight_names"] = [b"kernel", b"bias"]
        layer["kernel"], layer["bias"] = np.zeros((3, 3), np.float32), np.zeros(3, np.float32)
    fuzz(lambda: read_keras_file(path, "mobilenet_v2"), path, damaged_bytes, examples)


@both_sizes
def test_models(tmp_path, examples):
    path, x = tmp_path / "model.keras", keras.Input((4, 4, 1))
    keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(x))).save(path)
    fuzz(lambda: show_command._load(path), path, damaged_bytes, examples)


@both_sizes
@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "bmp", "tiff", "webp"])
def test_images(tmp_path, form, examples):
    path = tmp_path / f"photo.{form}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)).save(path)

    def read():
        read_header(path)
        read_image(path, (4, 4))

    fuzz(read, path, damaged_bytes, examples)


# Names


@both_sizes
def test_names_in_a_report(tmp_path, without_figures, study, run, examples):
    """Class names, titles and names of images go through every output, whatever they hold."""
    original = {path.name: path.read_bytes() for path in run.path.iterdir()}
    folder = StudyFolder(tmp_path / "study")
    shutil.copytree(study.path, folder.path)
    runs = list(folder.path.glob("runs/*/seed-*"))

    @tried(examples)
    @given(st.lists(names, min_size=5, max_size=5))
    def check(texts):
        rename(folder, runs, original, texts)
        only_our_errors(lambda: make_report(folder))

    check()


def rename(folder, runs, original, texts):
    """Gives a study other class names, titles and notes."""
    *classes, title, note = texts
    held = json.loads((folder.path / "study.json").read_text())
    (folder.path / "study.json").write_text(json.dumps({**held, "title": title, "question": note, "notes": [note]}))
    for run in runs:
        described = json.loads((run / DESCRIPTION).read_text())
        described |= {"class_names": classes, "data": {**described["data"], "title": title}}
        (run / DESCRIPTION).write_text(json.dumps(described))
        lines = original["predictions.csv"].decode().splitlines()[1:]
        with (run / "predictions.csv").open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
            file.write(csv_text([[*BEFORE_CLASSES, *(f"p_{name}" for name in classes)]]))
            file.write("\n".join(lines) + "\n")
        reseal(run)
