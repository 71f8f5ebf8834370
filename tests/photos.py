"""Folders of small photographs, to which a test can add more."""

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")


def add_images(root, count, first=0, classes=CLASSES):
    """Writes images of 8x8 noise, in the colour of their class, into class folders; numbered from `first`."""
    for label, name in enumerate(classes):
        for number in range(first, first + count):
            pixels = np.random.default_rng([label, number]).integers(0, 100, (8, 8, 3), np.uint8)
            pixels[..., label % 3] += 155
            path = root / name / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def write_photo(path, seed=0, size=(8, 8)):
    """Writes an image of noise, of a height and width in pixels, and the folders above it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
