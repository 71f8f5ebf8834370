"""The pitfalls: each known flaw of image-classification studies against its correction, and what it costs or flatters.

    kerasclf study pitfalls       or        make pitfalls

Measured figures, with spread, number of runs, hardware and versions: reports/pitfalls-*/.
"""

from kerasclf.flaws import FLAWS
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Lesson, Protocol, Study
from kerasclf.training import EarlyStopping, TrainConfig
from kerasclf.transfer import Transfer

DATA = "cifar10"

_EPOCHS, _HEAD_EPOCHS = 20, 10
# Never stops: the epoch is chosen when all are done, so that runs with one seed go the same way, epoch by epoch.
_CHOOSE_EPOCH = EarlyStopping(monitor="val_accuracy", patience=_EPOCHS, restore_best=True)

_LESSONS = {
    "augment_validation": Lesson(
        corrected="sound",
        metric="validation_accuracy",
        wrong="Validation images are zoomed and flipped like training images, so that the validation accuracy is that "
        "of other images than those the network is made for, and the epoch is chosen by it.",
        symptom="Compare the last validation accuracy with one that is computed from the images as they are.",
    ),
    "choose_on_test": Lesson(
        corrected="sound",
        leaks=True,
        wrong="The epoch with the best test accuracy is taken, and that accuracy is reported: the luck of these images "
        "is reported with it.",
        symptom="The reported accuracy is the highest point of the test curve. Untouched images give less.",
    ),
    "sorted_split": Lesson(
        corrected="sound",
        metric="validation_accuracy",
        wrong="The first tenth of images that lie class by class validates: it holds one class or two, of which the "
        "training part has few images or none.",
        symptom="Count the classes of each part; a validation accuracy far from the test accuracy tells as well.",
    ),
    "unshuffled": Lesson(
        corrected="sound",
        wrong="Batches hold a single class each, so that the network learns one class and forgets it for the next, and "
        "ends with what came last.",
        symptom="The training accuracy stays at chance or below, as each batch is judged by what the class before it "
        "taught; predictions crowd in few classes.",
    ),
    "duplicates": Lesson(
        corrected="sound",
        leaks=True,
        wrong="A fifth of the test images was trained on, so that the test accuracy is in part a memory.",
        symptom="Hash the images of all sets and look for equal ones, and for near ones. Test images with a copy in "
        "the training set do better than the others.",
    ),
    "statistics_of_all": Lesson(
        corrected="sound",
        leaks=True,
        wrong="Mean and deviation are computed before the split, so that they know the test images.",
        symptom="No figure of a run shows it, only the order of the program's lines; three means and three deviations "
        "carry so little of the test images that it is wrong more often than it hurts.",
    ),
    "softmax_twice": Lesson(
        corrected="sound",
        wrong="The second softmax flattens what the first one says, and with it the gradients: learning is slower.",
        symptom="The training loss cannot fall below ln(1 + (K - 1) / e) with K classes, 0.90 with 5 and 1.46 with 10, "
        "however right the network is.",
    ),
    "double_rescaling": Lesson(
        corrected="transfer",
        wrong="Pixels are multiplied by 1/255 before a network that rescales by itself, so that it sees almost the "
        "same grey in every image.",
        symptom="Look at the smallest and the largest value that reach the first convolution. The loss stays near "
        "ln K, that of guessing among K classes.",
    ),
    "batch_norm_learns": Lesson(
        corrected="transfer",
        wrong="The weights are frozen but batch normalisation is not: it normalises by each batch, and its statistics "
        "move away from those that the weights were learnt with.",
        symptom="Compare moving_mean and moving_variance before and after training; of a frozen network they must be "
        "the same.",
    ),
    "swapped_channels": Lesson(
        corrected="transfer",
        wrong="Red and blue are exchanged, so that the pretrained network sees blue faces and orange skies, in "
        "training as in test.",
        symptom="Show one image as it reaches the network.",
    ),
}

_NOTES = (
    "Each experiment with a flaw differs from its corrected one by that flaw alone and shares its seeds, and so its "
    "initial weights and the order of its images, as far as the flaw leaves them.",
    "With the flaw: what the author of a flawed study would report. Without it: the same figure of the corrected run "
    "with the same seed, on the same test images. The difference is what the flaw costs, or flatters. Of flaws of "
    "validation images the validation accuracy is compared too; that of sorted_split is of other images.",
    "With choose_on_test the weights of every epoch are those of the corrected run; only the epoch that is taken "
    "differs. Where the validation part is much smaller than the test part, a part of the difference is a better "
    "choice.",
    "The duplicates take the place of as many training images of their class, so that both runs have as many.",
    "sound, and what is compared with it: BaseNet, featurewise normalisation, flips and zoom, the epoch chosen on the "
    "validation part. transfer, and what is compared with it: a new head on a frozen MobileNetV2.",
    "There is no original and therefore nothing that the protocol 'published' would change: both sides are here.",
)


def pitfalls_study(protocol: Protocol = "sound") -> Study:
    """Declares the study of the flaws."""
    sound = Experiment(
        data=DATA,
        model="basenet",
        augmentation=Augmentation(
            featurewise_center=True, featurewise_std_normalization=True, zoom_range=0.2, horizontal_flip=True
        ),
        train=TrainConfig(epochs=_EPOCHS, batch_size=32, optimizer="adam", early_stopping=_CHOOSE_EPOCH),
    )
    transfer = Experiment(
        data=DATA,
        model="mobilenet_v2",
        transfer=Transfer(weights="imagenet"),
        train=TrainConfig(epochs=_HEAD_EPOCHS, batch_size=32, optimizer="adam", unfreeze="head"),
    )
    return Study(
        name="pitfalls",
        title="Pitfalls: what does each flaw cost?",
        question="What does each known flaw of image-classification studies cost, or flatter, against its correction?",
        experiments={
            "sound": sound,
            "augment_validation": sound.but(augment_validation=True),
            **{name: sound.but(flaws=(name,)) for name in _flaws_against("sound")},
            "transfer": transfer,
            "double_rescaling": transfer.but(augmentation=Augmentation(rescale=1 / 255)),
            **{name: transfer.but(flaws=(name,)) for name in _flaws_against("transfer")},
        },
        published_data=DATA,
        protocol=protocol,
        notes=_NOTES,
        lessons=_LESSONS,
    )


def _flaws_against(corrected: str) -> tuple[str, ...]:
    """Returns the names of the flaws that are switches, not settings, and are compared with an experiment."""
    return tuple(name for name, lesson in _LESSONS.items() if lesson.corrected == corrected and name in FLAWS)
