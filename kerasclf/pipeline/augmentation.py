"""`Augmentation`: the random changes of training images, and the normalisation of pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.quiet import quiet_tensorflow
from kerasclf.values import seed_problems

if TYPE_CHECKING:
    from kerasclf.notebook_figure import NotebookFigure


_MOST = 16  # images and versions; a larger preview is unreadable


class Augmentation(AugmentationSettings):
    """Random changes of training images, and the normalisation inside the model.

    Names and meanings are those of Keras' ImageDataGenerator; `docs/augmentation.md` lists the few differences. Only
    training images are changed at random. Normalisation (from `rescale` to `zca_whitening`) becomes the first layers of
    the model, which therefore takes raw pixels 0–255. Its statistics come only from the training images.

    Args:
        rotation_range: Maximum rotation in degrees, drawn from [-range, range].
        width_shift_range: Horizontal shift. A float below 1 is a share of the width, a float of at least 1 is in
            pixels, an int n means whole pixels in (-n, n), and a tuple lists shifts to choose from, with either sign.
        height_shift_range: Vertical shift, likewise.
        brightness_range: Minimum and maximum factor on the pixels.
        shear_range: Maximum shear in degrees, drawn from [-range, range].
        zoom_range: Minimum and maximum zoom factor, or a float z for (1 - z, 1 + z). Above 1 the image shrinks. Rows
            and columns are drawn separately.
        channel_shift_range: Maximum number of grey levels to add to all channels, drawn from [-range, range]. Values
            stay between the image's own minimum and maximum.
        fill_mode: Filling outside the image: `"nearest"`, `"constant"`, `"reflect"` or `"wrap"`.
        cval: Grey level outside the image for `fill_mode="constant"`.
        interpolation: `"bilinear"` or `"nearest"`.
        horizontal_flip: Whether to mirror half of the images left to right.
        vertical_flip: Whether to mirror half of the images top to bottom.
        random_crop_padding: Pixels to pad with `fill_mode` on each side before a random crop of the original size; 0
            for none.
        rand_augment_ops: Number of RandAugment operations per image; 0 for none.
        rand_augment_magnitude: Strength of the RandAugment operations, 0 to 1.
        random_erasing: Probability of replacing a rectangle by noise.
        random_erasing_area: Minimum and maximum share of the image to erase.
        mix_up: MixUp's alpha; 0 for none.
        cut_mix: CutMix's alpha; 0 for none. With both, each batch gets one of the two.
        preprocessing_function: `"module:function"`, applied before the other normalisation. The function must use
            keras.ops and take a batch, such as `"keras.applications.resnet50:preprocess_input"`.
        rescale: Factor on the pixels.
        samplewise_center: Whether to subtract each image's own mean.
        samplewise_std_normalization: Whether to divide by each image's own standard deviation; implies centring.
        featurewise_center: Whether to subtract the mean of the training images per channel.
        featurewise_std_normalization: Whether to divide by the standard deviation of the training images per channel;
            implies centring.
        zca_whitening: Whether to decorrelate pixels; implies centring.
        zca_epsilon: Added to the singular values in ZCA.

    Example:
        >>> from kerasclf import Augmentation
        >>> augmentation = Augmentation(rotation_range=15, zoom_range=0.2, horizontal_flip=True, rescale=1 / 255)
        >>> augmentation.zoom
        (0.8, 1.2)
        >>> augmentation.is_random, Augmentation(rescale=1 / 255).is_random
        (True, False)
    """

    def check_random(self) -> None:
        """Checks that images change at random.

        Raises:
            KerasclfError: If they do not: then there is nothing to show.
        """
        if not self.is_random:
            raise KerasclfError(
                f"Expected an augmentation that changes images at random. Received: {self!r}. "
                "Its normalisation is part of the model and is not shown."
            )

    def preview(
        self,
        images: NDArray[np.uint8],
        count: int = 4,
        *,
        seed: int = 0,
        indices: Sequence[int] = (),
        names: Sequence[str] = (),
    ) -> "NotebookFigure":
        """Draws images and random versions of them, with titles that say what changed.

        The pixels are those that the model receives, before its normalisation. Version e of image i is the version
        that a run with the same seed trains on in epoch e. MixUp and CutMix mix with the next of the given images; a
        training mixes with the next one of its batch.

        Args:
            images: One to 16 images: uint8 of shape (n, height, width, channels) or (height, width, channels), pixels
                0–255. Use the size of the training, as some changes are in pixels.
            count: Number of versions of each image, from 1 to 16.
            seed: Seed of the run.
            indices: Indices of the images in the training set, which decide their changes; 0, 1, 2 … if empty.
            names: Titles of the original images.

        Returns:
            The figure, which a notebook shows. `savefig` writes it to a file.

        Raises:
            KerasclfError: If the images, the count or the seed cannot be used, or if the augmentation changes no image.

        Example:
            ```
            dataset = load_dataset("shapes")
            Augmentation(rotation_range=15, horizontal_flip=True).preview(dataset.train.images.read(np.arange(3)))
            ```
        """
        images = np.asarray(images)
        images = images[None] if images.ndim == 3 else images
        _check_preview(images, count, seed, indices, names)
        self.check_random()
        quiet_tensorflow()
        from kerasclf.pipeline.preview import draw_preview

        titles, numbers = names or ["original"] * len(images), indices or range(len(images))
        return draw_preview(self, images, indices=numbers, count=count, seed=seed, names=titles)


def _check_preview(
    images: NDArray[np.uint8], count: int, seed: int, indices: Sequence[int], names: Sequence[str]
) -> None:
    problems = []
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        problems.append(
            "images: expected uint8 pixels of shape (n, height, width, channels) with 1 or 3 channels. "
            f"Received: {images.dtype} of shape {images.shape}."
        )
    elif not 1 <= len(images) <= _MOST:
        problems.append(f"images: expected 1 to {_MOST} images. Received: {len(images):,}.")
    else:
        for name, values in (("indices", indices), ("names", names)):
            if len(values) not in (0, len(images)):
                problems.append(f"{name}: expected one for each of the {len(images)} images. Received: {len(values)}.")
    if not 1 <= count <= _MOST:
        problems.append(f"count: expected 1 to {_MOST} versions. Received: {count}.")
    problems += seed_problems(seed)
    raise_all("The preview cannot be drawn", problems)
