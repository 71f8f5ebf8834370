"""Images that show the same: equal pixels, and near-duplicates that were cropped, flipped, compressed or brightened.

Near-duplicates are found in three steps. A perceptual hash and the nearest neighbours in a space of features propose
pairs. The correlation of their pixels decides, at the best of several crops and flips of one on the other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from kerasclf.audit.pooled_images import SMALL, resize

# Bits in which the hashes of a proposed pair may differ, of 64.
_HASH_BITS = 6
# Nearest neighbours that are proposed for each image and for its mirror image.
_NEIGHBORS = 8
# Pairs of a higher correlation are near-duplicates, if the images of the data set are not all as similar.
_LEAST_CORRELATION = 0.93
# A near-duplicate is at most this share as far away as the usual eighth neighbour.
_USUAL_SHARE = 0.35
# Sides of the crops that are tried, as shares of the image's side; and their positions along each side.
_CROPS = (0.9, 0.8, 0.7)
_POSITIONS = (0.0, 0.5, 1.0)
# Side of the images when they are compared, in pixels.
_COMPARED = 16
# Rows of hashes that are compared with all others at once.
_ROWS = 512

Small = NDArray[np.uint8]


class Pair(NamedTuple):
    """Two images, as positions in the list of all, and their correlation: 1 for equal pixels."""

    one: int
    other: int
    score: float


@dataclass(frozen=True)
class NearDuplicates:
    """Near-duplicates without the pairs of equal pixels.

    Args:
        pairs: The pairs.
        threshold: The least correlation of a pair.
    """

    pairs: tuple[Pair, ...]
    threshold: float


def equal_images(keys: Sequence[str]) -> list[list[int]]:
    """Returns the groups of images with equal pixels, each as ascending positions.

    Args:
        keys: A hash of each image's pixels.

    Example:
        >>> equal_images(["a", "b", "a", "c", "a"])
        [[0, 2, 4]]
    """
    found: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        found[key].append(index)
    return [indices for indices in found.values() if len(indices) > 1]


def near_duplicates(
    small: Small,
    keys: Sequence[str],
    features: NDArray[np.float32] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> NearDuplicates:
    """Returns the pairs of images that show the same in different pixels.

    Args:
        small: The images, uint8 of shape (n, 32, 32, channels), pixels 0–255.
        keys: A hash of each image's pixels: of equal images only the first is compared.
        features: Features of a network, shape (n, features), which propose pairs too; None for pixels alone.
        advance: Is told how many more images are done.
    """
    first = np.array(sorted({key: index for index, key in reversed([*enumerate(keys)])}.values()), np.int64)
    advance(len(small) - len(first))
    if len(first) < 2:
        advance(len(first))
        return NearDuplicates((), _LEAST_CORRELATION)
    plain = _described(small[first])
    proposed, usual = _proposed(small[first], plain, None if features is None else features[first])
    threshold = max(_LEAST_CORRELATION, 1 - _USUAL_SHARE * usual)
    scores: dict[tuple[int, int], float] = {}
    for one, others in proposed:
        advance(1)
        if len(others):
            best = (_views(small[first[one]]) @ plain[others].T).max(axis=0)
            for other, score in zip(others.tolist(), best.tolist(), strict=True):
                pair = (min(one, other), max(one, other))
                scores[pair] = max(score, scores.get(pair, 0.0))
    pairs = [Pair(int(first[a]), int(first[b]), min(score, 1.0)) for (a, b), score in scores.items()]
    return NearDuplicates(tuple(sorted(pair for pair in pairs if pair.score >= threshold)), threshold)


def joined(pairs: Sequence[tuple[int, int]], count: int) -> list[list[int]]:
    """Returns the groups of images that pairs connect, each as ascending positions.

    Args:
        pairs: Positions of two images each.
        count: Number of images.

    Example:
        >>> joined([(0, 3), (3, 5), (1, 2)], 6)
        [[0, 3, 5], [1, 2]]
    """
    if not pairs:
        return []
    rows, columns = np.array(pairs).T
    _, number = connected_components(coo_array((np.ones(len(pairs)), (rows, columns)), (count, count)))
    found: dict[int, list[int]] = defaultdict(list)
    for index in np.unique([rows, columns]).tolist():
        found[int(number[index])].append(index)
    return sorted(found.values())


def difference_hash(small: Small) -> NDArray[np.uint64]:
    """Returns a perceptual hash of 64 bits of each image: whether each of 8×9 grey cells is brighter than the next.

    Args:
        small: Images, uint8 of shape (n, height, width, channels), pixels 0–255.
    """
    grey = small.mean(axis=3).astype(np.uint8)
    cells = np.stack([resize_cells(image) for image in grey])
    bits = cells[:, :, 1:] > cells[:, :, :-1]
    return np.packbits(bits.reshape(len(bits), 64), axis=1).view(np.uint64)[:, 0]


def resize_cells(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a grey image in 8 rows of 9 cells."""
    from PIL import Image

    return np.asarray(Image.fromarray(grey).resize((9, 8), Image.Resampling.BILINEAR))


def _proposed(
    small: Small, plain: NDArray[np.float32], features: NDArray[np.float32] | None
) -> tuple[Iterator[tuple[int, NDArray[np.int64]]], float]:
    """Returns for each image the others to compare it with, and the usual distance of an eighth neighbour."""
    mirrored = small[:, :, ::-1]
    hashes, mirrored_hashes = difference_hash(small), difference_hash(mirrored)
    count = min(_NEIGHBORS + 1, len(small))
    spaces = [(plain, plain), (plain, _described(mirrored))]
    if features is not None:
        spaces.append((features, features))
    neighbors, usual = [], 1.0
    for known, asked in spaces:
        found = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(known)
        distances, indices = found.kneighbors(asked)
        if asked is plain:
            usual = float(np.median(distances[:, -1]))
        neighbors.append(indices)
    close = np.concatenate(neighbors, axis=1)

    def each() -> Iterator[tuple[int, NDArray[np.int64]]]:
        for start in range(0, len(small), _ROWS):
            rows = hashes[start : start + _ROWS, None]
            near = np.minimum(np.bitwise_count(rows ^ hashes), np.bitwise_count(rows ^ mirrored_hashes)) <= _HASH_BITS
            for offset, row in enumerate(near):
                one = start + offset
                others = np.union1d(np.flatnonzero(row), close[one])
                yield one, others[others != one]

    return each(), usual


def _views(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns an image and its crops, each also mirrored, as rows to correlate with other images."""
    boxes = [None] + [
        (left * (1 - side) * SMALL, top * (1 - side) * SMALL, (left * (1 - side) + side) * SMALL,
         (top * (1 - side) + side) * SMALL)
        for side in _CROPS for left in _POSITIONS for top in _POSITIONS
    ]  # fmt: skip
    crops = np.stack([resize(image, _COMPARED, box) for box in boxes])
    return _rows(np.concatenate([crops, crops[:, :, ::-1]]))


def _described(small: Small) -> NDArray[np.float32]:
    """Returns one row per image. The product of two rows is the correlation of the images."""
    return _rows(np.stack([resize(image, _COMPARED) for image in small]))


def _rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-6)  # an image of one colour correlates with none
