"""The findings of an evaluation in sentences, from predictions with known verdicts. Needs no TensorFlow."""

import numpy as np
import pytest

from kerasclf.report.evaluation.evaluated_model import EvaluatedModel, ensemble_of
from kerasclf.report.evaluation.evaluation_findings import evaluation_cautions, evaluation_findings
from kerasclf.report.evaluation.evaluation_results import EvaluationResults

CORRUPTED = (("noise", 1), ("noise", 5))


def predictions(right, images):
    """Probabilities of two classes for images of class 0, of which the first `right` are predicted correctly."""
    return np.where(np.arange(images)[:, None] < right, [[0.8, 0.2]], [[0.3, 0.7]])


def model(name, count, images=200, own=None, **more):
    own_test = None if own is None else (np.zeros(own[1], np.int64), predictions(*own))
    seen = {"train": 0, "validation": 0, "test": 0}
    return EvaluatedModel(
        name, f"{name}.keras", predictions(count, images), own_test=own_test, **{"seen": seen, **more}
    )


def evaluation(*models, images=200, classes=("cat", "dog"), **more):
    names = tuple(f"{i}.png" for i in range(images))
    labels = np.zeros(images, np.int64)
    return EvaluationResults(
        "folder:new", "images of new", "all images", classes, names, labels, models,
        **{"corrupted": (), "views": 1, "image_shape": (8, 8, 3), "environment": {}, **more},
    )  # fmt: skip


def test_harder_images_are_called_harder_with_an_unpaired_interval():
    found = evaluation_findings(evaluation(model("a", 120, own=(180, 200))))
    assert found == [
        "a classifies 60.0% of 200 images correctly (95 % interval 53.1% to 66.5%).",
        "These images are 30.0 points harder than the run's own test images (95 % interval 21.8 to 37.7; 90.0% of 200 "
        "test images of the run are correct, p < 0.001).",
    ]
    assert "These images are 30.0 points easier" in evaluation_findings(evaluation(model("a", 180, own=(120, 200))))[1]


def test_a_small_difference_is_not_told_apart():
    found = evaluation_findings(evaluation(model("a", 180, own=(92, 100))))[1]
    assert found.startswith(
        "These images and the run's own test images cannot be told apart in difficulty: −2.0 points"
    )
    assert found.endswith(" here; 92.0% of 100 test images of the run are correct, p = 0.58.")


def test_models_are_compared_as_networks_on_the_same_images():
    models = [model("a", 120), model("b", 160)]
    found = evaluation_findings(evaluation(*models, ensemble_of(models)))
    assert found[3].startswith("On these 200 images this network of b does better than this one of a by 20.0 points")
    assert "One run each says nothing of other seeds." in found[3]
    assert [sentence.split()[5:8] for sentence in found[4:]] == [["network", "of", "ensemble"]] * 2


@pytest.mark.parametrize(
    ("averaged", "expected"),
    [
        (
            150,
            "Averaging over 2 views of each image raises the accuracy of a by 15.0 points (95 % interval 10.0 to",
        ),
        (121, "Averaging over 2 views of each image does not change the accuracy of a significantly: +0.5 points"),
    ],
)
def test_the_gain_of_views_has_a_paired_interval(averaged, expected):
    found = evaluation_findings(evaluation(model("a", 120, averaged=predictions(averaged, 200)), views=2))
    assert found[1].startswith(expected)


def test_corruptions_have_a_mean_a_worst_one_and_a_paired_difference():
    flags = [np.arange(200)[:, None] < np.array(counts) for counts in ([100, 40], [120, 100])]
    models = [model(name, 160, right=right) for name, right in zip("ab", flags, strict=True)]
    found = evaluation_findings(evaluation(*models, corrupted=CORRUPTED))
    assert found[3].startswith("Over 2 corruptions, a classifies 35.0% correctly (95 % interval 29.")
    assert "−45.0 points (−" in found[3]
    assert found[3].endswith("It loses most under noise of strength 5: 20.0% are correct.")
    assert found[5].startswith("Under corruptions, the accuracy of b minus that of a is +20.0 points (")


def test_the_limits_are_said():
    seen = {"train": 3, "validation": 2, "test": 0}
    found = evaluation_cautions(
        evaluation(
            model("a", 120, seen=seen),
            model("b", 120, seen=None),
            classes=("cat", "dog"),
            left_out={"gnu": 1200},
            unreadable={"x.png": "it is broken"},
        )
    )
    assert found == [
        "Of 200 images, the run of a had 3 in the training set and 2 in the validation set: its accuracy here is too "
        "high. Evaluate it on images that it has not seen.",
        "Whether b was trained on some of these images is unknown: its run recorded no images.",
        "There are no images of 1 class: 'dog'. Nothing is known of it.",
        "Images of classes that the model does not know are left out: 'gnu' (1,200). It would get all wrong.",
        "1 image cannot be read and is left out: x.png.",
    ]


def test_test_images_of_the_run_are_not_compared_with_themselves():
    seen = {"train": 0, "validation": 0, "test": 5}
    found = evaluation_findings(evaluation(model("a", 120, own=(180, 200), seen=seen)))
    assert found[1] == (
        "These images include 5 test images of the run itself. They are no new images, and are not compared with its "
        "test score."
    )
