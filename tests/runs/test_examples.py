"""The errors whose thumbnails a run keeps, and their size."""

import io
import zipfile

import numpy as np
import pytest

from kerasclf.data import ArrayImages, Subset
from kerasclf.runs.examples import most_confident_errors, most_confused, read_examples, thumbnails, write_examples

# The true class, and the probabilities of classes 0, 1, 2. The comments give the position.
TABLE = [
    (0, (0.9, 0.1, 0.0)),  # 0 correct
    (0, (0.2, 0.7, 0.1)),  # 1 error
    (0, (0.1, 0.8, 0.1)),  # 2 error
    (1, (0.9, 0.1, 0.0)),  # 3 error, the most confident together with 5
    (2, (0.3, 0.3, 0.4)),  # 4 correct
    (2, (0.9, 0.1, 0.0)),  # 5 error, with the same probability of the true class as 3
    (0, (0.0, 0.4, 0.6)),  # 6 error
    (2, (0.1, 0.7, 0.2)),  # 7 error
]
LABELS = np.array([label for label, _ in TABLE])
PROBABILITIES = np.array([row for _, row in TABLE], np.float32)


def subset_of(images, labels=LABELS):
    return Subset(ArrayImages(images), labels, tuple(f"dir/image {i}.png" for i in range(len(labels))))


def test_the_errors_with_the_highest_probability_come_first():
    # 1 and 7 give the wrong class 0.7 and the true class 0.2: the earlier one comes first.
    assert most_confident_errors(LABELS, PROBABILITIES).tolist() == [5, 3, 2, 1, 7, 6]
    assert most_confident_errors(LABELS, PROBABILITIES, 3).tolist() == [5, 3, 2]


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


def test_a_pair_keeps_its_four_most_confident_errors():
    labels = np.zeros(6, np.int64)
    wrong = np.array([0.6, 0.9, 0.7, 0.65, 0.8, 0.55])
    (pair,) = most_confused(labels, np.stack([1 - wrong, wrong], axis=1))
    assert pair.count == 6
    assert pair.examples.tolist() == [1, 4, 2, 3]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_file_holds_the_chosen_images(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, channels), np.uint8)
    write_examples(tmp_path / "examples.npz", subset_of(images), PROBABILITIES)
    kept = read_examples(tmp_path / "examples.npz")
    assert kept.indices.tolist() == [1, 2, 3, 5, 6, 7]
    assert kept.names.tolist() == [f"dir/image {i}.png" for i in (1, 2, 3, 5, 6, 7)]
    np.testing.assert_array_equal(kept.images, images[kept.indices])  # small enough to stay as they are


def test_only_the_most_confident_errors_and_those_of_pairs_are_kept(tmp_path):
    """Among a hundred errors of one pair, the four of the pair belong to the twenty most confident ones."""
    wrong = np.linspace(0.6, 0.9, 100)
    subset = subset_of(np.zeros((100, 2, 2, 1), np.uint8), np.zeros(100, np.int64))
    write_examples(tmp_path / "examples.npz", subset, np.stack([1 - wrong, wrong], axis=1))
    assert read_examples(tmp_path / "examples.npz").indices.tolist() == list(range(80, 100))


def test_a_run_without_errors_keeps_an_empty_file(tmp_path):
    write_examples(tmp_path / "examples.npz", subset_of(np.zeros((8, 200, 100, 3), np.uint8)), np.eye(3)[LABELS])
    kept = read_examples(tmp_path / "examples.npz")
    assert kept.images.shape == (0, 96, 48, 3)
    assert (len(kept.indices), len(kept.names)) == (0, 0)


def test_the_file_is_the_same_every_time_and_nothing_in_it_is_pickled(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), np.uint8)
    for name in ("one.npz", "other.npz"):
        write_examples(tmp_path / name, subset_of(images), PROBABILITIES)
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
