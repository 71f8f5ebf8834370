"""Images that show the same: equal pixels, and near-duplicates that were cropped, flipped, compressed or brightened.

Near-duplicates are found in three steps. A perceptual hash and the nearest neighbours in a space of features propose
pairs. How well one image fits a crop of the other decides: the correlation of their pixels, which tells colours apart,
averaged with that of their gradients, which tells shapes apart.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from kerasclf.audit.crops import FIRST_CROPS, MIDDLE, Crop
from kerasclf.audit.pooled_images import resize
from kerasclf.data.groups import members_of
from kerasclf.log import Track, untracked

# Bits in which the hashes of a proposed pair may differ, of 64.
_HASH_BITS = 6
# Nearest neighbours that are proposed for each image and for its mirror image.
_NEIGHBORS = 8
# Pairs of a higher correlation are near-duplicates, unless all images of the data set are nearly as similar.
_LEAST_CORRELATION = 0.95
# A near-duplicate is at most this share as far away as the usual eighth neighbour.
_USUAL_SHARE = 0.35
# The best crops of the most similar images are refined in steps of these shares of a side, which gains up to _GAIN.
_REFINED = 3
_GAIN = 0.15
_STEPS = (0.04, 0.02, 0.01)
# Side of the images when they are compared for the first time, and when their crops are refined, in pixels.
_COARSE, _FINE = 12, 16
# Side of the images whose nearest neighbours are proposed, and the part of an image that asks for them.
_BLURRED = 8
# Images that are compared with all others at once.
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
    return [indices for indices in members_of(keys).values() if len(indices) > 1]


def near_duplicates(
    small: Small,
    keys: Sequence[str],
    features: NDArray[np.float32] | None = None,
    track: Track = untracked,
) -> NearDuplicates:
    """Returns the pairs of images that show the same in different pixels.

    Args:
        small: The images, uint8 of shape (n, 32, 32, channels), pixels 0–255.
        keys: A hash of each image's pixels: of equal images only the first is compared.
        features: Features of a network, shape (n, features), which propose pairs too; None for pixels alone.
        track: Shows the progress.
    """
    first = np.array(sorted({key: index for index, key in reversed([*enumerate(keys)])}.values()), np.int64)
    if len(first) < 2:
        return NearDuplicates((), _LEAST_CORRELATION)
    distinct = small[first]
    plain = _described(distinct)
    close, usual = _neighbors(distinct, plain, None if features is None else features[first], track)
    threshold = max(_LEAST_CORRELATION, 1 - _USUAL_SHARE * usual)
    pairs = []
    promising = _promising(distinct, plain, close, threshold, track)
    with track("fitting the crops of similar images", len(promising), "pairs") as advance:
        for (one, other), crop in promising.items():
            score = _refined(distinct[one], distinct[other], crop)
            if score >= threshold:
                low, high = sorted((int(first[one]), int(first[other])))
                pairs.append(Pair(low, high, min(score, 1.0)))
            advance(1)
    return NearDuplicates(tuple(sorted(pairs)), threshold)


def _promising(
    small: Small, plain: NDArray[np.float32], close: NDArray[np.int64], threshold: float, track: Track
) -> dict[tuple[int, int], Crop]:
    """Returns the pairs that may be near-duplicates, with the crop of the first image that fits the second best."""
    found: dict[tuple[int, int], tuple[float, Crop]] = {}
    with track("comparing crops", len(small)) as advance:
        for one, others in _proposed(small, close):
            advance(1)
            if not len(others):
                continue
            fits = _views(small[one]) @ plain[others].T
            scores, crops = fits.max(axis=0), fits.argmax(axis=0)
            for position in np.argsort(-scores, kind="stable")[:_REFINED].tolist():
                score, other = float(scores[position]), int(others[position])
                if score >= threshold - _GAIN and score > found.get((other, one), (0.0,))[0]:
                    found.pop((other, one), None)
                    found[one, other] = score, FIRST_CROPS[crops[position]]
    return {pair: crop for pair, (_, crop) in found.items()}


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
    cells = np.stack([_cells(image) for image in grey])
    bits = cells[:, :, 1:] > cells[:, :, :-1]
    return np.packbits(bits.reshape(len(bits), 64), axis=1).view(np.uint64)[:, 0]


def _cells(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a grey image in 8 rows of 9 cells."""
    return np.asarray(Image.fromarray(grey).resize((9, 8), Image.Resampling.BILINEAR))


