"""Smooth random pictures, and variants of a picture as near-duplicates have them."""

import csv
import io

import numpy as np
from PIL import Image, ImageEnhance

from kerasclf.data.dataset import ImageDataset, Subset
from kerasclf.data.image_sources import ArrayImages


def scenes(count, seed=0, side=32):
    """Returns `count` different pictures, uint8 of shape (count, side, side, 3)."""
    cells = np.random.default_rng(seed).integers(0, 256, (count, 7, 7, 3), np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(cell).resize((side, side), Image.Resampling.BICUBIC)) for cell in cells]
    )


def resized(image, side):
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


def crop(image):
    """Returns an off-centre crop of 85 % of the side, in the size of the image."""
    side = len(image)
    return resized(np.ascontiguousarray(image[2 : 2 + round(0.85 * side), 1 : 1 + round(0.85 * side)]), side)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))


def brighter(image):
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.3))


def flip(image):
    return np.ascontiguousarray(image[:, ::-1])


def shrunk(image):
    """Returns a version that was resized to half its side and back."""
    return resized(resized(image, len(image) // 2), len(image))


VARIANTS = {"crop": crop, "jpeg": jpeg, "brightness": brighter, "flip": flip, "resize": shrunk}


def dataset_of(train, validation, test, class_names=("a", "b")):
    """Returns a data set from (images, labels) of each set, or (images, labels, groups)."""
    sets = []
    for name, (images, labels) in zip(("train", "validation", "test"), (train, validation, test), strict=True):
        names = tuple(f"{name}/{index}" for index in range(len(images)))
        sets.append(Subset(ArrayImages(images), np.asarray(labels, np.int64), names))
    return ImageDataset("scenes", "scenes", tuple(class_names), *sets)


def rows_of(path):
    """Returns the rows of a CSV file as dictionaries."""
    return list(csv.DictReader(io.StringIO(path.read_text())))
