"""The pitfalls: each known flaw of image-classification studies, compared with its correction.

    kerasclf study pitfalls       or        make pitfalls

Results, with spread, number of runs, hardware and versions: reports/pitfalls-*/.
"""

from kerasclf.data.splits import Split
from kerasclf.flaws import FLAWS
from kerasclf.networks.network_checks import has_batch_norm
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.reduction import QUICK
from kerasclf.studies.study import Lesson, Protocol, Study
from kerasclf.training import EarlyStopping, TrainConfig
from kerasclf.transfer import Transfer

DATA = "cifar10"

_BACKBONE = "mobilenet_v2"
# Smaller images are enlarged: the features of a pretrained network mean little on images of 32×32.
_PRETRAINED_SIZE = (96, 96)
# Batch normalisation that learns computes all features anew in every epoch. 5,000 of CIFAR-10's images take minutes.
_PRETRAINED_SPLIT = Split(train_per_class=500, test_per_class=200)
_EPOCHS, _HEAD_EPOCHS = 20, 10
# Never stops early: the best epoch is chosen after the last one. Runs with one seed then have equal numbers of epochs.
_CHOOSE_EPOCH = EarlyStopping(monitor="val_accuracy", patience=_EPOCHS, restore_best=True)

_LESSONS = {
    "augment_validation": Lesson(
        corrected="sound",
        metric="validation_accuracy",
        wrong="Validation images are zoomed and flipped like training images. The validation accuracy, which chooses "
        "the epoch, is then that of images unlike those that the network will classify.",
        symptom="Compare the last validation accuracy with that of the unchanged images.",
    ),
    "choose_on_test": Lesson(
        corrected="sound",
        metric="choosing_accuracy",
        leaks=True,
        wrong="The weights are those of the epoch with the best test accuracy, and this accuracy is reported. It "
        "includes the luck on these images. Here one half of the test images chooses the epoch, and the other half "
        "shows the accuracy of the same weights without this luck.",
        symptom="The reported accuracy is the highest point of the test curve. New images give a lower accuracy.",
    ),
    "report_best_validation": Lesson(
        corrected="sound",
        metric="best_validation_accuracy",
        leaks=True,
        wrong="The best validation accuracy over all epochs is reported as the result. The maximum of noisy values is "
        "too high, even more if settings were chosen on the same images. The test set of the same run shows by how "
        "much.",
        symptom="A report names a single held-out set, or its accuracy is the highest point of the validation curve.",
    ),
    "sorted_split": Lesson(
        corrected="sound",
        metric="validation_accuracy",
        wrong="The images are sorted by class, and the first tenth is the validation set. It contains one or two "
        "classes, of which the training set has few images or none.",
        symptom="Count the classes in each set. Another sign is a validation accuracy far from the test accuracy.",
    ),
    "unshuffled": Lesson(
        corrected="sound",
        wrong="Each batch contains a single class. The network learns one class, forgets it for the next one, and "
        "finally predicts the last classes.",
        symptom="The training accuracy stays at chance level or below, because the network has just learnt another "
        "class when a batch is evaluated. Predictions concentrate on few classes.",
    ),
    "duplicates": Lesson(
        corrected="sound",
        metric="leaked_accuracy",
        leaks=True,
        wrong="A fifth of the test images is also in the training set. The test accuracy partly measures memory. The "
        "effect is the gain of these images, compared with the corrected run, minus the gain of the others. So neither "
        "their difficulty nor the replaced training images count.",
        symptom="Hash the images of all sets and search for equal ones. Test images with a copy in the training set "
        "have a higher accuracy than the others.",
    ),
    "group_leak": Lesson(
        corrected="sound",
        metric="leaked_accuracy",
        leaks=True,
        wrong="A fifth of the test images has two near-copies in the training set, shifted by a few pixels and "
        "brighter or darker, like the next frames of a film. The split has torn groups of images apart. The effect is "
        "measured as for duplicates.",
        symptom="No hash finds near-copies. Search for the most similar training image of each test image, and look at "
        "the pairs. Split by film, photograph or individual: all images of a group belong to one set.",
    ),
    "statistics_of_all": Lesson(
        corrected="sound",
        leaks=True,
        wrong="Mean and standard deviation are computed before the split, so they depend on the test images.",
        symptom="No metric of a run shows it. Only the order of the lines in the program does. A few means and "
        "standard deviations contain little information about the test images. A change of a fraction of a grey level "
        "acts like another seed: the difference of a single pair of runs is that of two seeds.",
    ),
    "softmax_twice": Lesson(
        corrected="sound",
        wrong="The second softmax flattens the probabilities and the gradients. Learning is slower.",
        symptom="With K classes the training loss cannot fall below ln(1 + (K - 1) / e), even for perfect predictions. "
        "This is 0.90 with 5 classes and 1.46 with 10.",
    ),
    "double_rescaling": Lesson(
        corrected="transfer",
        wrong="Pixels are multiplied by 1/255 before a network that preprocesses them itself and expects values from 0 "
        "to 255. It receives almost the same colour in every image.",
        symptom="Inspect the smallest and the largest input of the first convolution. The loss stays near ln K, the "
        "loss of guessing among K classes.",
    ),
    "batch_norm_learns": Lesson(
        corrected="transfer",
        wrong="The weights are frozen, but batch normalisation is not. It normalises by each batch, and its statistics "
        "drift away from those with which the weights were trained.",
        symptom="Compare moving_mean and moving_variance before and after training. In a frozen network they must not "
        "change.",
    ),
    "swapped_channels": Lesson(
        corrected="transfer",
        wrong="Red and blue are swapped. The pretrained network receives blue faces and orange skies, in training and "
        "in the test.",
        symptom="Display an image in the form in which it reaches the network.",
    ),
    "swapped_when_served": Lesson(
        corrected="transfer",
        wrong="Red and blue are swapped in the test images only. The network has learnt the right colours and is used "
        "on wrong ones. This is harsher than swapped_channels, where training adapts to the swapped colours.",
        symptom="Predict one image with the program that trains and with the program that serves: the probabilities "
        "must be equal. A saved model that takes raw pixels still relies on their order.",
    ),
}

