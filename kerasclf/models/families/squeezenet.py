"""SqueezeNet 1.1 in torchvision's version."""

import keras
from keras import initializers, layers

from kerasclf.models.heads import drop
from kerasclf.models.preprocessing import Preprocess, channels_allowed, preprocess_pixels
from kerasclf.models.sizes import check_sizes, share_problems

# Stage → (squeeze, expand) filters of its fire modules. Both the 1×1 and the 3×3 expansion have `expand` filters.
_FIRES = {
    2: ((16, 64), (16, 64)),
    3: ((32, 128), (32, 128)),
    4: ((48, 192), (48, 192), (64, 256), (64, 256)),
}


def squeezenet1_1(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float = 0.5,
    preprocess: Preprocess = "imagenet",
    name: str = "squeezenet1_1",
) -> keras.Model:
    """Builds SqueezeNet 1.1: fire modules squeeze by 1×1 convolutions and expand by 1×1 and 3×3 convolutions.

    Conv 64@3/2 · pool · two fires · pool · two fires · pool · four fires · dropout · conv `num_classes`@1 · ReLU ·
    global average pooling. 1,235,496 parameters at the defaults. Iandola et al. 2016, arXiv:1602.07360; version 1.1 of
    their repository, with 2.4 times less arithmetic than version 1.0.

    Args:
        input_shape: Height, width (at least 17 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits, which are at least 0.
        include_top: Whether to include the classifier; False returns the last feature map.
        dropout: Dropout rate of the last feature map.
        preprocess: `"imagenet"` normalises pixels 0–255, grey or RGB, inside the model; None changes nothing.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    problems, choices = share_problems(dropout=dropout), channels_allowed(input_shape, preprocess)
    check_sizes(name, input_shape, num_classes, least=17, choices=choices, problems=problems)
    inputs = keras.Input(input_shape, name="image")
    x = _conv(preprocess_pixels(inputs, preprocess), 64, 3, "conv1", stride=2)
    for stage, fires in _FIRES.items():
        x = _pool(x, f"conv{stage}_pool")
        for number, (squeeze, expand) in enumerate(fires, 1):
            x = _fire(x, squeeze, expand, f"conv{stage}_fire{number}")
    if include_top:
        x = _top(x, num_classes, classifier_activation, dropout)
    return keras.Model(inputs, x, name=name)


def _fire(x: keras.KerasTensor, squeeze: int, expand: int, name: str) -> keras.KerasTensor:
    x = _conv(x, squeeze, 1, f"{name}_squeeze")
    small, large = _conv(x, expand, 1, f"{name}_expand1"), _conv(x, expand, 3, f"{name}_expand3")
    return layers.Concatenate(name=f"{name}_out")([small, large])


def _conv(x: keras.KerasTensor, filters: int, kernel_size: int, name: str, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        kernel_initializer="he_uniform",
        name=f"{name}_conv",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Pools 3×3 with stride 2 and includes the last rows and columns, as in the training of the weights."""
    # Keras' "same" pads an even side by one at its end, but an odd side by one at both ends.
    even = [side % 2 == 0 for side in x.shape[1:3]]
    if any(even) and not all(even):
        # Padding with 0 is safe: no value is below 0 after a ReLU.
        x = layers.ZeroPadding2D(((0, int(even[0])), (0, int(even[1]))), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, padding="same" if all(even) else "valid", name=name)(x)


def _top(
    x: keras.KerasTensor, num_classes: int, classifier_activation: str | None, dropout: float
) -> keras.KerasTensor:
    initializer = initializers.RandomNormal(stddev=0.01)
    x = layers.Conv2D(num_classes, 1, kernel_initializer=initializer, name="logits")(drop(x, dropout, "logits"))
    x = layers.ReLU(name="logits_relu")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="logits_pool")(x)
    return layers.Activation(classifier_activation or "linear", dtype="float32", name="predictions")(x)
