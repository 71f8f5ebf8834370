"""Known flaws of studies by name. An experiment can switch them on, to measure their effect.

An experiment has a flaw only if it names it, as in `Experiment(flaws=("softmax_twice",))`, and its report shows the
name. Three more flaws are plain settings: `Experiment.augment_validation`, `Split(method="first")`, and
`Augmentation(rescale=1 / 255)` before a pretrained network, which preprocesses pixels from 0 to 255 itself. One more
needs no setting: any run can report its best validation accuracy instead of its test accuracy.
"""

# Share of the test images that `duplicates` and `group_leak` leak into the training set.
LEAKED_SHARE = 0.2
# Near-copies in the training set of each test image that `group_leak` leaks.
NEAR_COPIES = 2

# Name → effect and usual cause.
FLAWS: dict[str, str] = {
    "choose_on_test": (
        "The test images are the validation set: epochs are chosen on the images that the result is reported on. "
        "Usual cause: validation_data=(x_test, y_test), or a test accuracy that is watched in every epoch."
    ),
    "choose_on_half": (
        "One half of the test images of each class is the validation set. This is choose_on_test in a form that can be "
        "measured: the other half shows the accuracy without the choice."
    ),
    "sorted_split": (
        "The first training images are the validation set, while all images are still sorted by class. The split is "
        "neither shuffled nor stratified. "
        "Usual cause: validation_split on arrays read folder by folder, or a slice such as images[:500]."
    ),
    "unshuffled": (
        "Training images are sorted by class, and their order is the same in every epoch. "
        "Usual cause: shuffle=False, or shuffle() with a small buffer, on images read folder by folder."
    ),
    "duplicates": (
        f"{LEAKED_SHARE:.0%} of the test images are in the training set too, where they replace others of their "
        "class. Usual cause: a split of images that were collected twice, or copied into several folders."
    ),
    "group_leak": (
        f"{LEAKED_SHARE:.0%} of the test images have {NEAR_COPIES} near-copies each in the training set, shifted and "
        "brighter or darker, which replace others of their class. No hash finds them. Usual cause: a random split of "
        "frames of one film, crops of one photograph, images of one individual, or images augmented before the split."
    ),
    "statistics_of_all": (
        "Pixels are normalised by the mean and deviation of all images, including validation and test images. "
        "Usual cause: standardising an array before it is split."
    ),
    "softmax_twice": (
        "The loss treats the network's probabilities as logits and applies softmax to them again. "
        "Usual cause: from_logits=True with a network that ends in softmax in a custom training loop (Keras' fit "
        "detects it), or PyTorch's CrossEntropyLoss after a softmax."
    ),
    "batch_norm_learns": (
        "Batch normalisation in the frozen part normalises by the batch during training, and its running statistics "
        "change. Usual cause: base(x, training=True), or PyTorch's model.train() on a network whose weights are frozen."
    ),
    "swapped_channels": (
        "Red and blue are exchanged before the network. Usual cause: OpenCV's imread, which reads blue first, or the "
        "preprocess_input of another network."
    ),
    "swapped_when_served": (
        "Red and blue are exchanged in the test images only. Usual cause: a network that was trained on images of "
        "Pillow or Keras and is used on images of OpenCV."
    ),
}
