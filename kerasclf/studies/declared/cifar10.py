"""S2: dense nets, convnets and ResNet50 on CIFAR-10, and two side experiments.

    kerasclf study cifar10-dense        or        make cifar10-dense       (also cifar10-conv, -resnet50, -side)
    kerasclf study cifar10-dense --reduced        the version for a CPU

Its search is `kerasclf search s2`. Results, with spread, hardware and versions: reports/cifar10-*/.
"""

from typing import Any

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study import Lesson, Protocol, Published, Study
from kerasclf.training import EarlyStopping, Schedule, TrainConfig
from kerasclf.transfer import Transfer

PUBLISHED_DATA = "cifar10"
_SIZE = (32, 32)

_EPOCHS, _SEARCHED_EPOCHS = 50, 90
# Never stops early; after the last epoch the weights of the epoch with the best validation accuracy are restored.
_BEST_EPOCH = EarlyStopping(monitor="val_accuracy", patience=_SEARCHED_EPOCHS, restore_best=True)
_TRAIN = TrainConfig(
    epochs=_EPOCHS, batch_size=32, optimizer="sgd", learning_rate=0.02, momentum=0.9, early_stopping=_BEST_EPOCH
)
_DECAYING = Schedule("exponential", every_epochs=10, factor=0.5)

# MobileNetV2's preprocessing scales pixels to [-1, 1] and does nothing else.
_TO_ONE = Augmentation(preprocessing_function="keras.applications.mobilenet_v2:preprocess_input")
_FLIPPED = _TO_ONE.but(horizontal_flip=True)

# The original gives only the number of layers.
_SIX_WIDTHS = (2000, 1000, 500, 250, 100, 50)
_FOUR_WIDTHS = (1024, 512, 128, 32)
_BACKBONE = "resnet50"
# Units of the hidden layers after the 2048 features of ResNet50.
_HEAD = (1024, 256, 64, 16)

# Minutes instead of hours on two cores.
_CPU = Reduction(train_per_class=200, test_per_class=100, epochs=8)

_NOTES = {
    "sound": (
        "The weights are those of the epoch with the best validation accuracy. The report shows their accuracy on the "
        "test set, which influenced no choice.",
        "The original has one run of each experiment. Use three or more runs to see which differences are significant.",
    ),
    "published": (
        "The best epoch is chosen by its validation accuracy, and the report shows this accuracy, as in the original. "
        "The original reports no other metric.",
        "Training is the same under both protocols.",
    ),
}


def cifar10_dense_study(protocol: Protocol = "sound") -> Study:
    """Declares the dense nets."""
    base = _base("mlp", hidden=(512,))
    shapes = {
        "base": (512,), "div2": "halving", "div4": "quartering", "div4_div2": "alternating",
        "rand6": _SIX_WIDTHS, "rand4": _FOUR_WIDTHS,
    }  # fmt: skip
    return Study(
        name="cifar10-dense",
        title="CIFAR-10 with dense networks: which shape?",
        question="Does it matter how the layers of a dense network narrow from 3,072 pixels to 10 classes?",
        experiments={name: base.but(model_args={"hidden": hidden}) for name, hidden in shapes.items()},
        published={
            "base": Published(0.53, wording="about 53 %"),
            **{name: Published(0.55, wording="about 55 %") for name in shapes if name != "base"},
        },
        notes=(
            *_NOTES[protocol],
            "The original leaves some widths open. Here base has one hidden layer of 512 units, "
            f"rand6 has layers of {_as_text(_SIX_WIDTHS)}, and rand4 has layers of {_as_text(_FOUR_WIDTHS)}.",
        ),
        **_of(protocol, _CPU),
    )


def cifar10_conv_study(protocol: Protocol = "sound") -> Study:
    """Declares the convnets."""
    simple = _base("simple_cnn")
    experiments = {
        "default_conv": _base("default_conv"),
        "simple_cnn": simple,
        "simple_cnn_div2": simple.but(model_args={"hidden": "halving"}),
        "simple_cnn_div4": simple.but(model_args={"hidden": "quartering"}),
    }
    return Study(
        name="cifar10-conv",
        title="CIFAR-10 with small convnets: do convolutions help?",
        question="Which of four small convnets is the most accurate, and do narrowing dense layers on top help?",
        experiments=experiments,
        compare=(
            ("simple_cnn", "default_conv"),
            ("simple_cnn_div2", "simple_cnn"),
            ("simple_cnn_div4", "simple_cnn"),
        ),
        published={name: Published(0.70, wording="above 70 %") for name in experiments},
        notes=(
            *_NOTES[protocol],
            "The original leaves the hidden dense layer of simple_cnn open. Here it has 512 units.",
        ),
        **_of(protocol, _CPU),
    )


