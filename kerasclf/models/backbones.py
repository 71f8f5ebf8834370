"""Networks of keras.applications, with their preprocessing inside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import applications, ops

from kerasclf.models.heads import classify, pool
from kerasclf.models.pixels import in_color, rescale
from kerasclf.models.sizes import check_sizes


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications.

    Args:
        application: Builds it.
        preprocess: What its weights expect to be done to pixels 0–255.
        least: The smallest height and width it takes.
    """

    application: Callable[..., keras.Model]
    preprocess: Callable[..., Any]
    least: int = 32


# "keras_" marks those that kerasclf builds itself, as torchvision has them, under the plain name.
# EfficientNet's first edition is not among them: its layers differ between random and pretrained weights.
BACKBONES: dict[str, Backbone] = {
    "keras_convnext_tiny": Backbone(applications.ConvNeXtTiny, applications.convnext.preprocess_input),
    "densenet121": Backbone(applications.DenseNet121, applications.densenet.preprocess_input),
    "efficientnetv2_b0": Backbone(applications.EfficientNetV2B0, applications.efficientnet_v2.preprocess_input),
    "inception_v3": Backbone(applications.InceptionV3, applications.inception_v3.preprocess_input, least=75),
    "mobilenet_v2": Backbone(applications.MobileNetV2, applications.mobilenet_v2.preprocess_input),
    "keras_resnet50": Backbone(applications.ResNet50, applications.resnet.preprocess_input),
    "keras_resnet101": Backbone(applications.ResNet101, applications.resnet.preprocess_input),
    "keras_resnet152": Backbone(applications.ResNet152, applications.resnet.preprocess_input),
    "resnet50v2": Backbone(applications.ResNet50V2, applications.resnet_v2.preprocess_input),
    "keras_vgg16": Backbone(applications.VGG16, applications.vgg16.preprocess_input),
    "xception": Backbone(applications.Xception, applications.xception.preprocess_input, least=71),
}


def backbone(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Builds a network of keras.applications with random weights, its own preprocessing inside.

    Preprocessing · the network without its top · global average pooling · dense `num_classes`. All in one flat
    functional model, whose layers have the names of keras.applications; the papers are those that it names.

    Args:
        architecture: A key of `BACKBONES`.
        input_shape: Height, width and channels: 3, or 1 for grey images, which are repeated.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: False ends with the last feature map.
        name: Name of the model; the architecture's where None.

    Returns:
        An uncompiled functional model: (batch, height, width, channels), pixels 0–255 → (batch, num_classes).

    Raises:
        KerasclfError: A size cannot be used.
    """
    known = BACKBONES[architecture]
    check_sizes(
        architecture, input_shape, num_classes, least=known.least, choices={"channels": (input_shape[-1], (1, 3))}
    )
    image = keras.Input(input_shape, name="image")
    x = _preprocess(in_color(image), known)
    x = known.application(include_top=False, weights=None, input_tensor=x).output
    if include_top:
        x = classify(pool(x), num_classes, classifier_activation)
    return keras.Model(image, x, name=name or architecture)


def bare(architecture: str, weights: str | None = None) -> keras.Model:
    """Builds the network of keras.applications itself, without top: what its weight files are made for.

    Args:
        architecture: A key of `BACKBONES`.
        weights: `"imagenet"` downloads weights, or takes those downloaded before; None for random ones.
    """
    return BACKBONES[architecture].application(include_top=False, weights=weights)


def _preprocess(x: keras.KerasTensor, known: Backbone) -> keras.KerasTensor:
    """Does as layers, which are saved with the model, what a preprocess_input does to an array.

    Every preprocess_input scales and shifts channels, and some swap red and blue: which, it tells when it is given
    a black pixel, and a pixel for each channel.
    """
    offset = _of_pixel(known, (0, 0, 0))
    scales = np.stack([_of_pixel(known, np.eye(3)[channel]) - offset for channel in range(3)])
    if scales[0, 2]:
        x, scales = ops.flip(x, axis=-1), scales[::-1]
    if (scales != np.eye(3)).any() or offset.any():
        x = rescale(x, np.diag(scales).tolist(), offset.tolist())
    return x


def _of_pixel(known: Backbone, pixel: Any) -> np.ndarray:
    return np.asarray(known.preprocess(np.array(pixel, np.float64).reshape(1, 1, 1, 3)), np.float64).ravel()
