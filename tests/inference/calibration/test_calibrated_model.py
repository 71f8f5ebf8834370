"""Models that compute calibrated probabilities themselves, and promises that go through files."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

import kerasclf
from kerasclf.cli import main
from kerasclf.errors import KerasclfError
from kerasclf.inference.calibration.calibrated_model import with_temperature, write_calibrated
from kerasclf.inference.calibration.calibration import temper
from kerasclf.loading import find_model
from tests.inference.pixel_runs import NAMES, SHAPE, drawn_images, pixel_model, write_pixel_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_pixel_run(tmp_path_factory.mktemp("pixels") / "run", pixel_model(1.6), 1.6, 400, seed=1)


@pytest.fixture(scope="module")
def copy(run):
    """A calibrated copy of the run's model, in a folder of its own."""
    trained, path = kerasclf.load(run.path), run.path.with_name("copy") / "calibrated.keras"
    write_calibrated(trained, trained.calibration, path)
    return path


@pytest.fixture(scope="module")
def pixels():
    return drawn_images(50, seed=7)[0]


def test_a_calibrated_copy_reads_images_as_the_model(run, tmp_path):
    trained = replace(kerasclf.load(run.path), image_fit="crop")
    write_calibrated(trained, trained.calibration, tmp_path / "copy.keras")
    assert kerasclf.load(tmp_path / "copy.keras").image_fit == "crop"


def ending(kind):
    image = keras.Input(SHAPE, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(layers.Flatten()(image))
    if kind == "dense":
        return keras.Model(image, layers.Dense(3, activation="softmax", name="predictions")(x))
    if kind == "sigmoid":
        return keras.Model(image, layers.Dense(3, activation="sigmoid")(x))
    if kind == "nested":
        inner = keras.Input((10,))
        return keras.Model(image, keras.Model(inner, layers.Softmax()(layers.Dense(3)(inner)), name="inside")(x))
    if kind == "sequential":
        return keras.Sequential(
            [
                keras.Input(SHAPE, dtype="uint8", name="image"),
                layers.Flatten(),
                layers.Rescaling(1 / 255),
                layers.Dense(3),
                layers.Softmax(),
            ]
        )
    last = layers.Softmax() if kind == "softmax" else layers.Activation("softmax", name="predictions")
    return keras.Model(image, last(layers.Dense(3, name="logits")(x)))


@pytest.mark.parametrize("kind", ["activation", "softmax", "dense", "nested", "sequential"])
def test_the_logits_are_divided_by_layers_of_keras(kind, pixels, tmp_path):
    model = ending(kind)
    before = model.predict(pixels, verbose=0)
    scaled = with_temperature(model, 2.5)
    scaled.save(tmp_path / "scaled.keras")
    loaded = keras.models.load_model(tmp_path / "scaled.keras", safe_mode=True)
    np.testing.assert_allclose(loaded.predict(pixels, verbose=0), temper(before, 2.5), atol=1e-6)
    np.testing.assert_array_equal(model.predict(pixels, verbose=0), before)
    assert loaded.inputs[0].dtype == "uint8"
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}


def test_a_model_without_a_softmax_at_its_end_is_refused():
    with pytest.raises(KerasclfError, match=r"Expected a model that ends in a softmax.* a Dense\. kerasclf predict"):
        with_temperature(ending("sigmoid"), 2.0)


def test_a_run_and_its_calibrated_copy_predict_the_same(run, copy, pixels):
    trained, calibrated = kerasclf.load(run.path), kerasclf.load(copy)
    assert calibrated.class_names == NAMES
    before = trained.model.predict(pixels, verbose=0)
    expected = temper(before, trained.calibration.temperature.value)
    assert np.abs(expected - before).max() > 0.05
    for one in (trained, calibrated):
        np.testing.assert_allclose(one.probabilities(pixels), expected, atol=1e-6)
    for raw in (kerasclf.load(run.path, raw=True), kerasclf.load(copy, raw=True)):
        np.testing.assert_allclose(raw.probabilities(pixels), before, atol=1e-5)
    tables = [one.predict(pixels, top=2, abstain_at=0.9, sets=0.9) for one in (trained, calibrated)]
    for table in tables:
        assert list(table.columns) == ["file", "class", "probability", "class_2", "probability_2", "abstained", "set",
                                       "problem"]  # fmt: skip
        assert table["abstained"].dtype == bool
        assert 0 < table["abstained"].mean() < 1
        rule = trained.calibration.sets(0.9)
        for position, names in enumerate(table["set"]):
            order = np.argsort(-expected[position], kind="stable")
            kept = [NAMES[i] for i in order if expected[position, i] >= rule.least[0]] or [NAMES[order[0]]]
            assert list(names) == kept
    assert tables[0]["abstained"].equals(tables[1]["abstained"])
    assert tables[0]["set"].equals(tables[1]["set"])