def _neighbors(
    small: Small, plain: NDArray[np.float32], features: NDArray[np.float32] | None, track: Track
) -> tuple[NDArray[np.int64], float]:
    """Returns the nearest neighbours of each image in several spaces, and the usual distance of an eighth neighbour."""
    blurred = _blurred(small, Crop())
    # The middle of an image finds images that show only a part of it.
    asked = [
        _blurred(small, Crop(mirrored=True)),
        _blurred(small, MIDDLE),
        _blurred(small, MIDDLE._replace(mirrored=True)),
    ]
    spaces = [(blurred, blurred), *((blurred, rows) for rows in asked)]
    if features is not None:
        spaces.append((features, features))
    count = min(_NEIGHBORS + 1, len(small))
    searches = [(_fitted(known, count), rows) for known, rows in [*spaces, (plain, plain)]]
    close, eighth = [], []
    with track("searching the nearest neighbours", len(small)) as advance:
        for start in range(0, len(small), _ROWS):
            found = [search.kneighbors(rows[start : start + _ROWS]) for search, rows in searches]
            close.append(np.concatenate([neighbors for _, neighbors in found[:-1]], axis=1))
            eighth.append(found[-1][0][:, -1])
            advance(len(close[-1]))
    return np.concatenate(close), float(np.median(np.concatenate(eighth))) if len(small) > _NEIGHBORS else 1.0


def _fitted(known: NDArray[np.float32], count: int) -> NearestNeighbors:
    """Returns the search for the nearest known rows, by cosine distance."""
    return NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(known)


def _proposed(small: Small, close: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yields each image with the others to compare it with: its nearest neighbours, and those of a similar hash."""
    hashes, mirrored_hashes = difference_hash(small), difference_hash(small[:, :, ::-1])
    for start in range(0, len(small), _ROWS):
        rows = hashes[start : start + _ROWS, None]
        near = np.minimum(np.bitwise_count(rows ^ hashes), np.bitwise_count(rows ^ mirrored_hashes)) <= _HASH_BITS
        for offset, row in enumerate(near):
            one = start + offset
            others = np.union1d(np.flatnonzero(row), close[one])
            yield one, others[others != one]


def _blurred(small: Small, crop: Crop) -> NDArray[np.float32]:
    """Returns the colours of an 8×8 version of each image, less their mean: a shift changes them little."""
    rows = np.stack([crop.of(image, _BLURRED) for image in small]).reshape(len(small), -1).astype(np.float32)
    return rows - rows.mean(axis=1, keepdims=True)


def _views(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the first crops of an image as rows to correlate with other images."""
    half = len(FIRST_CROPS) // 2
    crops = np.stack([crop.of(image, _COARSE) for crop in FIRST_CROPS[:half]])
    return _rows(np.concatenate([crops, crops[:, :, ::-1]]))


def _refined(one: NDArray[np.uint8], other: NDArray[np.uint8], crop: Crop) -> float:
    """Returns the correlation of an image with the crop of another that fits it best, near a first crop."""
    (wanted,) = _described(other[None], _FINE)

    best = float(_rows(crop.of(one, _FINE)[None])[0] @ wanted)
    for step in _STEPS:
        while True:
            near = list(crop.moved(step))
            scores = _rows(np.stack([moved.of(one, _FINE) for moved in near])) @ wanted
            if scores.max() <= best:
                break
            best, crop = float(scores.max()), near[int(scores.argmax())]
    return best


def _described(small: Small, size: int = _COARSE) -> NDArray[np.float32]:
    """Returns one row per image. The product of two rows is the correlation of the images."""
    return _rows(np.stack([resize(image, size) for image in small]))


def _rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the pixels of each image and the gradients of its grey levels, each half of a row of length 1."""
    pixels = images.astype(np.float32)
    grey = pixels.mean(axis=3)
    across, down = np.diff(grey, axis=2), np.diff(grey, axis=1)
    count = len(images)
    gradients = np.concatenate([across.reshape(count, -1), down.reshape(count, -1)], axis=1)
    flat = pixels.reshape(count, -1)
    parts = flat - flat.mean(axis=1, keepdims=True), gradients
    # An image of one colour correlates with none.
    return np.concatenate(
        [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6) for part in parts], axis=1
    ) * np.float32(np.sqrt(0.5))
