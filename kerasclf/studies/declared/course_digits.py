"""S4: a course in deep learning, in studies of seconds to minutes. This file has exercises 4 to 12, on digits.

    kerasclf course --data folder:mnist900 --wine winequality-red.csv        or        make course
    kerasclf study course-iris                                               one of its studies alone

Exercises 1 to 3 are in `course_rows.py`, and the texts of all exercises are in `exercises.py`. Grid search, the second
half of exercise 8, is `kerasclf search s4`. Results, with number of runs, hardware and versions: reports/course-*/.
"""

from kerasclf.data.splits import Split
from kerasclf.networks.network_source import label_of
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared.course_rows import FULL_BATCH, FULL_NOTE
from kerasclf.studies.study import Protocol, Study
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer

# The default data: MNIST, reduced to 600, 200 and 100 images as in the course.
_DIGITS = "mnist"
_DIGITS_SPLIT = Split(validation=0.25, train_per_class=80, test_per_class=10)
_FOLDS = 5

_SCALED = Augmentation(rescale=1 / 255)

_L2_NOTE = "The course uses the weight decay of PyTorch's optimizers, which add it to the gradient. Here it is l2."
_OPEN_NOTE = "If the course leaves them open, batches have 32 images and pixels are scaled by 1/255."


def digits_study(protocol: Protocol = "sound") -> Study:
    """Declares exercises 4 and 5."""
    return Study(
        name="course-digits",
        title="Handwritten digits: 784 → 100 → 10",
        question="How accurately does a dense network classify digits after 100 steps on 600 images?",
        experiments={"mlp_100": _digits()},
        published_data=_DIGITS,
        protocol=protocol,
        notes=(FULL_NOTE, _OPEN_NOTE),
    )


def fitting_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 6."""
    base = _digits()
    deep = base.but(model_args={"hidden": (60,) * 6}, train=base.train.but(epochs=200))
    return Study(
        name="course-fitting",
        title="Underfitting, overfitting and weight decay",
        question="Which learning curves show that a network underfits, and which that it overfits?",
        experiments={
            "underfitting": base.but(model_args={"hidden": ()}, train=base.train.but(epochs=30)),
            "mlp_100": base,
            "overfitting": deep,
            "weight_decay": deep.but(train=base.train.but(epochs=100, l2=0.01)),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "underfitting has no hidden layer and trains for 30 epochs. overfitting has six hidden layers of 60 units "
            "and trains for 200 epochs. weight_decay has the same six layers, 100 epochs and a weight decay of 0.01. "
            "mlp_100 is the network of exercise 4.",
            _L2_NOTE,
            FULL_NOTE,
        ),
    )


def batches_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 7."""
    base = _digits()
    train = base.train.but(learning_rate=0.01, l2=0.01)
    small = base.but(
        model_args={"hidden": (50, 50, 50), "activation": "tanh"}, train=train.but(epochs=10, batch_size=256)
    )
    return Study(
        name="course-batches",
        title="Batches: all images at once, or some at a time",
        question="How does the number of images per step change the training?",
        experiments={
            "no_batches": small.but(train=train.but(epochs=15)),
            "batches_256": small,
            "batches_32": small.but(train=train.but(epochs=10, batch_size=32)),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "batches_32 is an addition. All three hidden layers use tanh. The course specifies it for one of them.",
            _L2_NOTE,
            FULL_NOTE,
        ),
    )


def folds_study(protocol: Protocol = "sound") -> Study:
    """Declares the first half of exercise 8. The second half is a search."""
    base = _digits()
    return Study(
        name="course-folds",
        title="K-fold cross-validation",
        question="How much does the validation accuracy depend on the images in the validation set?",
        experiments={
            f"fold_{number}": base.but(split=base.split.but(fold=(number, _FOLDS))) for number in range(1, _FOLDS + 1)
        },
        published_data=_DIGITS,
        protocol=protocol,
        compare=(),  # A fold is no choice to make.
        notes=(
            f"The network of exercise 4 trains {_FOLDS} times. Each image outside the test set is in one validation "
            "set. The test set is always the same.",
            "The second half of the exercise, a grid of 243 settings, is the search s4.",
            FULL_NOTE,
        ),
    )