def test_keras_alone_loads_a_calibrated_copy_with_its_promises(copy, pixels):
    model = keras.models.load_model(copy, safe_mode=True)
    metadata = keras.saving.KerasFileEditor(str(copy)).metadata
    assert metadata["class_names"] == list(NAMES)
    plain = metadata["calibration"]
    assert plain["temperature"] > 1.3
    assert 0 < plain["sets"]["least_probability"] < 0.2
    answered = model.predict(pixels, verbose=0).max(axis=1) > plain["abstention"]["threshold"]
    table = kerasclf.load(copy).predict(pixels, abstain_at=0.95)
    np.testing.assert_array_equal(answered, ~table["abstained"])


def test_the_command_writes_the_copy_and_leaves_the_run_alone(run, tmp_path, capsys):
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    out = tmp_path / "new" / "calibrated.keras"
    main(["calibrate", str(run.path), "-o", str(out)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("calibrated probabilities: temperature 1.")
    assert "at least 95 % of answers are correct, with 95 % confidence" in lines[1]
    assert lines[2].startswith("sets contain the true class of 95 % of images, on average")
    assert lines[3] == f"→ {out}"
    assert find_model(out).calibration().inside
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_the_command_lists_all_problems(run, copy, tmp_path, capsys):
    (tmp_path / "used.keras").write_bytes(b"kept")

    def refused(*arguments):
        with pytest.raises(SystemExit) as caught:
            main(["calibrate", *map(str, arguments)])
        assert caught.value.code == 2
        return capsys.readouterr().err

    error = refused(tmp_path / "nothing", "--out", tmp_path / "used.keras")
    assert "which does not exist." in error
    assert "used.keras already exists and is not overwritten" in error
    assert "which is calibrated already." in refused(copy, "--out", tmp_path / "again.keras")
    assert "--out: expected a file ending in .keras." in refused(run.path, "--out", tmp_path / "model.h5")
    assert (tmp_path / "used.keras").read_bytes() == b"kept"
    assert [path.name for path in tmp_path.iterdir()] == ["used.keras"]


@pytest.mark.slow
def test_the_promises_hold_through_files(tmp_path):
    """Of 100 runs with other validation images, at least 93 keep the promise of accuracy, and sets cover 90 %.

    Every second run is read from its calibrated copy.
    """
    model, (pixels, labels) = pixel_model(1.6), drawn_images(4000, seed=0)
    names = np.array(NAMES, object)[labels]
    kept, shares, covered, sizes = [], [], [], []
    for seed in range(100):
        run = write_pixel_run(tmp_path / str(seed), model, 1.6, 300, seed=1000 + seed)
        trained = kerasclf.load(run.path)
        if seed % 2:
            write_calibrated(trained, trained.calibration, tmp_path / f"{seed}.keras")
            trained = kerasclf.load(tmp_path / f"{seed}.keras")
        table = trained.predict(pixels, abstain_at=0.9, sets=0.9, engine="tensorflow")
        answered = ~table["abstained"].to_numpy(bool)
        right = table["class"].to_numpy() == names
        shares.append(answered.mean())
        kept.append(not answered.any() or right[answered].mean() >= 0.9)
        covered.append(np.mean([name in one for name, one in zip(names, table["set"], strict=True)]))
        sizes.append(np.mean([len(one) for one in table["set"]]))
        keras.backend.clear_session()
    assert np.mean(kept) >= 0.93
    assert 0.1 < np.mean(shares) < 0.9  # otherwise all or nothing is answered
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)
    assert np.mean(sizes) < 4
