"""Exported models: what they hold, what they predict, and that nothing is left of a failure."""

import errno
import json
import re
import shutil
import unicodedata
from dataclasses import replace
from zipfile import ZipFile

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import kerasclf
from kerasclf.data.views import View
from kerasclf.errors import DataError, FolderError, KerasclfError, ParityError
from kerasclf.files.reading import read_json
from kerasclf.inference.export import export, proof_images
from kerasclf.inference.export.artifact_runtimes import Artifact
from kerasclf.inference.export.artifacts import EXPORT_FILES, TARGETS, ArtifactFile
from kerasclf.inference.export.export import ExportRequest, export_model
from kerasclf.inference.export.latency import Latency
from kerasclf.inference.export.model_benchmark import check_comparable
from kerasclf.inference.export.proof_images import images_of_run, other_images
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.networks.model_file import save_model
from tests.photos import add_images

NAMES = ("cat", "dog", "owl")


def silent(line):
    pass


@pytest.fixture(scope="module")
def trained(study):
    return kerasclf.load(study)


@pytest.fixture(scope="module")
def proof(trained):
    return images_of_run(trained.run, silent)


def needs(target, precision="float32"):
    for package in TARGETS[target].needed(precision):
        pytest.importorskip(package)


def small(path, *hidden, dtype=None):
    """A saved model of 8×8 images: normalisation, then a network of further layers, as in a run."""
    pixels = x = keras.Input((8, 8, 3))
    for layer in hidden:
        x = layer(x)
    x = keras.ops.add(x, x)  # an operation, which is no layer
    x = layers.GlobalAveragePooling2D(dtype=dtype)(x)
    core = keras.Model(pixels, layers.Dense(3, activation="softmax", dtype="float32")(x))
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    save_model(keras.Model(image, core(layers.Rescaling(1 / 255, dtype=dtype)(image))), path, NAMES)
    return TrainedModel.read(path)


