"""Networks of keras.applications, with their preprocessing inside the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import applications, ops

from kerasclf.models.heads import classify, pool
from kerasclf.models.preprocessing import in_color, rescale
from kerasclf.models.sizes import check_sizes


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications.

    Args:
        application: Function of keras.applications that builds it.
        preprocess: Preprocessing of pixels 0–255 that its weights expect.
        paper: Its paper.
        least: Minimum height and width of the input, in pixels.
    """

    application: Callable[..., keras.Model]
    preprocess: Callable[..., Any]
    paper: str
    least: int = 32


# "keras_" marks networks of which kerasclf builds torchvision's version under the plain name.
# EfficientNet's first version is missing: its layers differ between random and pretrained weights.
BACKBONES: dict[str, Backbone] = {
    "keras_convnext_tiny": Backbone(
        applications.ConvNeXtTiny, applications.convnext.preprocess_input, "Liu et al. 2022, arXiv:2201.03545"
    ),
    "densenet121": Backbone(
        applications.DenseNet121, applications.densenet.preprocess_input, "Huang et al. 2016, arXiv:1608.06993"
    ),
    "efficientnetv2_b0": Backbone(
        applications.EfficientNetV2B0, applications.efficientnet_v2.preprocess_input, "Tan & Le 2021, arXiv:2104.00298"
    ),
    "inception_v3": Backbone(
        applications.InceptionV3,
        applications.inception_v3.preprocess_input,
        "Szegedy et al. 2015, arXiv:1512.00567",
        least=75,
    ),
    "mobilenet_v2": Backbone(
        applications.MobileNetV2, applications.mobilenet_v2.preprocess_input, "Sandler et al. 2018, arXiv:1801.04381"
    ),
    "keras_resnet50": Backbone(
        applications.ResNet50, applications.resnet.preprocess_input, "He et al. 2015, arXiv:1512.03385"
    ),
    "keras_resnet101": Backbone(
        applications.ResNet101, applications.resnet.preprocess_input, "He et al. 2015, arXiv:1512.03385"
    ),
    "keras_resnet152": Backbone(
        applications.ResNet152, applications.resnet.preprocess_input, "He et al. 2015, arXiv:1512.03385"
    ),
    "resnet50v2": Backbone(
        applications.ResNet50V2, applications.resnet_v2.preprocess_input, "He et al. 2016, arXiv:1603.05027"
    ),
    "keras_vgg16": Backbone(
        applications.VGG16, applications.vgg16.preprocess_input, "Simonyan & Zisserman 2014, arXiv:1409.1556"
    ),
    "xception": Backbone(
        applications.Xception, applications.xception.preprocess_input, "Chollet 2016, arXiv:1610.02357", least=71
    ),
}


def backbone(
    architecture: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Builds a network of keras.applications with random weights and its own preprocessing.

    Preprocessing · the network without its top · global average pooling · dense `num_classes`. The result is one flat
    functional model. Its layers have the names of keras.applications.

    Args:
        architecture: A key of `BACKBONES`.
        input_shape: Height, width and channels: 3, or 1 for grey images, which are repeated as RGB.
        num_classes: Width of the output.
        classifier_activation: Activation of the output; None gives logits.
        include_top: Whether to include the classifier; False returns the last feature map.
        name: Name of the model; None for the architecture's.

    Returns:
        An uncompiled functional model: (batch, height, width, channels), pixels 0–255 → (batch, num_classes).

    Raises:
        KerasclfError: If a size cannot be used.
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
    """Builds the original network of keras.applications without top, to which its weight files belong.

    Args:
        architecture: A key of `BACKBONES`.
        weights: `"imagenet"` for pretrained weights, downloaded once; None for random weights.
    """
    return BACKBONES[architecture].application(include_top=False, weights=weights)


def _preprocess(x: keras.KerasTensor, known: Backbone) -> keras.KerasTensor:
    """Applies a network's preprocess_input as layers, which are saved with the model.

    Every preprocess_input scales and shifts channels, and some swap red and blue. Applying it to a black pixel and to
    one pixel per channel shows both.
    """
    offset = _preprocessed_pixel(known, (0, 0, 0))
    scales = np.stack([_preprocessed_pixel(known, np.eye(3)[channel]) - offset for channel in range(3)])
    if scales[0, 2]:
        x, scales = ops.flip(x, axis=-1), scales[::-1]
    if (scales != np.eye(3)).any() or offset.any():
        x = rescale(x, np.diag(scales).tolist(), offset.tolist())
    return x


def _preprocessed_pixel(known: Backbone, pixel: Any) -> np.ndarray:
    return np.asarray(known.preprocess(np.array(pixel, np.float64).reshape(1, 1, 1, 3)), np.float64).ravel()
