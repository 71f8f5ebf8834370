"""The known ways to get a study wrong, by name, as switches of an experiment: so that what they do can be measured.

An experiment has a flaw only where it says so, as in `Experiment(flaws=("softmax_twice",))`, and its report shows the
name. Three more flaws need no switch, since a setting makes them: `Experiment.augment_validation`,
`Split(method="first")`, and `Augmentation(rescale=1 / 255)` before a pretrained network, which rescales by itself.
"""

# Share of the test images that `duplicates` puts into the training part.
DUPLICATED_SHARE = 0.2

# What each does, and how it comes about.
FLAWS: dict[str, str] = {
    "choose_on_test": (
        "The test images validate: epochs are chosen by the images that are reported on. "
        "By accident: validation_data=(x_test, y_test), or a test accuracy that is looked at once an epoch."
    ),
    "sorted_split": (
        "The first of the training images validate while they still lie class by class, neither shuffled nor "
        "stratified. By accident: validation_split on arrays read folder by folder, or a slice such as images[:500]."
    ),
    "unshuffled": (
        "Training images come class by class, in the same order in every epoch. "
        "By accident: shuffle=False, or shuffle() with a small buffer, on images read folder by folder."
    ),
    "duplicates": (
        f"{DUPLICATED_SHARE:.0%} of the test images stand in the training part too, in the place of others of their "
        "class. By accident: a split of images that hold copies, frames of one film, crops of one photograph, or "
        "images that were augmented before."
    ),
    "statistics_of_all": (
        "The mean and deviation that pixels are normalised by are those of all images, validation and test included. "
        "By accident: standardising an array before it is split."
    ),
    "softmax_twice": (
        "The loss takes the network's probabilities for logits and applies softmax to them again. "
        "By accident: from_logits=True with a network that ends in softmax in a training loop of one's own (Keras' fit "
        "notices it), or PyTorch's CrossEntropyLoss after a softmax."
    ),
    "batch_norm_learns": (
        "Batch normalisation in the frozen part normalises by the batch while training, and its running statistics "
        "move. By accident: base(x, training=True), or PyTorch's model.train() on a network whose weights are frozen."
    ),
    "swapped_channels": (
        "Red and blue are exchanged before the network. By accident: OpenCV's imread, which reads blue first, or the "
        "preprocess_input of another network."
    ),
}