def cifar10_resnet50_study(protocol: Protocol = "sound", backbone: str = _BACKBONE) -> Study:
    """Declares ResNet50 with a deep head: activations, optimizers and dropout.

    Args:
        protocol: `"sound"` or `"published"`.
        backbone: The pretrained network.
    """
    network = "ResNet50" if backbone == _BACKBONE else backbone
    relu = _pretrained(backbone)
    elu = _pretrained(backbone, head_activation="elu")

    def trained(**changes: Any) -> Experiment:
        return elu.but(train=relu.train.but(**changes))

    rate = {"learning_rate": 0.02, "momentum": 0.0}
    searched = trained(
        optimizer="adadelta", learning_rate=0.06802, momentum=0.0, batch_size=128, epochs=_SEARCHED_EPOCHS
    )
    activations = ("leaky_relu", "sigmoid", "elu", "silu")
    experiments = {
        "relu": relu,
        **{name: _pretrained(backbone, head_activation=name) for name in activations},
        "adagrad": trained(optimizer="adagrad", **rate),
        "adadelta": trained(optimizer="adadelta", **rate),
        "sgd_decay": trained(schedule=_DECAYING),
        "adadelta_decay": trained(optimizer="adadelta", schedule=_DECAYING, **rate),
        "searched": searched,
        "dropout_02": searched.but(model_args={**dict(elu.model_args), "head_dropout": 0.2}),
        "dropout_05": searched.but(model_args={**dict(elu.model_args), "head_dropout": 0.5}),
    }
    return Study(
        name="cifar10-resnet50",
        title=f"CIFAR-10 with {network}: head, optimizer, dropout",
        question=f"Which activation, which optimizer and how much dropout suit a deep head on a pretrained {network}?",
        experiments=experiments,
        compare=(
            *((name, "relu") for name in activations),
            *((name, "elu") for name in ("adagrad", "adadelta", "sgd_decay")),
            ("adadelta_decay", "adadelta"),
            ("searched", "adadelta"),
            ("dropout_02", "searched"),
            ("dropout_05", "searched"),
        ),
        published={
            "relu": Published(0.80, wording="above 80 %"),
            "searched": Published(0.8724),
            "dropout_02": Published(0.8818),
        },
        notes=(
            *_NOTES[protocol],
            f"All layers train from the first epoch. The hidden layers of the head have {_as_text(_HEAD)} units.",
            "All experiments from adagrad on use ELU in the head. The experiment elu itself uses SGD.",
            "searched has the setting that the original's search found. It uses Adadelta here, because Adadelta was "
            "the best optimizer. The dropout experiments change searched.",
            "Findings of the original: the activations are close together except for sigmoid, with ELU slightly "
            "ahead. The best optimizer is Adadelta without a schedule.",
            "The original leaves open the decay (here halving every 10 epochs) and the size of the images (here "
            "32×32). Batch normalisation trains, too, because all weights do.",
            *([] if backbone == _BACKBONE else [f"{backbone} normalises the pixels itself, as its weights expect."]),
        ),
        quick_reduction=_TINY,
        **_of(protocol, _SMALL if backbone == _BACKBONE else Reduction(frozen=True)),
    )


def cifar10_side_study(protocol: Protocol = "sound") -> Study:
    """Declares the two side experiments."""
    plain = _base("simple_cnn")
    return Study(
        name="cifar10-side",
        title="CIFAR-10 side experiments: augmented validation images, and one seed twice",
        question="What is the effect of flipping validation images, and are two runs with one seed identical?",
        experiments={"plain": plain, "again": plain, "leaking": plain.but(augment_validation=True)},
        notes=(
            *_NOTES[protocol],
            "again repeats plain with the same seed. On a CPU both runs are bit-identical. The original's two runs on "
            "a GPU differed slightly.",
        ),
        lessons={
            "leaking": Lesson(
                corrected="plain",
                metric="validation_accuracy",
                wrong="Validation images are flipped like training images. The best epoch is therefore chosen on other "
                "images than those of the validation set.",
                symptom="Compare the validation accuracy with that of the unchanged images.",
            ),
        },
        **_of(protocol, _CPU),
    )


# Small enough for a test: few experiments, a narrow head, few images.
_TINY = Reduction(
    train_per_class=10, test_per_class=5, epochs=1, only=("relu", "adadelta"), models={"resnet50": "resnet18"},
    model_args={"head": (32, 16)},
)  # fmt: skip

# All layers of ResNet18 train in minutes. A smaller network than ResNet50 has all experiments, on frozen features.
_SMALL = _TINY.but(train_per_class=100, test_per_class=50, epochs=5, only=("relu", "sigmoid", "elu", "adadelta"))


def _base(model: str, **arguments: Any) -> Experiment:
    return Experiment(
        data=PUBLISHED_DATA,
        model=model,
        model_args=arguments,
        augmentation=_FLIPPED,
        split=Split(validation=0.2),
        image_size=_SIZE,
        train=_TRAIN,
    )


def _pretrained(backbone: str, **arguments: Any) -> Experiment:
    own = backbone == _BACKBONE
    # Pixels are in [-1, 1], as for the other networks. ImageNet's own scale of ResNet50 is close to it. Another network
    # scales the pixels itself, as its weights expect them.
    network = _base(backbone, head=_HEAD, **arguments, **({"preprocess": None} if own else {}))
    return network.but(
        augmentation=_FLIPPED if own else Augmentation(horizontal_flip=True),
        transfer=Transfer(weights="imagenet", batch_norm="trained"),
        train=_TRAIN.but(precision="auto"),
    )


def _of(protocol: Protocol, reduction: Reduction) -> dict[str, Any]:
    return {
        "published_data": PUBLISHED_DATA,
        "published_image_size": _SIZE,
        "published_metric": "validation_accuracy",
        "protocol": protocol,
        "cpu_reduction": reduction,
    }


def _as_text(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))
