"""Which mistakes are kept of a run, and how small."""

import io
import zipfile

import numpy as np
import pytest

from kerasclf.data import ArrayImages, Subset
from kerasclf.runs.examples import most_confused, most_wrong, read_examples, thumbnails, write_examples

# True class, then what a network gave to classes 0, 1, 2. In the order of the list:
TABLE = [
    (0, (0.9, 0.1, 0.0)),  # 0 right
    (0, (0.2, 0.7, 0.1)),  # 1 wrong
    (0, (0.1, 0.8, 0.1)),  # 2 wrong
    (1, (0.9, 0.1, 0.0)),  # 3 wrong, the surest along with 5
    (2, (0.3, 0.3, 0.4)),  # 4 right
    (2, (0.9, 0.1, 0.0)),  # 5 wrong, and left less to the truth than 3
    (0, (0.0, 0.4, 0.6)),  # 6 wrong
    (2, (0.1, 0.7, 0.2)),  # 7 wrong
]
LABELS = np.array([label for label, _ in TABLE])
PROBABILITIES = np.array([given for _, given in TABLE], np.float32)


def part_of(images, labels=LABELS):
    return Subset(ArrayImages(images), labels, tuple(f"dir/image {i}.png" for i in range(len(labels))))


def test_the_most_wrong_are_the_surest_mistakes():
    # 1 and 7 gave a wrong class 0.7 each; 1 left the truth 0.2 and so did 7: the earlier comes first.
    assert most_wrong(LABELS, PROBABILITIES).tolist() == [5, 3, 2, 1, 7, 6]
    assert most_wrong(LABELS, PROBABILITIES, 3).tolist() == [5, 3, 2]


def test_pairs_are_counted_by_direction():
    found = most_confused(LABELS, PROBABILITIES)
    assert [(pair.true, pair.predicted, pair.count, pair.images) for pair in found] == [
        (0, 1, 2, 4),
        (1, 0, 1, 1),  # one of one image is more than one of three, and that more than one of four
        (2, 0, 1, 3),
        (2, 1, 1, 3),
        (0, 2, 1, 4),
    ]
    assert [pair.examples.tolist() for pair in found] == [[2, 1], [3], [5], [7], [6]]
    assert len(most_confused(LABELS, PROBABILITIES, 2)) == 2


def test_of_a_pair_the_four_surest_are_kept():
    labels = np.zeros(6, np.int64)
    sure = np.array([0.6, 0.9, 0.7, 0.65, 0.8, 0.55])
    (pair,) = most_confused(labels, np.stack([1 - sure, sure], axis=1))
    assert pair.count == 6
    assert pair.examples.tolist() == [1, 4, 2, 3]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_file_holds_the_chosen_images(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, channels), np.uint8)
    write_examples(tmp_path / "examples.npz", part_of(images), PROBABILITIES)
    kept = read_examples(tmp_path / "examples.npz")
    assert kept.indices.tolist() == [1, 2, 3, 5, 6, 7]
    assert kept.names.tolist() == [f"dir/image {i}.png" for i in (1, 2, 3, 5, 6, 7)]
    np.testing.assert_array_equal(kept.images, images[kept.indices])  # small enough to stay as they are


def test_no_more_than_the_most_wrong_and_the_pairs_are_kept(tmp_path):
    """A hundred mistakes of one kind: the four of the pair are among the twenty most wrong."""
    sure = np.linspace(0.6, 0.9, 100)
    subset = part_of(np.zeros((100, 2, 2, 1), np.uint8), np.zeros(100, np.int64))
    write_examples(tmp_path / "examples.npz", subset, np.stack([1 - sure, sure], axis=1))
    assert read_examples(tmp_path / "examples.npz").indices.tolist() == list(range(80, 100))


def test_a_run_without_a_mistake_keeps_an_empty_file(tmp_path):
    write_examples(tmp_path / "examples.npz", part_of(np.zeros((8, 200, 100, 3), np.uint8)), np.eye(3)[LABELS])
    kept = read_examples(tmp_path / "examples.npz")
    assert kept.images.shape == (0, 96, 48, 3)
    assert (len(kept.indices), len(kept.names)) == (0, 0)


def test_the_file_is_the_same_every_time_and_nothing_in_it_is_pickled(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), np.uint8)
    for name in ("one.npz", "other.npz"):
        write_examples(tmp_path / name, part_of(images), PROBABILITIES)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.npz") as file:
        for name in file.namelist():
            np.load(io.BytesIO(file.read(name)), allow_pickle=False)


@pytest.mark.parametrize(
    ("shape", "expected"), [((224, 224), (96, 96)), ((100, 400), (24, 96)), ((97, 20), (96, 20)), ((500, 2), (96, 1)),
                            ((96, 96), (96, 96)), ((32, 28), (32, 28))],
)  # fmt: skip
def test_thumbnails_keep_proportions_and_enlarge_nothing(shape, expected):
    assert thumbnails(np.zeros((2, *shape, 3), np.uint8)).shape == (2, *expected, 3)


def test_a_thumbnail_shows_its_image():
    image = np.zeros((1, 192, 192, 4), np.uint8)
    image[0, :96, :, 0] = 200  # the upper half is red
    image[0, :, 96:, 2] = 100  # the right half has blue
    image[..., 3] = 50
    small = thumbnails(image)[0].astype(int)
    assert small[20, 20].tolist() == [200, 0, 0, 50]
    assert small[20, 76].tolist() == [200, 0, 100, 50]
    assert small[76, 20].tolist() == [0, 0, 0, 50]
