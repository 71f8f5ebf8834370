"""S2: the learning rate, batch size and length of training of a network on CIFAR-10, by TPE in ten trials.

    kerasclf search s2            or        make search-s2
    kerasclf search s2 --reduced  or        make search-s2 REDUCED=1        the form for a CPU

Measured figures, with their spread, hardware and versions: reports/search-*/.
"""

from dataclasses import replace

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Choice, Float, Int, Space
from kerasclf.studies.reduction import Reduction
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer

TRIALS = 10
# The original's best trial; its accuracy is that of its best epoch, and of one run.
PUBLISHED_BEST = {"train.learning_rate": 0.06802, "train.batch_size": 128, "train.epochs": 90}
PUBLISHED_ACCURACY = 0.8724


def s2_search() -> Search:
    """Declares it: ResNet50 with its narrowing head, all of it trained, as the original searched it."""
    experiment = Experiment(
        data="cifar10",
        model="resnet50",
        model_args={"head": (1024, 256, 64, 16), "head_activation": "elu"},
        augmentation=Augmentation(horizontal_flip=True),
        split=Split(validation=0.2),
        transfer=Transfer(weights="imagenet", batch_norm="trained"),
        train=TrainConfig(epochs=50, batch_size=32, optimizer="adadelta", learning_rate=0.02),
    )
    return Search(
        name="s2",
        title="S2: learning rate, batch size and epochs by TPE",
        experiment=experiment,
        space=Space(
            {
                "train.learning_rate": Float(0.001, 0.1),
                "train.batch_size": Choice(32, 64, 128),
                "train.epochs": Int(10, 100, step=5),
            }
        ),
        oracle="tpe",
        notes=(
            "The space, the oracle and the ten trials are the original's, which a time limit stopped at trial 7. "
            "Its best: learning rate 0.06802, batch 128, 90 epochs, 87.24 % of the validation images at its best epoch "
            "(61).",
            "Optuna's TPE draws its first ten trials at random before it models anything, so that a search of ten "
            "trials is a random search, whatever it is called.",
            "The objective is the accuracy of the weights that a trial ends with, not of its best epoch.",
        ),
    )


# MobileNetV2 takes hardly anything to compute at 32×32; 4,000 images to train, 1,000 to validate.
_CPU = Reduction(train_per_class=500, test_per_class=250, models={"resnet50": "mobilenet_v2"})


def s2_reduced_search() -> Search:
    """Declares the form for a CPU: the same space, oracle and head over a frozen MobileNetV2, computed once an image.

    A flip has two outcomes, so that two kept versions of each image are all that there are.
    """
    search = s2_search()
    small = _CPU.apply(search.experiment)
    small = small.but(transfer=Transfer(weights="imagenet", views=2), train=small.train.but(unfreeze="head"))
    return replace(
        search, experiment=small, reductions=("all but the head frozen, its features computed once an image",)
    )
