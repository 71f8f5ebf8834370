"""The preview of an augmentation: the pixels of a training, with titles that say what changed."""

import numpy as np
import pytest

from kerasclf import Augmentation
from kerasclf.errors import KerasclfError
from kerasclf.pipeline.batches import Epoch, training_batches
from kerasclf.pipeline.preview import random_versions
from tests.conftest import make_subset

ALL = Augmentation(
    rotation_range=30, width_shift_range=0.2, zoom_range=0.2, horizontal_flip=True, brightness_range=(0.5, 1.5),
    channel_shift_range=40, random_erasing=0.5, mix_up=0.4,
)  # fmt: skip


@pytest.mark.slow
def test_the_versions_are_the_images_of_a_training():
    subset, epoch = make_subset(4, shape=(8, 8, 3)), Epoch()
    batches = training_batches(subset, 3, 4, ALL, seed=7, epoch=epoch, order="fixed")
    versions, _ = random_versions(ALL, subset.images.array, range(4), 3, seed=7)
    assert versions.shape == (4, 3, 8, 8, 3)
    for number in range(3):
        epoch.number = number
        ((images, _),) = list(batches)
        np.testing.assert_array_equal(versions[:, number], images.numpy())
    assert not np.array_equal(versions[:, 0], versions[:, 1])


def test_an_image_is_named_by_its_index_in_the_training_set():
    subset = make_subset(4, shape=(8, 8, 3))
    whole, titles = random_versions(ALL.but(mix_up=0.0), subset.images.array, range(4), 2, seed=1)
    part, of_part = random_versions(ALL.but(mix_up=0.0), subset.images.array[2:], [2, 3], 2, seed=1)
    np.testing.assert_array_equal(part, whole[2:])
    assert of_part == titles[2:]


def spot(row, column):
    """An image of 21×21 with one bright spot at a distance from the centre."""
    image = np.zeros((1, 21, 21, 1), np.uint8)
    image[0, 10 + row, 10 + column] = 255
    return image


def positions(augmentation, image, count=16):
    """Yields (title, row, column) of the brightest pixel of each version, from the centre."""
    versions, titles = random_versions(augmentation, image, [0], count, seed=0)
    for version, title in zip(versions[0, ..., 0], titles[0], strict=True):
        row, column = np.unravel_index(version.argmax(), version.shape)
        yield title, int(row) - 10, int(column) - 10


def test_titles_say_where_the_picture_moved():
    directions = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    seen = set()
    for field in ("width_shift_range", "height_shift_range"):
        for title, row, column in positions(Augmentation(**{field: 4}), spot(0, 0)):
            if title == "unchanged":
                assert (row, column) == (0, 0)
                continue
            _, pixels, _, direction = title.split()
            assert (row, column) == tuple(int(pixels) * one for one in directions[direction])
            seen.add(direction)
    assert seen == {*directions}


def test_titles_say_how_the_picture_turned():
    seen = set()
    for title, row, _ in positions(Augmentation(rotation_range=60), spot(0, 8)):  # the spot is on the right
        _, degrees, direction = title.split()
        assert row == pytest.approx(
            (1 if direction == "right" else -1) * 8 * np.sin(np.radians(int(degrees[:-1]))), abs=1
        )
        seen.add(direction)
    assert seen == {"left", "right"}


def test_titles_say_how_the_picture_was_zoomed_and_mirrored():
    zoomed = list(positions(Augmentation(zoom_range=0.4), spot(5, 5)))
    for title, row, column in zoomed:
        width, height = (int(part.split()[1][:-1]) / 100 for part in title.split(", "))
        assert (row, column) == (pytest.approx(5 * height, abs=1), pytest.approx(5 * width, abs=1))
    flips = {title: (row, column) for title, row, column in positions(
        Augmentation(horizontal_flip=True, vertical_flip=True), spot(3, 5))}  # fmt: skip
    assert flips == {
        "unchanged": (3, 5), "mirrored": (3, -5), "upside down": (-3, 5), "mirrored, upside down": (-3, -5),
    }  # fmt: skip


@pytest.mark.slow
def test_titles_name_changes_of_colour_erasing_and_mixtures():
    grey = np.full((2, 16, 16, 3), 100, np.uint8)
    versions, titles = random_versions(Augmentation(brightness_range=(0.5, 1.5)), grey, [0, 1], 8, seed=0)
    shares = [int(title.split()[1][:-1]) for title in titles[0]]
    np.testing.assert_allclose(versions[0].mean(axis=(1, 2, 3)), shares, atol=1)
    _, titles = random_versions(Augmentation(random_erasing=0.5), grey, [0, 1], 16, seed=0)
    assert {*titles[0]} == {"unchanged", "a rectangle erased"}
    _, titles = random_versions(Augmentation(rand_augment_ops=2), grey, [0, 1], 16, seed=0)
    assert {"RandAugment: solarize", "RandAugment: rotate"} <= {
        name for title in titles[0] for name in title.split(", ")
    }
    black_white = np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    versions, titles = random_versions(Augmentation(mix_up=1.0), black_white, [0, 1], 6, seed=0)
    for version, title in zip(versions[0], titles[0], strict=True):
        share = 0 if title == "unchanged" else int(title.removesuffix("% of image 2"))
        assert version.mean() / 2.55 == pytest.approx(share, abs=1)


def test_the_figure_has_a_row_per_image():
    images = make_subset(2, shape=(8, 8, 1)).images.array
    figure = Augmentation(vertical_flip=True).preview(images, count=3, names=["$a_b$", "[b]"])
    assert len(figure.axes) == 8
    assert [figure.axes[i].get_title() for i in (0, 4)] == [r"\$a_b\$", "[b]"]
    titles = {axes.get_title().replace("\N{NO-BREAK SPACE}", " ") for axes in figure.axes[1:4]}
    assert titles == {"unchanged", "upside down"}
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), images[0, ..., 0])
    assert figure.axes[0].images[0].get_clim() == (0, 255)  # no picture is stretched to its own range
    figure.draw_without_rendering()
    assert len(Augmentation(vertical_flip=True).preview(images[0], 1).axes) == 2


@pytest.mark.parametrize(
    ("images", "count", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), 4, r"images: expected uint8 pixels .* Received: float32 of shape"),
        (np.zeros((2, 4, 4, 2), np.uint8), 4, r"1 or 3 channels\. Received: uint8 of shape \(2, 4, 4, 2\)"),
        (np.zeros((5000, 4, 4, 3), np.uint8), 4, r"images: expected 1 to 16 images\. Received: 5,000"),
        (np.zeros((1, 4, 4, 3), np.uint8), 0, r"count: expected 1 to 16 versions\. Received: 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(images, count, message):
    with pytest.raises(KerasclfError, match=message):
        Augmentation(horizontal_flip=True).preview(images, count)


def test_normalisation_alone_has_no_preview():
    with pytest.raises(KerasclfError, match=r"Received: Augmentation\(rescale=0\.5\)\. Its normalisation is part of"):
        Augmentation(rescale=0.5).preview(np.zeros((1, 4, 4, 3), np.uint8))


def test_names_and_indices_belong_to_the_images():
    with pytest.raises(KerasclfError) as caught:
        Augmentation(vertical_flip=True).preview(np.zeros((2, 4, 4, 3), np.uint8), names=["one"], indices=[1, 2, 3])
    assert "names: expected one for each of the 2 images. Received: 1." in str(caught.value)
    assert "indices: expected one for each of the 2 images. Received: 3." in str(caught.value)