def in_onnx(folder, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = session.get_modelmeta().custom_metadata_map["class_names"]
    return names, session.run(None, {"image": images})[0]


def in_openvino(folder, images):
    import openvino

    network = openvino.Core().read_model(folder / "model.xml")
    names = network.get_rt_info(["kerasclf", "class_names"]).astype(str)
    return names, openvino.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(images)[0]


def in_litert(folder, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"))
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(image["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(image["index"], images)
    interpreter.invoke()
    return ZipFile(folder / "model.tflite").read("classes.json"), interpreter.get_tensor(output["index"])


def in_tensorflow(folder, images):
    import tensorflow as tf

    loaded = tf.saved_model.load(folder / "saved_model")
    return (folder / "saved_model" / "assets" / "classes.json").read_text(), loaded.serve(images).numpy()


# How each runtime reads an artifact without kerasclf, and the files that an export writes.
ALONE = {
    "onnx": (in_onnx, {"model.onnx"}),
    "openvino": (in_openvino, {"model.xml", "model.bin"}),
    "tflite": (in_litert, {"model.tflite"}),
    "savedmodel": (in_tensorflow, {"saved_model"}),
}


@pytest.mark.parametrize("target", TARGETS)
def test_an_artifact_needs_no_kerasclf_and_predicts_the_same(target, trained, proof, images, tmp_path):
    needs(target)
    out = tmp_path / "exported"
    exported = export_model(replace(trained, image_fit="crop"), ExportRequest(target, out), proof)
    read, files = ALONE[target]
    names, probabilities = read(out, images)
    assert json.loads(names) == list(NAMES)
    np.testing.assert_allclose(probabilities, trained.probabilities(images, engine="tensorflow"), atol=1e-5)
    assert {path.name for path in out.iterdir()} == files | {"export.json"}
    assert {path.name for path in out.iterdir()} <= EXPORT_FILES
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]
    opened = Artifact.open(exported.file)
    assert (opened.class_names, opened.image_shape, opened.image_fit) == (NAMES, (8, 8, 3), "crop")
    np.testing.assert_array_equal(opened.predict(images), probabilities)
    np.testing.assert_allclose(opened.predict(images[:1]), probabilities[:1], atol=1e-6)  # another batch size


def test_the_record_says_what_came_out(trained, proof, tmp_path):
    needs("onnx")
    exported = export_model(trained, ExportRequest("onnx", tmp_path / "a" / "b"), proof)
    record = read_json(tmp_path / "a" / "b" / "export.json")
    assert ((tmp_path / "a" / "b") / record["model"]).resolve() == trained.path.resolve()
    assert (record["target"], record["precision"], record["rebuilt_from"]) == ("onnx", "float32", None)
    assert (record["class_names"], record["image_shape"]) == (list(NAMES), [8, 8, 3])
    assert record["image_fit"] == "squash"
    tested = record["proof"]
    assert (tested["set"], tested["images"], tested["changed"]) == ("test", 6, 0)
    assert tested["limits"] == {"probability": 1e-4, "accuracy": 1.0, "changed": 1.0}
    assert tested["accuracy"] == tested["exported_accuracy"] == trained.run.metrics()["test_accuracy"]
    assert tested["difference"]["value"] == 0 and tested["difference"]["p"] == 1
    assert 0 < tested["largest"] + 1e-12 < 1e-5
    assert record["bytes"] == {"keras": trained.path.stat().st_size, "exported": exported.file.size}
    for side in ("keras", "exported"):
        assert 0 < record["ms_per_image"][side]["low"] <= record["ms_per_image"][side]["median"]
        assert record["images_per_second"][side] > 0


@pytest.mark.parametrize(
    ("target", "precision"),
    [
        ("onnx", "float16"),
        ("onnx", "int8"),
        pytest.param("openvino", "float16", marks=pytest.mark.slow),
        pytest.param("tflite", "float16", marks=pytest.mark.slow),
        pytest.param("openvino", "int8", marks=pytest.mark.slow),
        pytest.param("tflite", "int8", marks=pytest.mark.slow),
    ],
)
def test_a_quantised_model_is_smaller_and_agrees_within_its_tolerance(target, precision, tmp_path):
    needs(target, precision)
    wide = [layers.Conv2D(128, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu")]
    trained = small(tmp_path / "wide.keras", *wide)
    proof = noise_of(trained)
    plain = export_model(trained, ExportRequest(target, tmp_path / "plain"), proof)
    smaller = export_model(trained, ExportRequest(target, tmp_path / "quantised", precision), proof)
    share = smaller.file.size / plain.file.size
    assert share < (0.6 if precision == "float16" else 0.4)
    assert plain.parity.largest < 1e-6 < smaller.parity.largest < 0.05
    assert smaller.file.path.name == TARGETS[target].file


def test_in_onnx_int8_has_eight_bits_and_spares_pixels_and_softmax(tmp_path):
    needs("onnx")
    import onnx

    trained = small(tmp_path / "m.keras", layers.Conv2D(8, 3))
    out = export_model(trained, ExportRequest("onnx", tmp_path / "out", "int8"), noise_of(trained)).file.path
    graph = onnx.load(out).graph
    made_by = {name: node for node in graph.node for name in node.output}
    (scaled,) = (node for node in graph.node if node.op_type == "Mul")
    assert "DequantizeLinear" not in {made_by[name].op_type for name in scaled.input if name in made_by}
    assert made_by[graph.output[0].name].op_type == "Softmax"
    weights = [onnx.numpy_helper.to_array(value) for value in graph.initializer]
    kernels = [value for value in weights if value.dtype == np.int8 and value.ndim == 4]
    assert [np.abs(value.astype(int)).max() for value in kernels] == [127]


def noise_of(trained, images=30):
    """Noise images as test and training set, with the model's own predictions as labels."""
    noise = np.random.default_rng(0).integers(0, 256, (images, *trained.image_shape), np.uint8)
    labels = trained.probabilities(noise, engine="tensorflow").argmax(axis=1)
    subset = kerasclf.data.Subset(kerasclf.data.ArrayImages(noise), labels, tuple(map(str, range(images))))
    return proof_images.ProofImages("noise", "test", subset, subset)


def test_int8_is_calibrated_on_training_images(trained, proof, tmp_path, monkeypatch):
    needs("onnx")
    given = []
    monkeypatch.setattr(export, "convert", lambda conversion, folder: given.append(conversion) or 1 / 0)
    for precision in ("float32", "int8"):
        with pytest.raises(ZeroDivisionError):
            export_model(trained, ExportRequest("onnx", tmp_path / precision, precision), proof)
    assert len(given[0].calibration) == 0
    np.testing.assert_array_equal(given[1].calibration, proof.train.images.read(np.arange(13)))


def test_beyond_the_tolerance_nothing_is_written(trained, proof, tmp_path):
    needs("onnx")
    request = ExportRequest("onnx", tmp_path / "out", "int8", tolerance=1e-9)
    with pytest.raises(ParityError) as caught:
        export_model(trained, request, proof)
    assert re.fullmatch(
        r"ONNX in int8 predicts otherwise: a probability differs by 0\.\d+, and 1e-09 is accepted\. Nothing was "
        r"written\. A larger `tolerance` accepts it\.",
        str(caught.value),
    )
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def change(monkeypatch):
    """Changes the predictions of exported models with a function."""
    original = export.convert

    def replace(changed):
        def convert(conversion, folder):
            found = original(conversion, folder)
            return Artifact(found.file, found.class_names, found.image_shape, lambda x: changed(found.predict(x)))

        monkeypatch.setattr(export, "convert", convert)

    return replace


def test_of_int8_the_classes_decide_and_not_the_probabilities(trained, proof, tmp_path, change):
    needs("onnx")
    change(lambda rows: np.eye(3, dtype=np.float32)[rows.argmax(axis=1)])
    exported = export_model(trained, ExportRequest("onnx", tmp_path / "certain", "int8"), proof)
    assert exported.parity.largest > 0.3 and exported.parity.changed == 0
    change(lambda rows: np.roll(rows, 1, axis=1))
    with pytest.raises(ParityError) as caught:
        export_model(trained, ExportRequest("onnx", tmp_path / "out", "int8"), proof)
    assert str(caught.value) == (
        "ONNX in int8 predicts otherwise: the accuracy is 100.00 points lower (McNemar's test p = 0.031), and 1 are "
        "accepted; 6 of 6 images have another class, and 10% are accepted. Nothing was written. A larger "
        "`accuracy_loss` accepts it. An `accuracy_loss` accepts changed classes."
    )
    export_model(trained, ExportRequest("onnx", tmp_path / "lossy", "int8", accuracy_loss=1.0), proof)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certain", "lossy"]


@pytest.mark.parametrize(
    ("milliseconds", "rates", "slower"),
    [
        ((2.0, 3.0), (80.0, 100.0), {"one image": 1.5}),
        ((2.0, 2.0), (100.0, 40.0), {"batches": 2.5}),
        ((3.0, 2.0), (80.0, 100.0), {}),
    ],
)
def test_a_slower_model_is_named(milliseconds, rates, slower, trained, proof, tmp_path, monkeypatch):
    latencies = [Latency(value, value, value) for value in milliseconds]
    monkeypatch.setattr(export, "measure_latency", lambda models, images: latencies)
    monkeypatch.setattr(export, "measure_throughput", lambda models, batch: list(rates))
    exported = export_model(trained, ExportRequest("savedmodel", tmp_path / "out"), proof)
    assert exported.slower == read_json(tmp_path / "out" / "export.json")["slower"] == slower


def test_predictions_that_are_not_finite_fail(trained, proof, tmp_path, change):
    needs("onnx")
    change(lambda rows: rows * np.nan)
    with pytest.raises(ParityError, match="differs by inf"):
        export_model(trained, ExportRequest("onnx", tmp_path / "out", tolerance=1), proof)


def test_a_full_disk_leaves_nothing(trained, proof, tmp_path, monkeypatch):
    needs("onnx")

    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "write_json", full)
    with pytest.raises(FolderError) as caught:
        export_model(trained, ExportRequest("onnx", tmp_path / "out"), proof)
    assert str(caught.value) == (
        f"{tmp_path / 'out'} cannot be written: No space left on device. Nothing is left of it."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_is_replaced_only_on_request(trained, proof, tmp_path):
    needs("onnx")
    out = tmp_path / "out"
    export_model(trained, ExportRequest("onnx", out), proof)
    mark = out / "model.bin"  # as if the earlier model were one of OpenVINO
    mark.write_text("old")
    with pytest.raises(FolderError, match=r"already exists and is not overwritten\. Give another `out`, or `overwrit"):
        export_model(trained, ExportRequest("onnx", out), proof)
    failing = ExportRequest("onnx", out, "float16", tolerance=0, overwrite=True)
    with pytest.raises(ParityError):
        export_model(trained, failing, proof)
    assert mark.read_text() == "old"
    export_model(trained, ExportRequest("onnx", out, overwrite=True), proof)
    assert not mark.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "target", ["onnx", *(pytest.param(name, marks=pytest.mark.slow) for name in ("openvino", "tflite"))]
)
def test_a_layer_that_cannot_be_exported_is_named(target, tmp_path):
    needs(target)
    resize = layers.Resizing(6, 6, interpolation="lanczos3", name="enlarge")
    trained = small(tmp_path / "m.keras", layers.Conv2D(4, 3, name="convolve"), resize)
    with pytest.raises(KerasclfError) as caught:
        export_model(trained, ExportRequest(target, tmp_path / "out"), noise_of(trained))
    start = f"to: the layer 'enlarge' (Resizing) cannot be exported to {TARGETS[target].title}: "
    assert str(caught.value).startswith(start)
    assert "ScaleAndTranslate" in str(caught.value) and str(caught.value).endswith(". Use another target.")
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_mixed_precision_is_rebuilt_in_float32(policy, tmp_path):
    needs("onnx")
    hidden = [layers.Normalization(mean=[0.5] * 3, variance=[0.1] * 3, dtype=policy), layers.Conv2D(8, 3, dtype=policy)]
    trained = small(tmp_path / "mixed.keras", *hidden, layers.BatchNormalization(dtype=policy), dtype=policy)
    lines = []
    exported = export_model(trained, ExportRequest("onnx", tmp_path / "out"), noise_of(trained), lines.append)
    assert lines[0] == f"rebuilt in float32: the model is in {policy}"
    assert exported.rebuilt_from == read_json(tmp_path / "out" / "export.json")["rebuilt_from"] == policy
    assert exported.parity.largest < 1e-5
    images = noise_of(trained).proof.images.array
    close = Artifact.open(exported.file).predict(images)
    np.testing.assert_allclose(close, trained.probabilities(images, engine="tensorflow"), atol=0.02)


def test_the_layers_of_convnext_are_exported(tmp_path, monkeypatch):
    """Converters know neither convolutions with a group per channel, as Keras computes them, nor erfc in GELU.

    Their weights are written when the network is read, and when its optimisation is done, not after each step.
    """
    needs("onnx")
    from tf2onnx.graph import Graph

    written, write = [], Graph.update_proto
    monkeypatch.setattr(Graph, "update_proto", lambda *args: written.append(args) or write(*args))
    rng = np.random.default_rng(0)
    depthwise = layers.Conv2D(8, 3, strides=2, padding="same", groups=8, activation="gelu")
    trained = small(tmp_path / "m.keras", layers.Conv2D(8, 1, activation="gelu"), depthwise)
    trained.model.set_weights([rng.normal(size=weight.shape) for weight in trained.model.get_weights()])
    exported = export_model(trained, ExportRequest("onnx", tmp_path / "out"), noise_of(trained))
    images = noise_of(trained).proof.images.array
    expected = trained.probabilities(images, engine="tensorflow")
    assert expected.std() > 0.05
    np.testing.assert_allclose(Artifact.open(exported.file).predict(images), expected, atol=1e-5)
    assert exported.rebuilt_from is None
    assert len(written) == 2


def test_a_model_that_kerasclf_did_not_export_is_refused(tmp_path):
    needs("onnx")
    import onnx

    trained = small(tmp_path / "m.keras")
    out = export_model(trained, ExportRequest("onnx", tmp_path / "out"), noise_of(trained)).file.path
    network = onnx.load(out)
    del network.metadata_props[:]
    onnx.save(network, out)
    with pytest.raises(KerasclfError, match=r"Expected a model that kerasclf exported\. .* without class names\."):
        Artifact.open(ArtifactFile("onnx", out))
    out.write_bytes(b"no model")
    with pytest.raises(KerasclfError, match=r"model\.onnx cannot be loaded as a model of ONNX: "):
        Artifact.open(ArtifactFile("onnx", out))


def test_the_images_of_a_run_are_its_test_images(trained, proof):
    assert (proof.name, len(proof.proof), len(proof.train)) == ("test", 6, 13)
    assert proof.described().startswith("6 test images of folder:")
    np.testing.assert_array_equal(proof.proof.labels, trained.run.predictions()[0])
    assert list(proof.take(3).names) == [proof.proof.names[i] for i in (0, 2, 5)]


def test_changed_or_missing_images_are_named(trained, photos, monkeypatch, tmp_path):
    monkeypatch.setattr(type(trained.run), "predictions", lambda self: (np.array([1, 2, 0, 0, 0, 0]), None))
    with pytest.raises(DataError, match=r"^The images of the run, folder:.*, have changed since it ended\. Restore"):
        images_of_run(trained.run, silent)
    run = shutil.copytree(trained.run.path, tmp_path / "run")
    text = (run / "experiment.json").read_text().replace(str(photos), str(tmp_path / "gone"))
    (run / "experiment.json").write_text(text)
    with pytest.raises(DataError) as caught:
        images_of_run(type(trained.run)(run), silent)
    assert str(caught.value).startswith(f"The images of the run, folder:{tmp_path / 'gone'}, cannot be read: ")
    assert str(caught.value).endswith(" Restore them, or give others as `data`.")


def test_a_run_on_all_images_is_proved_on_training_images(trained, tmp_path):
    run = shutil.copytree(trained.run.path, tmp_path / "run")
    description = read_json(run / "experiment.json") | {"view": View(everything=True).to_dict()}
    description["data"]["images"] = {"train": 24, "validation": 0, "test": 0}
    (run / "experiment.json").write_text(json.dumps(description))
    found = images_of_run(type(trained.run)(run), silent)
    assert (found.name, len(found.proof), len(found.train)) == ("training", 24, 24)
    assert found.described().startswith("24 training images, as the run kept no test images of ")


def test_other_images_are_fitted_as_the_model_was_trained(photos):
    found = other_images(f"folder:{photos}", (8, 12, 3), NAMES, "pad", silent)
    image = found.proof.images.read(np.array([0]))[0]
    np.testing.assert_array_equal(image[:, 2:10], np.asarray(Image.open(photos / found.proof.names[0])))


def test_models_of_different_fits_are_not_compared(trained):
    one, other = (
        Artifact(ArtifactFile("keras", trained.path), NAMES, (8, 8, 3), lambda images: images, fit)
        for fit in ("squash", "pad")
    )
    with pytest.raises(KerasclfError, match=r"Expected models of images fitted by squash, .*keras, by pad\."):
        check_comparable([one, other])


def test_other_images_get_the_labels_of_the_model(photos):
    found = other_images(f"folder:{photos}", (8, 8, 3), ("owl", "cat", "dog"), "squash", silent)
    for name, label in zip(found.proof.names, found.proof.labels, strict=True):
        assert name.startswith(("owl", "cat", "dog")[label])


def test_other_images_match_whatever_the_unicode_form_of_their_names(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    add_images(tmp_path, 10, classes=(decomposed, "owl"))
    found = other_images(f"folder:{tmp_path}", (8, 8, 3), ("owl", composed), "squash", silent)
    labels = zip(found.proof.names, found.proof.labels.tolist(), strict=True)
    assert {name.partition("/")[0]: label for name, label in labels} == {"owl": 0, decomposed: 1}
    one, other = (
        Artifact(ArtifactFile("keras", tmp_path), (name, "owl"), (8, 8, 3), lambda images: images)
        for name in (composed, decomposed)
    )
    check_comparable([one, other])


@pytest.mark.parametrize(
    ("shape", "names", "problem"),
    [
        ((8, 8, 1), NAMES, "expected images of 8x8x1. Received: folder:{photos}, of 8x8x3."),
        ((8, 8, 3), ("cat", "dog", "emu", "owl"),
         "expected the classes of the model. Received: folder:{photos}, 1 class missing: emu."),
        ((8, 8, 3), ("cat", "dog", "emu"), "expected the classes of the model. Received: folder:{photos}, "
         "1 class missing: emu and 1 class unknown to the model: owl."),
    ],
)  # fmt: skip
def test_images_that_do_not_fit_are_refused(photos, shape, names, problem):
    with pytest.raises(DataError) as caught:
        other_images(f"folder:{photos}", shape, names, "squash", silent)
    assert str(caught.value) == f"data: {problem.format(photos=photos)}"
