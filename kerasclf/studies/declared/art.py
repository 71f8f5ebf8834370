"""S3: which pretrained network to use, and how much of it to train, for ten classes of a user's own images.

    kerasclf study art --data folder:my_photos        or        make art DATA=folder:my_photos
    kerasclf study art --data folder:my_photos --only resnet50 last15 last22 last30        one of its comparisons

Results, with spread, hardware and versions: reports/art-*/.
"""

from typing import Any

from kerasclf.data.splits import Split
from kerasclf.errors import KerasclfError
from kerasclf.networks.network_checks import has_convolutions
from kerasclf.networks.network_source import label_of
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study import Protocol, Published, Study
from kerasclf.training import Schedule, TrainConfig
from kerasclf.transfer import Transfer
from kerasclf.wording import in_words

# The study has no data of its own: it needs the user's folder.
PUBLISHED_DATA = "folder"
_SIZE = (224, 224)

_EPOCHS = 25
_BACKBONE, _ARCHITECTURES = "resnet50", ("resnet18", "resnet34", "resnet50", "squeezenet1_1")
_DEPTHS = ("last15", "last22", "last30")
_DROPOUT, _L2 = 0.5, 0.001

_STEPS = Schedule("step", every_epochs=5, factor=0.1)
_COSINE = Schedule("cosine_epoch", final_learning_rate=1e-4)

_NOTES = {
    "sound": (
        "Choices use the validation set. The reported accuracy is that of the test set, which the original does not "
        "have.",
        "The original has one run of each experiment. Use three or more runs to see which differences are significant.",
    ),
    "published": (
        "Choices use the validation accuracy, and the report shows it, as in the original. The original has no test "
        "set.",
        "Training is the same under both protocols.",
    ),
}


def art_study(protocol: Protocol = "sound", backbones: tuple[str, ...] = ()) -> Study:
    """Declares S3: seven comparisons, each of which starts from the choice of the comparison before.

    Args:
        protocol: `"sound"` or `"published"`.
        backbones: The pretrained networks to compare. The first one takes the part of ResNet50 in all comparisons.
            Empty takes those of the original.
    """
    backbone, architectures = (backbones[0], backbones) if backbones else (_BACKBONE, _ARCHITECTURES)
    if not has_convolutions(backbone, _DEPTHS[0]):
        raise KerasclfError(
            f"backbones: the study art trains the last 15 convolutional layers of the first network. {backbone} has "
            "fewer."
        )
    main, depths = label_of(backbone), [depth for depth in _DEPTHS if has_convolutions(backbone, depth)]
    frozen = Experiment(
        data=PUBLISHED_DATA,
        model=backbone,
        model_args={"head": ()},
        split=Split(validation=0.15, test=0.15),
        image_size=_SIZE,
        transfer=Transfer(weights="imagenet"),
        train=TrainConfig(
            epochs=_EPOCHS, batch_size=32, optimizer="adam", learning_rate=1e-3, unfreeze="head", precision="auto"
        ),
    )
    last15 = frozen.but(train=frozen.train.but(unfreeze="last15"))
    dropped = last15.but(model_args={"head": (), "head_dropout": _DROPOUT})

    def trained(**changes: Any) -> Experiment:
        return dropped.but(train=dropped.train.but(**changes))

    stepped = {"learning_rate": 1e-2, "schedule": _STEPS}
    cycled = {"learning_rate": 1e-2, "schedule": _COSINE}
    return Study(
        name="art",
        title="Ten classes of art: which network, and how much of it to train?",
        question="Which pretrained network, unfrozen depth and learning rate suit ten classes of your own images?",
        experiments={
            **{label_of(name): frozen.but(model=name) for name in architectures},
            **{depth: frozen.but(train=frozen.train.but(unfreeze=depth)) for depth in depths},
            "dropout": dropped,
            "weight_decay": last15.but(train=last15.train.but(l2=_L2)),
            "dropout_decay": trained(l2=_L2),
            "sgd": trained(optimizer="sgd", momentum=0.9),
            "rmsprop": trained(optimizer="rmsprop"),
            "adamw": trained(optimizer="adamw"),
            "rate_1e-2": trained(learning_rate=1e-2),
            "rate_1e-4": trained(learning_rate=1e-4),
            "fixed": trained(learning_rate=5e-3),
            "step": trained(**stepped),
            "cosine": trained(**cycled),
            "final_step": trained(**stepped, epochs=20),
            "final_cosine": trained(**cycled, epochs=15),
        },
        published={"fixed": Published(0.45), "step": Published(0.42), "cosine": Published(0.45)},
        published_data=PUBLISHED_DATA,
        published_image_size=_SIZE,
        published_metric="validation_accuracy",
        protocol=protocol,
        compare=(
            *((label_of(name), main) for name in architectures if name != backbone),
            ("last15", main),
            *((depth, "last15") for depth in depths[1:]),
            *((name, "last15") for name in ("dropout", "weight_decay", "dropout_decay")),
            *((name, "dropout") for name in ("sgd", "rmsprop", "adamw", "rate_1e-2", "rate_1e-4", "fixed")),
            ("step", "fixed"),
            ("cosine", "fixed"),
            ("final_step", "step"),
            ("final_cosine", "cosine"),
        ),
        notes=(
            *_NOTES[protocol],
            f"In {in_words([label_of(name) for name in architectures])}, only a new last layer trains. In "
            f"{in_words(depths)}, the last {in_words([depth.removeprefix('last') for depth in depths])} convolutional "
            f"layers of {'ResNet50' if backbone == _BACKBONE else backbone} train, too.",
            "dropout to dropout_decay reduce the overfitting of last15. All experiments from sgd on have the dropout. "
            "The experiment dropout also stands for Adam and for the learning rate 1e-3.",
            "step starts from 1e-2 and divides the rate by 10 every 5 epochs. cosine goes from 1e-2 to 1e-4 in each "
            "epoch.",
            f"The original leaves open the dropout (here {_DROPOUT}), the weight decay (here {_L2}, as PyTorch "
            "defines it), the other optimizers, and the batch size (here 32).",
            "Findings of the original: ResNet50 is the best and ResNet34 the worst of the ResNets. SqueezeNet overfits "
            "after a few epochs. All three depths overfit, and 15 was kept. The rate 1e-2 is fast and irregular. "
            "Cosine gives the smoothest curves.",
        ),
        quick_reduction=_TINY.but(only=(label_of(architectures[-1]), "last15", "cosine")),
        cpu_reduction=_CPU.but(only=(main, *depths, "fixed", "step", "cosine")),
    )


# MobileNetV2 has as many convolutional layers as ResNet50 and needs little computation at 32×32. Its batch
# normalisation runs in inference mode, in which rates of 5e-3 and 1e-2 end at chance level. All rates are a tenth.
_CPU = Reduction(
    train_per_class=100, test_per_class=100, rate_factor=0.1, image_size=(32, 32), models={_BACKBONE: "mobilenet_v2"},
)  # fmt: skip

# Small enough for a test: a frozen network, a partly frozen one, and a schedule.
_TINY = Reduction(
    train_per_class=10, test_per_class=5, epochs=1, image_size=(32, 32), models={_BACKBONE: "resnet18"},
)  # fmt: skip
