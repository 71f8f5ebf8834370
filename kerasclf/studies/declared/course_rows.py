"""S4, exercises 1 to 3: the perceptron, red wine and iris, whose data are rows of tables. See `exercises.py`."""

from kerasclf.data.splits import Split
from kerasclf.pipeline import Augmentation
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Lesson, Protocol, Study
from kerasclf.training import TrainConfig

# More rows than any training part of the course has: one batch is the whole of it.
FULL_BATCH = 10_000
FULL_NOTE = f"A batch of {FULL_BATCH:,} holds the whole training part: one step an epoch."

_STANDARDISED = Augmentation(featurewise_center=True, featurewise_std_normalization=True)

_IRIS_LESSONS = {
    "as_published": Lesson(
        corrected="corrected",
        wrong="All three of the following at once.",
        symptom="The training loss stays high although nearly every training flower is right.",
    ),
    "standardised_before": Lesson(
        corrected="corrected",
        wrong="Mean and deviation are those of all flowers, so that the training knows something of the test.",
        symptom="Only in the order of the program's lines: what is fitted must be fitted to the training part.",
    ),
    "four_outputs": Lesson(
        corrected="corrected",
        wrong="A fourth output has no class; the network must first learn that nothing is ever of it.",
        symptom="Count the outputs. The first loss is near ln 4, not ln 3, and macro F1 counts an empty class as 0.",
    ),
    "softmax_twice": Lesson(
        corrected="corrected",
        wrong="Softmax before a cross-entropy that applies it again: what the network says is flattened.",
        symptom="With three classes the training loss cannot fall below ln(1 + 2/e) = 0.55, even for a perfect one.",
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
        notes=(notes[protocol], FULL_NOTE),
    )
