"""How an image of any shape fills a given height and width: squashed, cropped or padded. `FITS` lists the ways."""

from typing import Literal, get_args

from PIL import Image, ImageOps

from kerasclf.errors import DataError, in_short

Fit = Literal["squash", "crop", "pad"]
FITS: tuple[Fit, ...] = get_args(Fit)
_METHOD = Image.Resampling.BILINEAR  # antialiased, as Pillow resizes


def known_fit(name: object) -> Fit:
    """Returns the fit of a name.

    Raises:
        DataError: If there is none.
    """
    for fit in FITS:
        if fit == name:
            return fit
    raise DataError(f"fit: expected 'squash', 'crop' or 'pad'. Received: {in_short(name)}.")


def fit_image(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Returns an image that fills a size, resized bilinearly with antialiasing.

    Args:
        image: The image, grey or RGB.
        size: Height and width, in pixels.
        fit: `"squash"` stretches the image to the size. `"crop"` scales it until it covers the size, and keeps the
            middle. `"pad"` scales it until the size contains it, and centres it on black; an odd pixel of the border is
            below or to the right. The last two keep the aspect ratio. For an image of the aspect ratio of `size`, all
            three are the same.
    """
    height, width = size
    if fit == "crop":
        return ImageOps.fit(image, (width, height), _METHOD)
    inner_height, inner_width = scaled_size((image.height, image.width), size, fit)
    if image.size != (inner_width, inner_height):
        image = image.resize((inner_width, inner_height), _METHOD)
    if image.size == (width, height):
        return image
    padded = Image.new(image.mode, (width, height))  # black, as Keras pads
    padded.paste(image, ((width - inner_width) // 2, (height - inner_height) // 2))
    return padded


def scaled_size(image: tuple[int, int], size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """Returns the height and width of the visible part of a fitted image, in pixels.

    Args:
        image: Height and width of the image.
        size: Height and width that it fills.
        fit: As for `fit_image`. Only padding makes the visible part smaller than `size`.
    """
    if fit != "pad":
        return size
    scale = min(size[0] / image[0], size[1] / image[1])
    # A line stays visible, however long it is.
    height, width = (max(1, min(most, round(length * scale))) for length, most in zip(image, size, strict=True))
    return height, width
