"""Network in Network for small images."""

import keras
from keras import layers

from kerasclf.models.heads import drop
from kerasclf.models.sizes import check_sizes, share_problems

# Kernel size of a stage's first convolution; filters of it and of the 1×1 convolutions that follow.
_STAGES = ((5, (192, 160, 96)), (5, (192, 192, 192)), (3, (192, 192)))


def nin(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    dropout: float = 0.5,
    name: str = "nin",
) -> keras.Model:
    """Builds Network in Network for CIFAR: 1×1 convolutions follow each convolution.

    (Conv 192@5 · 160@1 · 96@1) · pool · dropout · (192@5 · 192@1 · 192@1) · pool · dropout · (192@3 · 192@1 ·
    `num_classes`@1) · global average pooling, with ReLU after each convolution. Poolings are 3×3 of stride 2. 966,986
    parameters at the defaults. It does not normalise its input. Lin, Chen & Yan 2013, arXiv:1312.4400.

    Args:
        input_shape: Height, width (at least 4 each) and channels.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits, which are at least 0.
        include_top: Whether to include the classes; False returns the last feature map before them.
        dropout: Dropout rate after each pooling.
        name: Name of the model.

    Returns:
        An uncompiled functional model: (batch, height, width, channels) → (batch, num_classes).

    Raises:
        KerasclfError: If an argument cannot be used; all faults are listed.
    """
    check_sizes(name, input_shape, num_classes, least=4, problems=share_problems(dropout=dropout))
    inputs = x = keras.Input(input_shape, name="image")
    for stage, (kernel_size, filters) in enumerate(_STAGES, 1):
        for number, width in enumerate(filters, 1):
            x = _conv(x, width, kernel_size if number == 1 else 1, f"conv{stage}_{number}")
        if stage < len(_STAGES):
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"conv{stage}_pool")(x)
            x = drop(x, dropout, f"conv{stage}")
    if include_top:
        x = _conv(x, num_classes, 1, "logits")
        x = layers.GlobalAveragePooling2D(dtype="float32", name="logits_pool")(x)
        x = layers.Activation(classifier_activation or "linear", dtype="float32", name="predictions")(x)
    return keras.Model(inputs, x, name=name)


def _conv(x: keras.KerasTensor, filters: int, kernel_size: int, name: str) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel_size, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
