"""The table of targets, and where exported models are. Needs no TensorFlow."""

from pathlib import Path

import numpy as np
import pytest

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.reading import file_digest
from kerasclf.files.writing import write_json
from kerasclf.inference.export import artifacts
from kerasclf.inference.export.artifacts import (
    TARGETS,
    check_request,
    check_source,
    default_out,
    find_artifact,
    is_outdated,
    read_record,
)
from kerasclf.inference.export.latency import measure_latency, measure_throughput


def test_the_table_of_quantisations():
    """As in docs/export.md."""
    table = {name: set(target.limits) for name, target in TARGETS.items()}
    assert table == {
        "onnx": {"float32", "float16", "int8"},
        "openvino": {"float32", "float16", "int8"},
        "tflite": {"float32", "float16", "int8"},
        "savedmodel": {"float32"},
    }


@pytest.mark.parametrize(
    ("target", "precision", "problem"),
    [
        ("savedmodel", "int8",
         "there is none for SavedModel. Received: 'int8', which exists for onnx, openvino and tflite."),
        ("savedmodel", "float16",
         "there is none for SavedModel. Received: 'float16', which exists for onnx, openvino and tflite."),
    ],
)  # fmt: skip
def test_another_combination_is_one_error(target, precision, problem):
    with pytest.raises(KerasclfError) as caught:
        check_request(target, precision, None, False)
    assert str(caught.value) == f"quantize: {problem}"


@pytest.mark.parametrize(
    ("target", "precision", "absent", "problem"),
    [
        ("onnx", "float32", {"onnx", "tf2onnx"}, "ONNX needs tf2onnx and onnx, which are not installed. Install "
         "what is missing: pip install \"kerasclf[export]\"."),
        ("openvino", "float16", {"openvino", "nncf"}, "OpenVINO needs openvino, which is not installed. Install what "
         "is missing: pip install \"kerasclf[openvino]\"."),
        ("openvino", "int8", {"nncf"}, "OpenVINO in int8 needs nncf, which is not installed. Install what is missing: "
         "pip install \"kerasclf[export]\"."),
        ("openvino", "int8", {"openvino", "nncf"}, "OpenVINO in int8 needs openvino and nncf, which are not installed. "
         "Install what is missing: pip install \"kerasclf[export,openvino]\"."),
    ],
)  # fmt: skip
def test_without_its_extra_the_pip_command_is_named(target, precision, absent, problem, monkeypatch):
    monkeypatch.setattr(artifacts.util, "find_spec", lambda name: None if name in absent else name)
    with pytest.raises(KerasclfError) as caught:
        check_request(target, precision, None, False)
    assert str(caught.value) == problem


def test_all_problems_of_a_request_are_listed(tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(KerasclfError) as caught:
        check_request("savedmodel", "int8", tmp_path, True, tolerance=2.0, accuracy_loss=-0.1)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  - quantize", "  - tolerance", "  - accuracy_loss", "  - out",
    ]  # fmt: skip


def test_a_folder_that_is_no_artifact_is_never_replaced(tmp_path):
    with pytest.raises(FolderError, match="which exists and holds no exported model"):
        check_request("savedmodel", "float32", tmp_path, overwrite=True)
    write_json(tmp_path / "export.json", {})
    check_request("savedmodel", "float32", tmp_path, overwrite=True)
    with pytest.raises(FolderError, match="is not overwritten"):
        check_request("savedmodel", "float32", tmp_path, overwrite=False)
    for name in ("model.keras", "server.py"):
        (tmp_path / name).touch()
    with pytest.raises(FolderError, match=r"It also holds 'model\.keras' and 'server\.py', which would be deleted\."):
        check_request("savedmodel", "float32", tmp_path, overwrite=True)


def test_a_model_is_not_exported_over_itself(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for model in (tmp_path / "out/model.keras", tmp_path / "link/out/saved_model/model.keras"):
        with pytest.raises(FolderError, match=r"^out: expected a folder without the model itself\. Received: .*/out, "):
            check_source(model, tmp_path / "out")
    check_source(tmp_path / "model.keras", tmp_path / "out")


def test_the_folder_is_beside_the_model():
    assert default_out(Path("run/model.keras"), "onnx", "float32") == Path("run/model-onnx")
    assert default_out(Path("mine.keras"), "tflite", "int8") == Path("mine-tflite-int8")


@pytest.mark.parametrize("kind", [*TARGETS, "keras"])
def test_an_artifact_is_found_by_its_folder_and_its_file(kind, tmp_path):
    file = tmp_path / ("model.keras" if kind == "keras" else TARGETS[kind].file)
    if kind == "savedmodel":
        file.mkdir()
        (file / "saved_model.pb").write_bytes(b"1234")
    else:
        file.write_bytes(b"1234")
    assert find_artifact(file) == (kind, file)
    assert find_artifact(file).size == 4
    if kind == "openvino":
        file.with_suffix(".bin").write_bytes(b"123")
        assert find_artifact(file).size == 7
    if kind != "keras":
        assert find_artifact(tmp_path) == (kind, file)
    assert find_artifact(tmp_path / "nothing") is None
    (tmp_path / "note.txt").write_text("")
    assert find_artifact(tmp_path / "note.txt") is None


def test_an_artifact_is_outdated_if_its_model_has_changed(tmp_path):
    model, file = tmp_path / "run" / "model.keras", tmp_path / "run" / "model-onnx" / "model.onnx"
    file.parent.mkdir(parents=True)
    model.write_bytes(b"first")
    record = {"model": "../model.keras", "model_sha256": file_digest(model), "target": "onnx", "precision": "int8"}
    assert read_record(file) is None
    write_json(file.parent / "export.json", {**record, "more": 1})
    assert read_record(file) == record
    assert not is_outdated(file, record)
    model.write_bytes(b"second")
    assert is_outdated(file, record)
    model.unlink()
    assert not is_outdated(file, record)
    write_json(file.parent / "export.json", {"model": 3})
    with pytest.raises(FolderError, match=r"export\.json cannot be read"):
        read_record(file)


def test_models_take_turns(monkeypatch):
    calls = []
    clock = iter(np.cumsum([0, 0.002] * 100))
    monkeypatch.setattr("kerasclf.inference.export.latency.time.perf_counter", lambda: next(clock))
    models = [lambda images, name=name: calls.append((name, len(images))) for name in "ab"]
    found = measure_latency(models, np.zeros((4, 2, 2, 1), np.uint8))
    assert calls[6:] == [("a", 1), ("b", 1)] * 4
    assert [one.median for one in found] == pytest.approx([2, 2])
    calls.clear()
    assert measure_throughput(models, np.zeros((4, 2, 2, 1), np.uint8)) == pytest.approx([2000, 2000])
    assert calls == [("a", 4), ("b", 4)] * 4
