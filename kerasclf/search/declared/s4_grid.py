"""S4.8: searches a grid of five settings of a dense network on digits, 243 points.

    kerasclf search s4            or        make search-s4

The original varied the batch size but never used it. Here, each trial trains with its batch size.
"""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Choice, Space
from kerasclf.training import TrainConfig


def s4_search() -> Search:
    """Returns the search; with `folds=5` it is the cross-validated grid."""
    return Search(
        name="s4",
        title="S4: batch size, learning rate, weight decay, hidden width and epochs on a grid",
        experiment=Experiment(
            data="mnist",
            model="mlp",
            model_args={"hidden": (100,)},
            augmentation=Augmentation(rescale=1 / 255),
            split=Split(validation=0.25),
            train=TrainConfig(epochs=100, batch_size=256, optimizer="adam", learning_rate=0.001, weight_decay=0.01),
        ),
        space=Space(
            {
                "train.batch_size": Choice(256, 512, 1024),
                "train.learning_rate": Choice(0.001, 0.01, 0.1),
                "train.weight_decay": Choice(0.001, 0.01, 0.1),
                "model.hidden": Choice((50,), (80,), (100,)),
                "train.epochs": Choice(50, 100, 150),
            }
        ),
        oracle="grid",
        notes=(
            "The original varied the batch size but never used it, so it ran each of its 81 different trainings three "
            "times. Here, each trial trains with its batch size.",
            "The original has 900 digits: 600 for training, 200 for validation, 100 for testing (a folder with train, "
            "valid and test).",
        ),
    )