def cnn_study(protocol: Protocol = "sound") -> Study:
    """Declares exercises 9 and 10."""
    base = _digits()
    decayed = base.but(
        model="course_cnn",
        model_args={},
        train=TrainConfig(epochs=10, batch_size=32, optimizer="adam", learning_rate=0.001, l2=0.1),
    )
    return Study(
        name="course-cnn",
        title="Digits with a convolutional network",
        question="How much do convolutions help, and how much does a weight decay of 0.1 harm?",
        experiments={"cnn": decayed, "no_decay": decayed.but(train=decayed.train.but(l2=0.0))},
        published_data=_DIGITS,
        protocol=protocol,
        notes=("cnn is the network of the course. no_decay is an addition.", _L2_NOTE, _OPEN_NOTE),
    )


def networks_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 11. The course builds these networks and does not say how to train them."""
    base = _digits().but(
        model_args={},
        image_size=(64, 64),
        augmentation=Augmentation(),
        train=TrainConfig(epochs=5, batch_size=32, optimizer="adam"),
    )
    gentle = base.train.but(learning_rate=1e-4)
    # Their original heads pool to 6×6 and 7×7 positions, more than such small images have.
    wide = {"head": (4096, 4096), "head_dropout": 0.5, "pooling": "flatten"}
    return Study(
        name="course-networks",
        title="The classic networks: AlexNet, VGG16, NiN, ResNet18",
        question="How accurate are four classic networks with random initial weights and a few hundred images?",
        experiments={
            "alexnet": base.but(model="alexnet", model_args=wide, train=gentle),
            "vgg16": base.but(model="vgg16", model_args=wide, train=gentle),
            "nin": base.but(model="nin", augmentation=_SCALED),
            "resnet18": base.but(model="resnet18"),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "The course builds these networks and reports no metrics. Here they train for 5 epochs on images resized "
            "to 64×64, with Adam at a learning rate of 0.001. AlexNet and VGG16, which have very wide dense layers and "
            "no normalisation, use 0.0001.",
            "The two dense layers of 4,096 units of AlexNet and VGG16 follow maps of 1×1 and 2×2 positions, instead of "
            "6×6 and 7×7, because the images are only 64×64.",
        ),
    )


def transfer_study(protocol: Protocol = "sound", backbone: str = "resnet18") -> Study:
    """Declares exercise 12.

    Args:
        protocol: `"sound"` or `"published"`.
        backbone: The pretrained network.
    """
    base = _digits()
    network = "ResNet18" if backbone == "resnet18" else backbone
    return Study(
        name="course-transfer",
        title=f"Transfer learning: {network}, trained on photographs, for digits",
        question="Can a network trained on photographs classify digits if only a new last layer is trained?",
        experiments={
            f"{label_of(backbone)}_frozen": base.but(
                model=backbone,
                model_args={},
                augmentation=Augmentation(),
                image_size=(224, 224),
                transfer=Transfer(weights="imagenet"),
                train=TrainConfig(
                    epochs=5, batch_size=32, optimizer="sgd", learning_rate=0.001, l2=0.1, unfreeze="head"
                ),
            )
        },
        published_data=_DIGITS,
        published_image_size=(224, 224),
        protocol=protocol,
        notes=(
            "Digits are enlarged to 224×224 and repeated in three channels. The network itself normalises them, as its "
            "weights expect.",
            "The training uses SGD without momentum for 5 epochs, as in the course.",
            _L2_NOTE,
        ),
    )


def _digits() -> Experiment:
    """Returns the experiment of exercise 4, which the other exercises modify."""
    return Experiment(
        data=_DIGITS,
        model="mlp",
        model_args={"hidden": (100,)},
        augmentation=_SCALED,
        split=_DIGITS_SPLIT,
        train=TrainConfig(epochs=100, batch_size=FULL_BATCH, optimizer="adam", learning_rate=0.001, macro_f1=True),
    )
