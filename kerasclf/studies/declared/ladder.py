"""S1b: the ladder from BaseNet to a deeper network with batch normalisation, in which each step adds one change.

    kerasclf study ladder         or        make ladder

Results, with spread, number of runs, hardware and versions: reports/ladder-*/.
"""

from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared.basenet import PUBLISHED_DATA, split_of
from kerasclf.studies.study import Protocol, Published, Study
from kerasclf.training import EarlyStopping, TrainConfig

_NOTES = {
    "sound": (
        "The validation set is a stratified tenth of the training images and is never augmented.",
        "stop_by_eye keeps the original's 21 epochs, which its author chose on the test set.",
    ),
    "published": (
        "The validation set is the first tenth of the training images in their original order. It is augmented like "
        "the training set.",
        "stop_by_eye stops after 21 epochs, which the original's author chose on the test set.",
    ),
}


def ladder_study(protocol: Protocol = "sound") -> Study:
    """Declares S1b."""
    base = Experiment(
        data=PUBLISHED_DATA,
        model="basenet",
        augmentation=Augmentation(rescale=1 / 255),
        split=split_of(protocol),
        train=TrainConfig(epochs=30, batch_size=32, optimizer="adam"),
        augment_validation=protocol == "published",
    )
    normalised = base.but(augmentation=Augmentation(featurewise_center=True, featurewise_std_normalization=True))
    augmented = normalised.but(augmentation=normalised.augmentation.but(zoom_range=0.2, horizontal_flip=True))
    deeper = augmented.but(model="basenet_deeper")
    bn_before = deeper.but(model_args={"batch_norm": "before"})
    return Study(
        name="ladder",
        title="The ladder: what improves BaseNet?",
        question="How much do normalisation, augmentation, depth, batch normalisation and early stopping each help?",
        experiments={
            "base": base,
            "normalised": normalised,
            "augmented": augmented,
            "deeper": deeper,
            "bn_before": bn_before,
            "bn_after": deeper.but(model_args={"batch_norm": "after"}),
            "stop_by_eye": bn_before.but(train=base.train.but(epochs=21)),
            "early_stopping": bn_before.but(
                train=base.train.but(
                    epochs=40,
                    early_stopping=EarlyStopping(monitor="val_accuracy", patience=2, restore_best=True),
                )
            ),
        },
        published={
            "normalised": Published(0.4412, 2.5224),
            "augmented": Published(0.5088, 1.6954),
            "deeper": Published(0.4816, 1.8889),
            "bn_before": Published(0.5888, 1.4762),
            "bn_after": Published(0.5756, 1.4807),
            "stop_by_eye": Published(0.5876, 1.3663),
            "early_stopping": Published(0.5124, 1.6317),
        },
        published_data=PUBLISHED_DATA,
        protocol=protocol,
        compare=(
            ("normalised", "base"),
            ("augmented", "normalised"),
            ("deeper", "augmented"),
            ("bn_before", "deeper"),
            ("bn_after", "bn_before"),
            ("stop_by_eye", "bn_before"),
            ("early_stopping", "bn_before"),
        ),
        notes=(
            *_NOTES[protocol],
            "The step base, with pixels scaled by 1/255, is an addition: it is the start of the ladder.",
        ),
    )
