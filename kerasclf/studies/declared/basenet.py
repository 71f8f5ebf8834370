"""S1a: BaseNet on 25 classes of CIFAR-100, with two optimizers and two numbers of epochs.

    kerasclf study basenet        or        make basenet

Results, with spread, number of runs, hardware and versions: reports/basenet-*/.
"""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Protocol, Published, Study
from kerasclf.training import TrainConfig

PUBLISHED_DATA = "cifar100:25"

# The original leaves the scale of the pixels open. 1/255 is usual, and SGD's default learning rate needs it.
_RESCALED = Augmentation(rescale=1 / 255)

_NOTES = {
    "sound": ("The validation set is a tenth of the training images, stratified by class.",),
    "published": (
        "The validation set is the first tenth of the training images in their original order, neither shuffled nor "
        "stratified.",
    ),
}


def split_of(protocol: Protocol) -> Split:
    """Returns the split of S1: a tenth of the training images is the validation set."""
    return Split(validation=0.1, method="stratified" if protocol == "sound" else "first")


def basenet_study(protocol: Protocol = "sound") -> Study:
    """Declares S1a."""
    base = Experiment(
        data=PUBLISHED_DATA,
        model="basenet",
        augmentation=_RESCALED,
        split=split_of(protocol),
        train=TrainConfig(epochs=20, batch_size=64, optimizer="sgd"),
    )
    return Study(
        name="basenet",
        title="BaseNet: which optimizer, and how many epochs?",
        question="How accurate is a small convolutional network after 20 or 40 epochs with SGD or Adam?",
        experiments={
            f"{optimizer}_{epochs}": base.but(train=base.train.but(optimizer=optimizer, epochs=epochs))
            for optimizer in ("sgd", "adam")
            for epochs in (20, 40)
        },
        published={
            "sgd_20": Published(0.3176, 2.3555),
            "sgd_40": Published(0.3512, 2.1935),
            "adam_20": Published(0.4068, 1.9855),
            "adam_40": Published(0.4364, 1.8760),
        },
        published_data=PUBLISHED_DATA,
        protocol=protocol,
        notes=(*_NOTES[protocol], "Pixels are scaled by 1/255. The original leaves the scale open."),
    )
