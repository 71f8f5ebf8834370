"""S2: searches the learning rate, batch size and number of epochs on CIFAR-10, by TPE in ten trials.

    kerasclf search s2            or        make search-s2
    kerasclf search s2 --reduced  or        make search-s2 REDUCED=1        the version for a CPU

Results with spread, hardware and versions: reports/search-*/.
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


def s2_search() -> Search:
    """Returns the search of the original: ResNet50 with a narrowing head, all layers trained."""
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
            "The space and the oracle are the original's. It planned ten trials. A time limit stopped it at trial 7. "
            "Its best trial: learning rate 0.06802, batch size 128, 90 epochs, validation accuracy 87.24 % at the best "
            "epoch (61) of a single run.",
            "Optuna's TPE draws its first ten trials at random. The original's search is therefore a random search.",
            "The objective is the accuracy of the final weights of a trial, not of its best epoch.",
        ),
    )


# MobileNetV2 is fast at 32×32. 4,000 training images and 1,000 validation images. A flip has two outcomes, so the two
# cached versions of each image cover all of them.
_CPU = Reduction(train_per_class=500, test_per_class=250, models={"resnet50": "mobilenet_v2"}, frozen=True)


def s2_reduced_search() -> Search:
    """Returns the version for a CPU: the same space, oracle and head, on the features of a frozen MobileNetV2."""
    search = s2_search()
    return replace(search, experiment=_CPU.apply(search.experiment))
