"""`kerasclf export` and `kerasclf benchmark`."""

import re
import shutil

import pytest

from kerasclf.cli import main
from kerasclf.inference.export import artifacts
from kerasclf.loading import find_model
from tests.inference import conftest

study = conftest.study


@pytest.fixture
def run(study, tmp_path):
    """A copy of a run, which a test may change."""
    return shutil.copytree(find_model(study).run.path, tmp_path / "run")


def test_a_run_is_exported_proved_and_compared(run, capsys, monkeypatch):
    pytest.importorskip("onnxruntime")
    from kerasclf.inference.export import export
    from kerasclf.inference.export.latency import Latency

    monkeypatch.setattr(export, "measure_latency", lambda *given: [Latency(2.0, 2.0, 2.0), Latency(3.0, 3.0, 3.0)])
    monkeypatch.setattr(export, "measure_throughput", lambda *given: [1000.0, 400.0])
    main(["export", str(run), "--to", "onnx"])
    printed = capsys.readouterr().out
    assert (
        "slower than the model itself: 1.5 times as long for one image and 2.5 times as long for batches\n" in printed
    )
    assert (run / "model-onnx" / "model.onnx").is_file()
    assert re.search(r"proof: 6 test images of folder:", printed)
    assert re.search(r"largest difference of a probability: \S+ \(tolerance 0\.0001\)", printed)
    assert "images with another class: 0 of 6\n" in printed
    assert re.search(r"difference in accuracy: \+0\.00 points \(95 % interval -\d.* McNemar's test p = 1\n", printed)
    assert printed.endswith(f"→ {run / 'model-onnx'}\n")

    main(["benchmark", str(run), str(run / "model-onnx"), "--images", "4"])
    printed = capsys.readouterr().out
    assert printed.count("100.0%") == 2
    assert "4 images of folder:" in printed and "is older" not in printed

    shutil.copy(run / "model.keras", run / "old.keras")
    with (run / "model.keras").open("ab") as file:
        file.write(b" ")  # a zip archive may have a comment after it, but its digest is another one
    main(["benchmark", str(run / "old.keras"), str(run / "model-onnx"), "--images", "2"])
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"{run / 'model-onnx'} is older than its run: {run / 'model.keras'} has changed since. Export it again.\n"
    )


def test_beyond_the_tolerance_the_exit_code_is_1(run, capsys):
    pytest.importorskip("onnxruntime")
    with pytest.raises(SystemExit) as caught:
        main(["export", str(run), "--to", "onnx", "--quantize", "int8", "--tolerance", "0"])
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ONNX in int8 predicts otherwise: ")
    assert error.endswith("Nothing was written. A larger --tolerance accepts it.\n")
    assert not (run / "model-onnx-int8").exists()


def test_all_problems_are_listed_before_tensorflow_starts(tmp_path, refused, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.export.quiet_tensorflow", lambda: pytest.fail("too late"))
    monkeypatch.setattr(artifacts.util, "find_spec", lambda name: None)
    (tmp_path / "out").mkdir()
    error = refused(
        "export", str(tmp_path / "nothing"), "--to", "openvino", "--quantize", "int8", "--tolerance", "5",
        "--accuracy-loss", "2", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert error.splitlines() == [
        "error: kerasclf export cannot run:",
        "  - Expected the folder of a run, of a study or of a search, or a .keras file. "
        f"Received: {tmp_path / 'nothing'}, which does not exist.",
        "  - --tolerance: expected a difference of probabilities, 0 to 1. Received: 5.0.",
        "  - --accuracy-loss: expected a share, 0 to 1. Received: 2.0.",
        "  - OpenVINO in int8 needs openvino and nncf, which are not installed. Install what is missing: "
        'pip install "kerasclf[export,openvino]".',
        f"  - --out: expected a new folder. Received: {tmp_path / 'out'}, which exists and holds no exported model.",
    ]


def test_a_model_without_its_run_needs_images(run, photos, tmp_path, refused, capsys):
    pytest.importorskip("onnxruntime")
    alone = shutil.copy(run / "model.keras", tmp_path / "alone.keras")
    error = refused("export", str(alone), "--to", "savedmodel")
    assert error == (
        f"error: {alone} is a model without its run, whose test images prove an export. Give images as --data, such as "
        "folder:my_photos.\n"
    )
    error = refused("benchmark", str(alone))
    assert error == ("error: The run of these models is not known. Give images as --data, such as folder:my_photos.\n")
    main(["export", str(alone), "--to", "savedmodel", "--data", f"folder:{photos}"])
    assert (tmp_path / "alone-savedmodel" / "export.json").is_file()


def test_a_folder_of_photos_is_no_model(photos, tmp_path, refused):
    error = refused("benchmark", str(photos), str(tmp_path / "m.onnx"), "--images", "0")
    assert error.splitlines() == [
        "error: kerasclf benchmark cannot run:",
        "  - Expected the folder of a run, of a study or of a search, or a .keras file. "
        f"Received: {photos}, which holds no model.keras.",
        "  - Expected the folder of a run, of a study or of a search, or a .keras file. "
        f"Received: {tmp_path / 'm.onnx'}, which does not exist.",
        "  - --images: expected at least 1. Received: 0.",
    ]
