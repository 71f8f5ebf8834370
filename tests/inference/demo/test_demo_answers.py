"""The answers of the page of `kerasclf demo`: they need no gradio."""

import json
import shutil

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from kerasclf.inference.demo.demo_answers import Answers, laid_over, percent, prepare_answers
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.loading import find_model, load
from kerasclf.networks.model_file import save_model
from tests.inference.pixel_runs import drawn_images, pixel_model, write_pixel_run


@pytest.fixture(scope="module")
def answers(study):
    """The answers of a network without convolutions, whose training images exist."""
    found, problem = prepare_answers(load(study), print)
    assert problem == ""
    return found


@pytest.fixture(scope="module")
def pixel_answers(tmp_path_factory):
    """The answers of a calibrated model, which can promise something."""
    return Answers(load(write_pixel_run(tmp_path_factory.mktemp("pixels") / "run", pixel_model(1.6), 1.6, 400, 1).path))


def test_an_image_is_predicted_as_by_predict(answers, photos):
    path = photos / "dog" / "003.png"
    expected = answers.trained.predict([path], top=3, engine="tensorflow").iloc[0]
    found = answers.answer(path, "mine.png").prediction
    assert found.file == "mine.png"
    assert found.classes == (expected["class"], expected["class_2"], expected["class_3"])
    np.testing.assert_allclose(found.probabilities, [expected[f"probability{n}"] for n in ("", "_2", "_3")], atol=1e-6)


def test_the_nearest_training_images_start_with_the_image_itself(answers, photos):
    subset = answers.nearest.images
    path = photos / subset.names[5]
    found = answers.answer(path, "mine.png")
    assert len(found.neighbours) == 3
    assert found.neighbours[0].name == subset.names[5]
    assert found.neighbours[0].class_name == answers.trained.class_names[subset.labels[5]] == path.parent.name
    # Each pixel of 8×8 becomes a square of 32×32.
    np.testing.assert_array_equal(found.neighbours[0].image[::32, ::32], np.asarray(Image.open(path)))


def test_a_network_without_convolutions_has_no_heat_map(answers, photos):
    assert answers.answer(photos / "cat" / "000.png", "a").overlay is None


def test_a_broken_upload_is_one_sentence_without_its_place(answers, tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(b"\x89PNG")
    assert answers.answer(path, "holiday\n.png").sentences == [
        "holiday\\n.png cannot be read as an image: cannot identify image file 'holiday\\n.png'. "
        "Choose another one: a JPEG, PNG, WebP or TIFF file, for example."
    ]


def test_without_its_training_images_the_answer_says_so(study, tmp_path):
    trained = load(shutil.copytree(find_model(study).run.path, tmp_path / "run"))
    path = tmp_path / "run" / "experiment.json"
    description = json.loads(path.read_text())
    description["experiment"]["data"] = "folder:gone"
    path.write_text(json.dumps(description))
    found, problem = prepare_answers(trained, print)
    assert found.nearest is None
    assert problem.startswith("Nearest training images: none. The images of the run, folder:gone, cannot be read: ")


def test_a_model_outside_its_run_has_no_training_images(study, tmp_path, photos):
    shutil.copy(find_model(study).path, tmp_path / "alone.keras")
    found, problem = prepare_answers(load(tmp_path / "alone.keras"), print)
    assert problem == "Nearest training images: unknown, as the model is not in the folder of its run."
    assert found.notes == ["Probabilities as trained: no predictions of validation images are known."]
    assert found.answer(photos / "cat" / "000.png", "a").neighbours == ()


def test_what_is_promised_is_said_of_each_image(pixel_answers, tmp_path):
    abstention, sets = pixel_answers.trained.calibration.usual_promises
    assert pixel_answers.notes == [
        f"Calibrated probabilities: temperature {pixel_answers.trained.calibration.temperature.value:.2f}, fitted on "
        "400 validation images."
    ]
    said = set()
    for image in drawn_images(30, seed=7)[0]:
        Image.fromarray(image[:, :, 0]).save(tmp_path / "a.png")
        answer = pixel_answers.answer(tmp_path / "a.png", "a.png")
        probabilities = pixel_answers.trained.probabilities(image[None])[0]
        first, answered, prediction_set = answer.sentences
        assert first == f"{answer.prediction.classes[0]}: {percent(probabilities.max())}"
        assert answered.startswith(
            "Certain enough for an answer" if probabilities.max() > abstention.threshold else "Too uncertain for an"
        )
        assert answered.endswith(
            f" above {percent(abstention.threshold)}, above which at least 95 % of answers are correct."
        )
        inside = max(1, int((probabilities >= sets.least).sum()))
        assert len(answer.prediction.class_set) == inside
        assert prediction_set == (
            f"Prediction set: {', '.join(answer.prediction.class_set)}. Such sets contain the true class of 95 % of "
            "images like the validation images, on average."
        )
        said.add(answer.prediction.abstained)
    assert said == {True, False}


def test_the_overlay_is_the_upright_picture_in_its_own_proportions(tmp_path):
    image = keras.Input((8, 8, 3), dtype="uint8")
    x = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x)))
    save_model(model, tmp_path / "m.keras", ("cat", "dog"))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(np.full((30, 20, 3), 200, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    overlay = Answers(TrainedModel.read(tmp_path / "m.keras")).answer(tmp_path / "a.jpg", "a.jpg").overlay
    assert overlay.shape == (160, 240, 3)
    assert overlay.dtype == np.uint8


@pytest.mark.parametrize(("fit", "corner"), [("crop", 200), ("pad", 0)])
def test_the_overlay_is_what_a_model_of_cropped_or_padded_images_sees(tmp_path, fit, corner):
    image = keras.Input((8, 8, 3), dtype="uint8")
    x = layers.Conv2D(4, 3, padding="same", kernel_initializer="zeros")(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x)))
    save_model(model, tmp_path / "m.keras", ("cat", "dog"), fit=fit)
    Image.fromarray(np.full((20, 300, 3), 200, np.uint8)).save(tmp_path / "a.png")
    overlay = Answers(TrainedModel.read(tmp_path / "m.keras")).answer(tmp_path / "a.png", "a.png").overlay
    assert overlay.shape == (300, 300, 3)
    assert overlay[0, 0].tolist() == [corner] * 3
    assert overlay[150, 150].tolist() == [200] * 3


def test_heat_turns_a_picture_from_itself_to_red():
    image = np.full((2, 2, 3), 100, np.uint8)
    found = laid_over(image, np.array([[0, 1], [0, 1]], np.float32))
    np.testing.assert_array_equal(found[:, 0], image[:, 0])
    assert found[0, 1].tolist() == [201, 35, 35]  # 0.35 · 100 + 0.65 · (255, 0, 0), rounded
    assert laid_over(np.zeros((7, 5, 3), np.uint8), np.ones((2, 2), np.float32)).shape == (7, 5, 3)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.4987, "49.9%"), (1.0, "100.0%"), (0.99999, "above 99.9%"), (0.0, "0.0%"), (0.0001, "below 0.1%")],
)
def test_only_what_is_certain_is_0_or_100_percent(share, text):
    assert percent(share) == text
