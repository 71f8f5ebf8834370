"""S4: a course in deep learning, as studies of seconds to minutes; here exercises 4 to 12, on handwritten digits.

    kerasclf study course --data folder:mnist900 --wine winequality-red.csv        or        make course
    kerasclf study course-iris                                                     one of its studies alone

Exercises 1 to 3 are in `course_rows.py`; what is to be seen in each is in `exercises.py`. Grid search, the second half
of exercise 8, is `kerasclf search s4`. Measured figures, with number of runs, hardware and versions: reports/course-*/.
"""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared.course_rows import FULL_BATCH, FULL_NOTE
from kerasclf.studies.study import Protocol, Study
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer

# The data that an exercise takes where no other are given. MNIST cut down to 600, 200 and 100 images, as in the course.
_DIGITS = "mnist"
_DIGITS_SPLIT = Split(validation=0.25, train_per_class=80, test_per_class=10)
_FOLDS = 5

_SCALED = Augmentation(rescale=1 / 255)

_L2_NOTE = "The course's weight decay is that of PyTorch's optimizers, which add it to the gradient: l2 here."
_OPEN_NOTE = "Where the course leaves something open, batches have 32 images and pixels are scaled by 1/255."


def digits_study(protocol: Protocol = "sound") -> Study:
    """Declares exercises 4 and 5."""
    return Study(
        name="course-digits",
        title="Handwritten digits: 784 → 100 → 10",
        question="How well does a dense network read digits after 100 steps on 600 images?",
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
        title="Too little, too much: underfitting, overfitting, weight decay",
        question="How do curves look when a network learns too little, and when it learns its images by heart?",
        experiments={
            "underfitting": base.but(model_args={"hidden": ()}, train=base.train.but(epochs=30)),
            "mlp_100": base,
            "overfitting": deep,
            "weight_decay": deep.but(train=base.train.but(epochs=100, l2=0.01)),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "underfitting: no hidden layer, 30 epochs. overfitting: six hidden layers of 60, 200 epochs. "
            "weight_decay: the same six, 100 epochs, 0.01. mlp_100 is that of exercise 4.",
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
        question="What does it change how many images a step looks at?",
        experiments={
            "no_batches": small.but(train=train.but(epochs=15)),
            "batches_256": small,
            "batches_32": small.but(train=train.but(epochs=10, batch_size=32)),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "batches_32 is ours. All three hidden layers have tanh, which the course says of one.",
            _L2_NOTE,
            FULL_NOTE,
        ),
    )


def folds_study(protocol: Protocol = "sound") -> Study:
    """Declares the first half of exercise 8; the second is a search."""
    base = _digits()
    return Study(
        name="course-folds",
        title="K-fold cross-validation",
        question="How much does a validation accuracy depend on which images validate?",
        experiments={
            f"fold_{number}": base.but(split=base.split.but(fold=(number, _FOLDS))) for number in range(1, _FOLDS + 1)
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            f"The network of exercise 4, {_FOLDS} times: each image outside the test part validates once. The test "
            "images are the same in all. The second half of the exercise, a grid of 243 settings, is for kerasclf "
            "search s4.",
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
        title="A convolutional network reads digits",
        question="What do convolutions bring, and what does a weight decay of 0.1 take?",
        experiments={"cnn": decayed, "no_decay": decayed.but(train=decayed.train.but(l2=0.0))},
        published_data=_DIGITS,
        protocol=protocol,
        notes=("cnn is the course's; no_decay is ours.", _L2_NOTE, _OPEN_NOTE),
    )


def networks_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 11; the course builds these networks, and how they are trained is ours."""
    base = _digits().but(
        model_args={},
        image_size=(64, 64),
        augmentation=Augmentation(),
        train=TrainConfig(epochs=5, batch_size=32, optimizer="adam"),
    )
    gentle = base.train.but(learning_rate=1e-4)
    # Their own heads spread the last map over 6×6 and 7×7 places, which so small images do not have.
    wide = {"head": (4096, 4096), "head_dropout": 0.5, "pooling": "flatten"}
    return Study(
        name="course-networks",
        title="The classic networks: AlexNet, VGG16, NiN, ResNet18",
        question="How do four famous networks do when they begin at random and have a few hundred images?",
        experiments={
            "alexnet": base.but(model="alexnet", model_args=wide, train=gentle),
            "vgg16": base.but(model="vgg16", model_args=wide, train=gentle),
            "nin": base.but(model="nin", augmentation=_SCALED),
            "resnet18": base.but(model="resnet18"),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "The course builds these networks and gives no figures. Here they train for 5 epochs on images made "
            "64×64, with Adam at 0.001, and 0.0001 for the two without any normalisation inside and with very wide "
            "dense layers.",
            "AlexNet and VGG16 have their two dense layers of 4,096 on what is left of a 64×64 image, 1×1 and 2×2 "
            "places, not on 6×6 and 7×7.",
        ),
    )


def transfer_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 12."""
    base = _digits()
    return Study(
        name="course-transfer",
        title="Transfer: what ResNet18 learnt of photographs, for digits",
        question="Can a network that never saw a digit tell them apart with a new last layer alone?",
        experiments={
            "resnet18_frozen": base.but(
                model="resnet18",
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
            "Digits are enlarged to 224×224 and repeated in three channels; ImageNet's mean and deviation are inside "
            "the network. SGD without momentum, 5 epochs, as in the course.",
            _L2_NOTE,
        ),
    )


def _digits() -> Experiment:
    """Returns the network of exercise 4, from which the others differ."""
    return Experiment(
        data=_DIGITS,
        model="mlp",
        model_args={"hidden": (100,)},
        augmentation=_SCALED,
        split=_DIGITS_SPLIT,
        train=TrainConfig(epochs=100, batch_size=FULL_BATCH, optimizer="adam", learning_rate=0.001, macro_f1=True),
    )
