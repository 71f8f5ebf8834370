"""S4, exercises 1 to 3: the perceptron, red wine and iris, with data from tables. Their texts are in `exercises.py`."""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Lesson, Protocol, Study
from kerasclf.training import TrainConfig

# More rows than any training set of the course has, so that one batch contains all of them.
FULL_BATCH = 10_000
FULL_NOTE = (
    f"A batch of up to {FULL_BATCH:,} images or rows contains the whole training set, so each epoch is one step."
)

_STANDARDISED = Augmentation(featurewise_center=True, featurewise_std_normalization=True)

_IRIS_LESSONS = {
    "as_published": Lesson(
        corrected="corrected",
        wrong="The following three flaws occur together.",
        symptom="The training loss stays high although nearly every training flower is classified correctly.",
    ),
    "standardised_before": Lesson(
        corrected="corrected",
        wrong="Mean and standard deviation are those of all flowers, so the training depends on the test set.",
        symptom="Only the order of the lines in the program shows it. All statistics must come from the training set.",
    ),
    "four_outputs": Lesson(
        corrected="corrected",
        wrong="A fourth output has no class. The network must first learn that no flower belongs to it.",
        symptom="Count the outputs. The first loss is near ln 4 instead of ln 3, and macro F1 counts the empty class "
        "as 0.",
    ),
    "softmax_twice": Lesson(
        corrected="corrected",
        wrong="The cross-entropy applies softmax a second time, which flattens the probabilities.",
        symptom="With three classes the training loss cannot fall below ln(1 + 2/e) = 0.55, even for perfect "
        "predictions.",
    ),
}


def perceptron_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 1."""
    return Study(
        name="course-perceptron",
        title="The perceptron and its decision line",
        question="How does a single unit find the line between two classes?",
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
        notes=(
            "The network is one sigmoid unit whose initial weights are 0. A point is classified as orange from 0.5 on.",
            "The points are synthetic.",
        ),
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
        question="Can two hidden layers of two units recognise a good wine by eleven measurements?",
        experiments={
            "hidden_2_2": small,
            "slow": small.but(train=small.train.but(learning_rate=0.01)),
            "no_hidden": small.but(model_args={"hidden": ()}),
            "raw": small.but(augmentation=Augmentation()),
        },
        published_data="wine",
        protocol=protocol,
        notes=(
            "hidden_2_2 is the network of the course, with Adam at a learning rate of 0.1. The other three experiments "
            "are additions: slow has a tenth of this rate, no_hidden has no hidden layer, and raw has features in "
            "their original units.",
            "Of the 1,599 wines, 240 have the same measurements as an earlier one. They are kept, as in the course, so "
            "a few test wines have a duplicate in the training set.",
        ),
    )


def iris_study(protocol: Protocol = "sound") -> Study:
    """Declares exercise 3. Under "published" it has the three flaws of the course, together and one by one."""
    corrected = Experiment(
        data="iris",
        model="mlp",
        model_args={"hidden": (50, 50)},
        augmentation=_STANDARDISED,
        split=Split(test=0.2, validation=0.25),
        train=TrainConfig(epochs=100, batch_size=FULL_BATCH, optimizer="adam", learning_rate=0.001),
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
        "sound": "Features are standardised with the statistics of the training set. The experiment raw, an addition, "
        "leaves them in cm.",
        "published": "as_published has three flaws: features standardised before the split, four outputs for three "
        "classes, and softmax applied twice. corrected has none of them, and each other experiment has one.",
    }
    return Study(
        name="course-iris",
        title="Iris: 4 → 50 → 50 → classes",
        question="Can a dense network classify three irises, and does the scale of the features matter?",
        experiments=experiments,
        published_data="iris",
        protocol=protocol,
        lessons=_IRIS_LESSONS if protocol == "published" else {},
        notes=(notes[protocol], FULL_NOTE),
    )
