"""AlexNet in torchvision's version."""

import keras
from keras import layers

from kerasclf.models.families.vgg import wide_top
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.sizes import check_sizes, share_problems

# Filters, kernel size, stride, padding on each side, and whether pooling follows.
_CONVOLUTIONS = (
    (64, 11, 4, 2, True),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)


def alexnet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float = 0.5,
    preprocess: Preprocess = "imagenet",
    name: str = "alexnet",
) -> keras.Model:
    """Builds AlexNet for one machine: five convolutions, three poolings, two wide dense layers.

    Conv 64@11/4 · pool · conv 192@5 · pool · conv 384@3 · conv 256@3 · conv 256@3 · pool · mean over a 6×6 grid ·
    dense 4096 · dense 4096 · dense `num_classes`. 61,100,840 parameters at the defaults. Poolings are 3×3 of stride 2.
    Krizhevsky 2014, arXiv:1404.5997: the network of Krizhevsky, Sutskever & Hinton 2012 without its two halves.

    Args:
        input_shape: Height, width (at least 63 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        dropout: Dropout rate before each hidden dense layer.
        preprocess: `"imagenet"` normalises pixels 0–255, grey or RGB, inside the model; None changes nothing.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    problems, choices = share_problems(dropout=dropout), channels_allowed(input_shape, preprocess)
    check_sizes(name, input_shape, num_classes, least=63, choices=choices, problems=problems)
    inputs = keras.Input(input_shape, name="image")
    x = preprocess_pixels(inputs, preprocess)
    for stage, (filters, kernel_size, stride, padding, pooled) in enumerate(_CONVOLUTIONS, 1):
        if stride > 1:
            x = layers.ZeroPadding2D(padding, name=f"conv{stage}_pad")(x)
        mode = "same" if stride == 1 else "valid"
        x = layers.Conv2D(filters, kernel_size, strides=stride, padding=mode, name=f"conv{stage}_conv")(x)
        x = layers.ReLU(name=f"conv{stage}_relu")(x)
        if pooled:
            x = layers.MaxPooling2D(3, strides=2, name=f"conv{stage}_pool")(x)
    if include_top:
        x = wide_top(x, 6, num_classes, classifier_activation, dropout, drop_first=True)
    return keras.Model(inputs, x, name=name)
