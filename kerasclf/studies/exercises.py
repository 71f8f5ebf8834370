"""The twelve exercises of the course: their studies, figures and texts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """One page of the course.

    Args:
        number: Number of the exercise, from 1.
        name: Name in file names and on the command line.
        title: Heading of the page.
        study: Name of the study whose results the page shows.
        figures: Names of the figures, in order: bars, curves, differences and confusion of the study's report, or
            decision, kernels, features and attention.
        look: Two paragraphs that say what to look for.
        table: Whether the page shows precision, recall and F1 of each class.
        question: Question of the exercise; empty for that of the study.
    """

    number: int
    name: str
    title: str
    study: str
    figures: tuple[str, ...]
    look: tuple[str, str]
    table: bool = False
    question: str = ""

    @property
    def page(self) -> str:
        """File name of the page."""
        return f"{self.number:02}-{self.name}.html"


EXERCISES = (
    Exercise(
        1, "perceptron", "The perceptron", "course-perceptron", ("decision", "curves"),
        (
            "Before the first step all weights are 0 and there is no decision line. The line then turns and shifts in "
            "every epoch until it runs through the empty strip between the classes.",
            "When nearly every point is classified correctly, the loss still falls. The colours become deeper because "
            "the unit becomes more confident, while the line hardly moves.",
        ),
    ),
    Exercise(
        2, "wine", "An MLP on red wine", "course-wine", ("curves", "differences"),
        (
            "At a learning rate of 0.1, the two units of a layer can die within an epoch. A ReLU whose input is "
            "negative for every wine outputs 0 and learns nothing. All wines then get the same prediction, the larger "
            "class, and the curves are flat. With a tenth of the rate the units stay alive.",
            "Compare hidden_2_2 with no_hidden, which has no hidden layer. If the interval of their difference "
            "contains 0, the test set has too few wines to show an effect.",
        ),
    ),
    Exercise(
        3, "iris", "Iris", "course-iris", ("curves", "differences", "confusion"),
        (
            "Setosa is separated immediately. Errors, if any, are between versicolor and virginica.",
            "Thirty test flowers give an interval of ten percentage points and more on each side. They do not suffice "
            "to rank the experiments. Compare the losses over the epochs instead.",
        ),
    ),
    Exercise(
        4, "digits", "Digits with a dense network", "course-digits", ("curves",),
        (
            "Over 100 steps the loss falls while accuracy and macro F1 rise together, because the classes are equally "
            "large. With classes of different sizes, macro F1 shows errors on rare classes that the accuracy hides.",
            "The gap between the training and the validation curve shows how much the network has learnt that holds "
            "only for its training images.",
        ),
    ),
    Exercise(
        5, "metrics", "Metrics: precision, recall and F1", "course-digits", ("confusion",),
        (
            "A row of the confusion matrix is a true digit, a column a predicted digit. Read the recall along the row "
            "and the precision along the column.",
            "Find the digit with the lowest F1 in the table. Check in the matrix whether it is predicted as other "
            "digits, or other digits are predicted as it.",
        ),
        table=True,
        question="Which digits are confused, and which metrics describe this?",
    ),
    Exercise(
        6, "fitting", "Underfitting, overfitting, weight decay", "course-fitting", ("curves", "bars"),
        (
            "Underfitting: both losses are high and still fall when the training ends. Overfitting: the training loss "
            "approaches 0 while the validation loss starts to rise.",
            "Weight decay keeps the training loss above 0 and the validation loss from rising. The intervals show "
            "whether it also improves the accuracy.",
        ),
    ),
    Exercise(
        7, "batches", "Batch size", "course-batches", ("curves", "bars"),
        (
            "With 600 images, an epoch has one step without batches, three steps with batches of 256, and nineteen "
            "with batches of 32. Compare the progress after equal numbers of epochs.",
            "Small batches make the curves less smooth, because each step uses different images. Large batches make "
            "them smooth and slow.",
        ),
    ),
    Exercise(
        8, "folds", "K-fold cross-validation", "course-folds", ("curves", "bars"),
        (
            "Five networks with the same settings differ in validation accuracy because their validation sets differ. "
            "A single split hides this spread.",
            "Their mean is a more reliable basis for a choice than a single value. The search s4 cross-validates a "
            "grid of settings in this way. The test set is evaluated only after all choices.",
        ),
    ),
    Exercise(
        9, "cnn", "A convolutional network", "course-cnn", ("curves", "differences"),
        (
            "The network has a third of the weights of the dense network and trains for ten epochs. Compare its "
            "accuracy with that of exercise 4.",
            "A weight decay of 0.1, as PyTorch defines it, is strong. Training and validation curves stay close, and "
            "both are worse than without weight decay.",
        ),
    ),
    Exercise(
        10, "visualization", "Visualization: kernels, feature maps, Grad-CAM", "course-cnn",
        ("kernels", "features", "attention"),
        (
            "The kernels of the first layer respond to strokes and edges. Its feature maps are bright where the digit "
            "has them. Pooling halves the maps, as the formula next to each layer shows.",
            "Grad-CAM shows the regions that support the predicted class. Check whether you would recognise the digit "
            "by the same regions.",
        ),
        question="Which features of a digit do the convolutions extract, and which regions decide the prediction?",
    ),
    Exercise(
        11, "networks", "The classic networks", "course-networks", ("curves", "bars"),
        (
            "ResNet18 has batch normalisation and shortcuts, and it learns from the first epoch. The other three have "
            "neither. With a few hundred images they may learn nothing in the given epochs.",
            "Compare the numbers of parameters and the images per second. AlexNet and VGG16 have two and four times "
            "the weights of ResNet18, but the largest network need not be the most accurate.",
        ),
    ),
    Exercise(
        12, "transfer", "Transfer learning on digits", "course-transfer", ("curves", "confusion"),
        (
            "Only the last layer trains, 512 → 10 for ResNet18, for five epochs with a small learning rate. The curves "
            "are those of a linear model on features that were learnt from photographs.",
            "Compare the accuracy with that of the networks trained on digits alone. With random weights instead of "
            "pretrained ones, the exercise shows how useful random features are.",
        ),
    ),
)  # fmt: skip
