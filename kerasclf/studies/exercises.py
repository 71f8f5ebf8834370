"""The twelve exercises of the course: of which study each is, which figures it shows, and what is to be seen there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """One page of the course.

    Args:
        number: From 1.
        name: In file names and with --only.
        title: As its heading.
        study: The study it looks at.
        figures: Names of figures, in their order: of the study's report (bars, curves, differences, confusion), or
            decision, kernels, features, attention.
        look: What to see, two sentences.
        table: Whether it shows precision, recall and F1 by class.
        question: Its own, where it is not that of the study.
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
        """The name of its page."""
        return f"{self.number:02}-{self.name}.html"


EXERCISES = (
    Exercise(
        1, "perceptron", "The perceptron", "course-perceptron", ("decision", "curves"),
        (
            "Before the first step all weights are 0 and there is no line; then it turns and shifts with every epoch "
            "until it runs through the empty strip.",
            "When nearly every point is on its right side the loss still falls, since the colours grow deeper: the "
            "unit becomes surer while the line hardly moves.",
        ),
    ),
    Exercise(
        2, "wine", "An MLP on red wine", "course-wine", ("curves", "differences"),
        (
            "At a rate of 0.1 two units a layer can die within an epoch: a ReLU that no wine reaches any more gives "
            "0 and learns nothing, so that every wine gets the same answer and the curves lie flat at the larger "
            "class; a tenth of the rate keeps them alive.",
            "Compare the hidden layers with no hidden layer: where the interval of the difference holds 0, this many "
            "test wines cannot show that they bring anything.",
        ),
    ),
    Exercise(
        3, "iris", "Iris", "course-iris", ("curves", "differences", "confusion"),
        (
            "Setosa is told apart at once; what is confused, if anything, is versicolor with virginica.",
            "Thirty test flowers give an interval of ten points and more to each side, so that no ranking of "
            "experiments can be read from them; look at the losses over the epochs instead.",
        ),
    ),
    Exercise(
        4, "digits", "Digits with a dense network", "course-digits", ("curves",),
        (
            "Loss falls and accuracy and macro F1 rise together over 100 steps, since the classes are equally many; "
            "where they are not, macro F1 shows the rare ones that accuracy forgets.",
            "The gap between the training and the validation curve is what the network knows of its own images "
            "alone.",
        ),
    ),
    Exercise(
        5, "metrics", "Metrics: what is right, and how it is wrong", "course-digits", ("confusion",),
        (
            "A row of the matrix is a true digit, a column what it was taken for: recall is read along the row, "
            "precision along the column.",
            "Find the digit with the lowest F1 in the table and see in the matrix whether it is missed, or whether "
            "others are taken for it.",
        ),
        table=True,
        question="Which digits are taken for which, and how is that said in a number?",
    ),
    Exercise(
        6, "fitting", "Underfitting, overfitting, weight decay", "course-fitting", ("curves", "bars"),
        (
            "Underfitting: both losses are high and still falling when training ends; overfitting: the training loss "
            "goes to 0 while the validation loss turns and rises.",
            "Weight decay keeps the training loss from 0 and the validation loss from rising; whether it also helps "
            "the accuracy is for the intervals to say.",
        ),
    ),
    Exercise(
        7, "batches", "Batch size", "course-batches", ("curves", "bars"),
        (
            "An epoch without batches is one step, with batches of 256 three and with batches of 32 nineteen, of 600 "
            "images: look how much further the same number of epochs comes.",
            "Small batches make curves less even, since each step sees other images; large ones make them smooth and "
            "slow.",
        ),
    ),
    Exercise(
        8, "folds", "K-fold cross-validation", "course-folds", ("curves", "bars"),
        (
            "Five networks of one recipe differ in validation accuracy by what images they validate on: that spread "
            "is what one split alone hides.",
            "Their mean is a steadier ground for choosing than any one of them; a grid of settings on top of it is "
            "what kerasclf search s4 does, and the test images wait until all is chosen.",
        ),
    ),
    Exercise(
        9, "cnn", "A convolutional network", "course-cnn", ("curves", "differences"),
        (
            "Ten epochs of a network with a third of the dense one's weights: compare its accuracy with exercise 4.",
            "A weight decay of 0.1 in PyTorch's sense pulls so hard that training and validation stay close and both "
            "lag behind the network without it.",
        ),
    ),
    Exercise(
        10, "seen", "What the network sees", "course-cnn", ("kernels", "features", "attention"),
        (
            "Kernels of the first layer are small pictures of strokes and edges; its feature maps light up where the "
            "digit has them, and pooling halves the maps, as the arithmetic beside each layer says.",
            "Grad-CAM shows which places speak for the class: look whether they are those by which you would know "
            "the digit.",
        ),
        question="What do the first layer and each convolution make of a digit, and where does the network look?",
    ),
    Exercise(
        11, "networks", "The classic networks", "course-networks", ("curves", "bars"),
        (
            "ResNet18 has batch normalisation and shortcuts and begins to learn at once; the other three have neither, "
            "and on a few hundred images may not have begun when the epochs are over.",
            "Compare parameters and images a second: AlexNet and VGG16 have two and four times the weights of "
            "ResNet18; what is largest is not what is best.",
        ),
    ),
    Exercise(
        12, "transfer", "Transfer to digits", "course-transfer", ("curves", "confusion"),
        (
            "Only the last layer, 512 → 10, learns, five epochs with a small rate: the curves are those of a linear "
            "model on what a network for photographs sees in a digit.",
            "Compare it with the networks that learnt from the digits themselves; with random weights (--weights none) "
            "it shows how far random features go.",
        ),
    ),
)  # fmt: skip
