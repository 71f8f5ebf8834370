"""Published ImageNet weights of torchvision, and the preprocessing of photographs for them."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras
from keras import layers
from safetensors.numpy import save

from kerasclf.errors import WeightsError
from kerasclf.files.home_folders import keras_home
from kerasclf.files.reading import file_digest
from kerasclf.files.writing import write_bytes
from kerasclf.models.weights.torch_files import read_torch_file

_HOST = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class PublishedWeights:
    """A file of torchvision's weights.

    Args:
        file: Its name at `_HOST`, which ends with the first digits of its SHA-256.
        resize: Shorter side to which photographs are resized for the published accuracy, in pixels.
        crop: Side of the central square that the network then sees, in pixels.
    """

    file: str
    resize: int = 256
    crop: int = 224

    @property
    def digits(self) -> str:
        """The first hexadecimal digits of the file's SHA-256."""
        return Path(self.file).stem.rpartition("-")[2]


# The first version of each: all ResNets share one recipe and are comparable. torchvision's second version of the larger
# ones scores higher on ImageNet with another recipe.
PUBLISHED: dict[str, PublishedWeights] = {
    "alexnet": PublishedWeights("alexnet-owt-7be5be79.pth"),
    "vgg11": PublishedWeights("vgg11-8a719046.pth"),
    "vgg13": PublishedWeights("vgg13-19584684.pth"),
    "vgg16": PublishedWeights("vgg16-397923af.pth"),
    "vgg19": PublishedWeights("vgg19-dcbb9e9d.pth"),
    "vgg11_bn": PublishedWeights("vgg11_bn-6002323d.pth"),
    "vgg13_bn": PublishedWeights("vgg13_bn-abd245e5.pth"),
    "vgg16_bn": PublishedWeights("vgg16_bn-6c64b313.pth"),
    "vgg19_bn": PublishedWeights("vgg19_bn-c79401a0.pth"),
    "squeezenet1_1": PublishedWeights("squeezenet1_1-b8a52dc0.pth"),
    "resnet18": PublishedWeights("resnet18-f37072fd.pth"),
    "resnet34": PublishedWeights("resnet34-b627a593.pth"),
    "resnet50": PublishedWeights("resnet50-0676ba61.pth"),
    "resnet101": PublishedWeights("resnet101-63fe2227.pth"),
    "resnet152": PublishedWeights("resnet152-394f9c45.pth"),
    "convnext_tiny": PublishedWeights("convnext_tiny-983f1562.pth", resize=236),
    "convnext_small": PublishedWeights("convnext_small-0c510722.pth", resize=230),
    "convnext_base": PublishedWeights("convnext_base-6075fbad.pth", resize=232),
    "convnext_large": PublishedWeights("convnext_large-ea097f82.pth", resize=232),
}


def published_file(architecture: str) -> Path:
    """Returns the safetensors file of a network's ImageNet weights: downloaded, checked by hash and converted once.

    The file is in ~/.keras/models, like Keras' own downloads. Only the conversion needs PyTorch.

    Args:
        architecture: A key of `PUBLISHED`.

    Raises:
        KerasclfError: If the file is missing and cannot be downloaded or converted.
    """
    known = PUBLISHED[architecture]
    converted = (keras_home() / "models" / known.file).with_suffix(".safetensors")
    if not converted.exists():
        fetched = _fetch(architecture, known)
        write_bytes(converted, save(read_torch_file(fetched)))
        fetched.unlink()
    return converted


def photograph_layers(architecture: str) -> keras.Sequential:
    """Builds the preprocessing of photographs for the published accuracy.

    It resizes the largest central square and crops its middle: (batch, height, width, 3) → (batch, crop, crop, 3).
    Pixels stay 0–255. The network itself normalises them by ImageNet's mean and deviation.

    Args:
        architecture: A key of `PUBLISHED`.
    """
    known = PUBLISHED[architecture]
    return keras.Sequential(
        [
            # Equals torchvision's resizing of the shorter side, as the crop keeps only the middle.
            layers.Resizing(known.resize, known.resize, crop_to_aspect_ratio=True, antialias=True, name="resize"),
            layers.CenterCrop(known.crop, known.crop, name="crop"),
        ],
        name=f"{architecture}_photograph",
    )


def _fetch(architecture: str, known: PublishedWeights) -> Path:
    url = f"{_HOST}{known.file}"
    help_offline = (
        f"Otherwise download {url} on a machine with PyTorch, convert it with kerasclf weights convert, and give the "
        "converted file as `weights`. Or give 'none' as `weights` to start from random weights."
    )
    if find_spec("torch") is None:
        raise WeightsError(
            f"The ImageNet weights of {architecture} are published in a format that only PyTorch reads. "
            f"Install it once (pip install torch). {help_offline}"
        )
    digest = ""
    for _ in range(2):  # an interrupted download leaves an incomplete file, which is downloaded again
        try:
            path = Path(keras.utils.get_file(known.file, url, cache_subdir="models"))
        except Exception as error:  # Keras raises a bare Exception if a download fails
            raise WeightsError(
                f"The ImageNet weights of {architecture} are not on this machine and could not be downloaded "
                f"({error}). {help_offline}"
            ) from error
        digest = file_digest(path)
        if digest.startswith(known.digits):
            return path
        path.unlink()
    raise WeightsError(
        f"Expected a SHA-256 that starts with {known.digits} for {url}. Received: {digest[:8]}, in two downloads. "
        "Both files were deleted."
    )
