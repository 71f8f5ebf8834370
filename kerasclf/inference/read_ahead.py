"""Reads images in threads ahead of the network, in their order. Its memory does not grow with their number."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.pixels.decode import read_image
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import DataError
from kerasclf.machine.resources import usable_cores

# Pixel values of a batch, those of 64 images of 224x224 pixels in colour.
_BATCH_VALUES = 64 * 224 * 224 * 3
_MOST_IN_BATCH = 256
# Batches that are read ahead, besides the one in the network.
_AHEAD = 2

Read = Callable[[str], NDArray[np.uint8]]


@dataclass(frozen=True)
class ImageBatch:
    """Images in their order.

    Args:
        files: Their files.
        images: uint8 array of shape (n, height, width, channels). An image that cannot be read is black.
        problems: Why an image cannot be read, by its position.
    """

    files: tuple[str, ...]
    images: NDArray[np.uint8]
    problems: dict[int, str] = field(default_factory=dict)


def batch_size(shape: tuple[int, int, int]) -> int:
    """Returns the number of images in a batch for images of a shape (height, width, channels)."""
    return max(1, min(_MOST_IN_BATCH, _BATCH_VALUES // int(np.prod(shape))))


def file_reader(shape: tuple[int, int, int], fit: Fit) -> Read:
    """Returns the function that reads an image file as in training.

    Args:
        shape: Height, width and channels of the images.
        fit: How an image fills this height and width.
    """
    height, width, channels = shape

    def read(file: str) -> NDArray[np.uint8]:
        return read_image(Path(file), (height, width), channels, fit)

    return read


def read_batches(files: Iterable[str], shape: tuple[int, int, int], read: Read) -> Iterator[ImageBatch]:
    """Yields all images of some files, batch by batch, while threads decode the next ones.

    Args:
        files: Paths of the files, taken as they are needed.
        shape: Height, width and channels of the batches.
        read: Reads a file in this shape, such as `file_reader`.
    """
    size, waiting = batch_size(shape), deque[tuple[str, Future[_Image]]]()
    # One thread more than cores: some of them wait for the disk.
    pool = ThreadPoolExecutor(usable_cores() + 1, "kerasclf-read")
    coming = iter(files)

    def submit(count: int) -> None:
        waiting.extend((file, pool.submit(_attempt, read, file)) for file in islice(coming, count))

    try:
        submit((_AHEAD + 1) * size)
        while waiting:
            taken = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            submit(len(taken))
            yield _joined(taken, shape)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_Image = NDArray[np.uint8] | str


def _attempt(read: Read, file: str) -> _Image:
    """Returns an image, or why it cannot be read."""
    try:
        return read(file)
    except DataError as error:
        return str(error).removeprefix(f"{file} ")


def _joined(taken: "list[tuple[str, Future[_Image]]]", shape: tuple[int, int, int]) -> ImageBatch:
    images = np.zeros((len(taken), *shape), np.uint8)
    problems = {}
    for position, (_, future) in enumerate(taken):
        image = future.result()
        if isinstance(image, str):
            problems[position] = image
        else:
            images[position] = image
    return ImageBatch(tuple(file for file, _ in taken), images, problems)