_OF_NORM = "batch_norm_learns"  # for a network with batch normalisation
# The measurable form of a flaw, by the name of its lesson.
_MEASURED_AS = {"choose_on_test": "choose_on_half"}

_NOTES = (
    "Each experiment with a flaw differs from the corrected experiment only by this flaw. Both share their seeds, and "
    "thus the initial weights and the order of the images, unless the flaw changes them.",
    "The metric with the flaw is the one that the author of a flawed study would report. The metric without it is that "
    "of the corrected run with the same seed, on the same test images. The difference is the effect of the flaw. Some "
    "flaws show inside a run: choose_on_test, report_best_validation, duplicates and group_leak.",
    "For flaws of the validation set, the report also compares the validation accuracy. In sorted_split the validation "
    "sets contain different images.",
    "In choose_on_test the weights of every epoch are those of the corrected run. Only the chosen epoch differs. The "
    "highest accuracy on all test images is never below that of the corrected run, even where the choice brings "
    "nothing. So the accuracy on the half that chooses is compared with that on the other half. The halves have equal "
    "shares of each class and follow from the seed of the split.",
    "report_best_validation has no runs of its own: it reports another metric of the runs of sound. Its interval "
    "assumes that all runs are right on the same validation images, which makes it as wide as possible.",
    "Copies and near-copies replace as many training images of their class, so all runs have training sets of equal "
    "size. duplicates and group_leak leak the same test images.",
    "There is no original study. The protocol published changes nothing, because the study contains both sides.",
)


def pitfalls_study(protocol: Protocol = "sound", backbone: str = _BACKBONE) -> Study:
    """Declares the study of the flaws.

    Args:
        protocol: `"sound"` or `"published"`; both are the same.
        backbone: The pretrained network of `transfer` and the experiments compared with it.
    """
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
        model=backbone,
        split=_PRETRAINED_SPLIT,
        image_size=_PRETRAINED_SIZE,
        transfer=Transfer(weights="imagenet"),
        train=TrainConfig(epochs=_HEAD_EPOCHS, batch_size=32, optimizer="adam", unfreeze="head"),
    )
    lessons = {name: lesson for name, lesson in _LESSONS.items() if name != _OF_NORM or has_batch_norm(backbone)}
    return Study(
        name="pitfalls",
        title="Pitfalls: the effect of each flaw",
        question="How does each known flaw of image-classification studies change the reported accuracy?",
        experiments={
            "sound": sound,
            "augment_validation": sound.but(augment_validation=True),
            **{name: sound.but(flaws=(flaw,)) for name, flaw in _flaws_against("sound")},
            "transfer": transfer,
            "double_rescaling": transfer.but(augmentation=Augmentation(rescale=1 / 255)),
            **{name: transfer.but(flaws=(flaw,)) for name, flaw in _flaws_against("transfer") if name in lessons},
        },
        published_data=DATA,
        protocol=protocol,
        quick_reduction=QUICK.but(image_size=(32, 32)),
        notes=(
            *_NOTES,
            _networks_note("MobileNetV2" if backbone == _BACKBONE else backbone),
            *(
                f"{name} is left out, because {backbone} has no batch normalisation."
                for name in _LESSONS
                if name not in lessons
            ),
        ),
        lessons=lessons,
    )


def _networks_note(network: str) -> str:
    return (
        "sound and the experiments compared with it use BaseNet with featurewise normalisation, flips and zoom, and "
        "choose the epoch on the validation set. transfer and the experiments compared with it train a new head on a "
        f"frozen {network}, on images of 96×96. With CIFAR-10 they use 500 training and 200 test images per class."
    )


def _flaws_against(corrected: str) -> tuple[tuple[str, str], ...]:
    """Returns the lessons that refer to a corrected experiment and have a flaw in `FLAWS`, with this flaw."""
    return tuple(
        (name, _MEASURED_AS.get(name, name))
        for name, lesson in _LESSONS.items()
        if lesson.corrected == corrected and name in FLAWS
    )
