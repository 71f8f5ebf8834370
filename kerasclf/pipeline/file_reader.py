"""Reads image files for the batches. TensorFlow decodes JPEGs of the right size, without Python's lock."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data import FileImages
from kerasclf.data.pixels.encoded_files import EncodedFiles


def make_file_reader(images: FileImages) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """Returns a function from indices to images, or None if Pillow must decode all of them.

    An image has the pixels that `FileImages.read` gives, to the bit. TensorFlow decodes it only after it has once
    given pixels with the image's hash.
    """
    encoded = EncodedFiles(images, decode_if_right) if images.keys else None
    if not encoded:
        return None

    def read_files(indices: NDArray[np.integer]) -> tuple[NDArray[np.object_], NDArray[np.uint8]]:
        files, pixels = encoded.read(indices)
        return np.array(files, object), pixels  # an array of bytes would lose zeros at their end

    def read(indices: tf.Tensor) -> tf.Tensor:
        files, pixels = tf.numpy_function(read_files, [indices], (tf.string, tf.uint8), stateful=False)
        files, pixels = tf.ensure_shape(files, [None]), tf.ensure_shape(pixels, (None, *images.shape))
        return tf.cond(tf.size(files) == tf.shape(pixels)[0], lambda: pixels, lambda: _decode_all(files, pixels))

    return read


def _decode_all(files: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Decodes files. An empty one is the next of some images, whose pixels are known."""
    shape = pixels.shape[1:]
    places = tf.cumsum(tf.cast(files == b"", tf.int32)) - 1

    def image(given: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        file, place = given
        found = tf.cond(file == b"", lambda: pixels[place], lambda: _decode(file, shape[-1]))
        return tf.ensure_shape(found, shape)

    return tf.map_fn(image, (files, places), fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def _decode(file: tf.Tensor | bytes, channels: int) -> tf.Tensor:
    # The faster of its methods gives other pixels.
    return tf.io.decode_jpeg(file, channels, dct_method="INTEGER_ACCURATE")


def decode_if_right(content: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """Returns the pixels of a JPEG of a shape (height, width, channels); None for another shape or a damaged file."""
    try:
        with tf.device("CPU:0"):
            *size, channels = tf.image.extract_jpeg_shape(content).numpy().tolist()
            # Pillow makes grey of colours in another way, and TensorFlow cannot convert all CMYK.
            usable = tuple(size) == shape[:2] and channels in (1, shape[-1])
            return _decode(content, shape[-1]).numpy() if usable else None
    except tf.errors.OpError:
        return None
