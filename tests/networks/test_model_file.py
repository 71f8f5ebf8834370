"""The class names inside a .keras file."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.errors import FolderError
from kerasclf.files.writing import write_json
from kerasclf.networks.model_file import read_class_names, read_fit, save_model

# A name may hold anything.
NAMES = ["cat", "犬", "a/b", "=1+1", "\x1b[2J"]


@pytest.fixture(scope="module")
def model():
    image = keras.Input((2, 2, 1), dtype="uint8", name="image")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    return keras.Model(image, layers.Dense(5, activation="softmax")(x))


@pytest.fixture
def path(model, tmp_path):
    save_model(model, tmp_path / "model.keras", NAMES)
    return tmp_path / "model.keras"


def test_the_names_are_in_the_file_and_keras_alone_reads_them(path):
    assert read_class_names(path) == tuple(NAMES)
    code = f"""
import json, sys, zipfile
import keras
editor = keras.saving.KerasFileEditor({str(path)!r})
inside = json.loads(zipfile.ZipFile({str(path)!r}).read("metadata.json"))["class_names"]
assert editor.metadata["class_names"] == inside
assert "kerasclf" not in sys.modules
sys.stderr.write("NAMES" + json.dumps(inside))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert json.loads(done.stderr.rpartition("NAMES")[2]) == NAMES


def test_the_model_is_the_one_that_keras_saves(model, path, tmp_path):
    model.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(path) as ours, zipfile.ZipFile(tmp_path / "plain.keras") as plain:
        # A further member would make Keras unpack the whole archive to the disk.
        assert ours.namelist() == plain.namelist()
        assert ours.read("config.json") == plain.read("config.json")
        metadata = json.loads(ours.read("metadata.json"))
        assert {
            **json.loads(plain.read("metadata.json")),
            "date_saved": 0,
            "class_names": NAMES,
            "image_fit": "squash",
        } == {
            **metadata,
            "date_saved": 0,
        }
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    np.testing.assert_array_equal(keras.models.load_model(path, safe_mode=True)(images), model(images))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.keras", "plain.keras"]


def test_runs_of_earlier_versions_have_their_names_beside_the_model(model, tmp_path):
    model.save(tmp_path / "model.keras")
    assert read_class_names(tmp_path / "model.keras") == ()
    write_json(tmp_path / "experiment.json", {"class_names": ["a", "b"]})
    assert read_class_names(tmp_path / "model.keras") == ("a", "b")
    write_json(tmp_path / "classes.json", ["c", "d"])
    assert read_class_names(tmp_path / "model.keras") == ("c", "d")


def test_the_fit_of_images_is_in_the_file(model, path, tmp_path):
    assert read_fit(path) == "squash"
    save_model(model, tmp_path / "padded.keras", NAMES, fit="pad")
    assert read_fit(tmp_path / "padded.keras") == "pad"
    model.save(tmp_path / "plain.keras")  # as a file of an earlier version
    assert read_fit(tmp_path / "plain.keras") == "squash"
    save_model(model, tmp_path / "strange.keras", NAMES, fit=["pad"])
    with pytest.raises(FolderError) as caught:
        read_fit(tmp_path / "strange.keras")
    problem = "fit: expected 'squash', 'crop' or 'pad'. Received: ['pad']."
    assert str(caught.value) == f"{tmp_path / 'strange.keras'} cannot be used: {problem}"


def test_a_failed_save_leaves_the_earlier_file(model, path, monkeypatch):
    before = path.read_bytes()

    def fail(self, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, path, ["other"] * 5)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (b'{"class_names": [1]}', r"class_names in .* cannot be read: \[0\]: expected text\. Received: 1\."),
        (b'{"class_names": "cat"}', r"class_names in .* cannot be read: expected a list\. Received: 'cat'\."),
        (b"{", "model.keras cannot be read: "),
        (b" " * (8 << 20) + b" ", "expected at most 8,388,608 bytes in metadata.json"),
    ],
)
def test_hostile_metadata_is_refused(tmp_path, metadata, message):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("metadata.json", metadata)
    with pytest.raises(FolderError, match=message):
        read_class_names(tmp_path / "model.keras")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"no zip")
    with pytest.raises(FolderError, match=r"it is damaged, or no \.keras file"):
        read_class_names(tmp_path / "model.keras")
