"""S4: a course in deep learning, from the perceptron to transfer learning, as studies of seconds to minutes.

    kerasclf study course --data folder:mnist900 --wine winequality-red.csv        or        make course
    kerasclf study course-iris                                                     one of its studies alone

Its exercises, which show what is to be seen, are in `exercises.py`. Grid search, the second half of exercise 8, is
`kerasclf search`. Measured figures, with number of runs, hardware and versions: reports/course-*/.
"""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.study import Lesson, Protocol, Study
from kerasclf.training import TrainConfig
from kerasclf.transfer import Transfer

# The data that an exercise takes where no other are given. MNIST cut down to 600, 200 and 100 images, as in the course.
_DIGITS = "mnist"
_DIGITS_SPLIT = Split(validation=0.25, train_per_class=80, test_per_class=10)
# More rows than any training part of the course has: one batch is the whole of it.
_FULL_BATCH = 10_000
_FOLDS = 5

_SCALED = Augmentation(rescale=1 / 255)
_STANDARDISED = Augmentation(featurewise_center=True, featurewise_std_normalization=True)

_FULL_NOTE = f"A batch of {_FULL_BATCH:,} holds the whole training part: one step an epoch."
_L2_NOTE = "The course's weight decay is that of PyTorch's optimizers, which add it to the gradient: l2 here."
_OPEN_NOTE = "Where the course leaves something open, batches have 32 images and pixels are scaled by 1/255."


_IRIS_LESSONS = {
    "standardised_before": Lesson(
        corrected="corrected",
        wrong="Mean and deviation are those of all flowers, so that the training knows something of the test.",
        seen="Only in the order of the program's lines: what is fitted must be fitted to the training part.",
    ),
    "four_outputs": Lesson(
        corrected="corrected",
        wrong="A fourth output has no class; the network must first learn that nothing is ever of it.",
        seen="Count the outputs; the first loss is near ln 4 instead of ln 3, and macro F1 counts an empty class as 0.",
    ),
    "softmax_twice": Lesson(
        corrected="corrected",
        wrong="Softmax before a cross-entropy that applies it again: what the network says is flattened.",
        seen="The training loss cannot fall below ln(1 + 2/e) = 0.55 with three classes, however right the network is.",
    ),
}


def perceptron_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 1."""
    return Study(
        name="course-perceptron",
        title="The perceptron and its line",
        question="How does one unit find the line between two classes?",
        experiments={
            "perceptron": Experiment(
                data="points",
                model="perceptron",
                split=Split(test=0.2, validation=0.25),
                train=TrainConfig(epochs=15, batch_size=32, optimizer="sgd", learning_rate=0.5),
            )
        },
        published_data="points",
        protocol=protocol,
        notes=("One sigmoid unit whose weights begin at 0; a point is orange from 0.5 on. The points are drawn here.",),
    )


def wine_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 2."""
    small = Experiment(
        data="wine",
        model="mlp",
        model_args={"hidden": (2, 2)},
        augmentation=_STANDARDISED,
        train=TrainConfig(epochs=30, batch_size=32, optimizer="adam", learning_rate=0.1),
    )
    return Study(
        name="course-wine",
        title="A small MLP and red wine",
        question="Can two hidden layers of two units tell a good wine by eleven measurements?",
        experiments={
            "hidden_2_2": small,
            "slow": small.but(train=small.train.but(learning_rate=0.01)),
            "no_hidden": small.but(model_args={"hidden": ()}),
            "raw": small.but(augmentation=Augmentation()),
        },
        published_data="wine",
        protocol=protocol,
        notes=(
            "hidden_2_2 is the course's (Adam at 0.1); the other three are ours: a tenth of its rate, no hidden "
            "layer, and features in their own units.",
            "Of the 1,599 wines 240 have the same measurements as an earlier one; they are kept, as in the course, so "
            "that a few test wines have a twin in training.",
        ),
    )


def iris_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 3: under "published" with its three flaws, together and one by one."""
    corrected = Experiment(
        data="iris",
        model="mlp",
        model_args={"hidden": (50, 50)},
        augmentation=_STANDARDISED,
        split=Split(test=0.2, validation=0.25),
        train=TrainConfig(epochs=100, batch_size=_FULL_BATCH, optimizer="adam", learning_rate=0.001),
    )
    experiments = {"corrected": corrected, "raw": corrected.but(augmentation=Augmentation())}
    if protocol == "published":
        experiments = {
            "as_published": corrected.but(data="iris:4", flaws=("statistics_of_all", "softmax_twice")),
            "corrected": corrected,
            "standardised_before": corrected.but(flaws=("statistics_of_all",)),
            "four_outputs": corrected.but(data="iris:4"),
            "softmax_twice": corrected.but(flaws=("softmax_twice",)),
        }
    notes = {
        "sound": "Features are standardised by the training flowers alone; 'raw' (ours) leaves them in cm.",
        "published": "As published: standardised before the split, four outputs for three classes, softmax before a "
        "cross-entropy that applies it again; then the correction, and each of the three flaws alone.",
    }
    return Study(
        name="course-iris",
        title="Iris: 4 → 50 → 50 → classes",
        question="Does a dense network tell three irises apart, and does it matter how the features come?",
        experiments=experiments,
        published_data="iris",
        protocol=protocol,
        lessons=_IRIS_LESSONS if protocol == "published" else {},
        notes=(notes[protocol], _FULL_NOTE),
    )


def digits_study(protocol: Protocol = "sound") -> Study:
    """Declares exercises 4 and 5."""
    return Study(
        name="course-digits",
        title="Handwritten digits: 784 → 100 → 10",
        question="How well does a dense network read digits after 100 steps on 600 images?",
        experiments={"mlp_100": _digits()},
        published_data=_DIGITS,
        protocol=protocol,
        notes=(_FULL_NOTE, _OPEN_NOTE),
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
            _FULL_NOTE,
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
            _FULL_NOTE,
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
            "search.",
            _FULL_NOTE,
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
        image_size=(64, 64), augmentation=Augmentation(), train=TrainConfig(epochs=5, batch_size=32, optimizer="adam")
    )
    gentle = base.train.but(learning_rate=1e-4)
    return Study(
        name="course-networks",
        title="The classic networks: AlexNet, VGG16, NiN, ResNet18",
        question="How do four famous networks do when they begin at random and have a few hundred images?",
        experiments={
            "alexnet": base.but(model="alexnet", train=gentle),
            "vgg16": base.but(model="vgg16", train=gentle),
            "nin": base.but(model="nin", augmentation=_SCALED),
            "resnet18": base.but(model="resnet18"),
        },
        published_data=_DIGITS,
        protocol=protocol,
        notes=(
            "The course builds these networks and gives no figures. Here they train for 5 epochs on images made "
            "64×64, with Adam at 0.001, and 0.0001 for the two without any normalisation inside and with very wide "
            "dense layers.",
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
        train=TrainConfig(epochs=100, batch_size=_FULL_BATCH, optimizer="adam", learning_rate=0.001, macro_f1=True),
    )
