"""Files of NumPy arrays: sets, classes, and what is refused."""

import re

import numpy as np
import pytest

from kerasclf import load_dataset
from kerasclf.data.specs import check_files
from kerasclf.errors import DataError

RNG = np.random.default_rng(0)


def arrays(count=40, classes=4, shape=(8, 8, 3)):
    return RNG.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % classes


def write(path, **content):
    np.savez(path, **content)
    return f"npz:{path}"


def test_the_arrays_of_keras_are_read(tmp_path):
    (x, y), (x_test, y_test) = arrays(), arrays(12)
    spec = write(tmp_path / "a.npz", x_train=x, y_train=y[:, None], x_test=x_test, y_test=y_test)
    check_files(spec)
    dataset = load_dataset(spec)
    assert dataset.class_names == ("0", "1", "2", "3")
    assert (dataset.test.images.array == x_test).all()
    assert dataset.test.labels.tolist() == y_test.tolist()
    assert (len(dataset.train), len(dataset.validation)) == (36, 4)


def test_a_test_set_is_held_out_if_there_is_none_and_grey_images_gain_a_channel(tmp_path):
    x, y = arrays(shape=(8, 6))
    path = tmp_path / "grey.npz"
    write(path, x_train=x, y_train=y, class_names=np.array(["ant", "bee", "cat", "dog"]))
    dataset = load_dataset(str(path), image_size=(4, 4))
    assert dataset.spec == f"npz:{path}"
    assert dataset.class_names == ("ant", "bee", "cat", "dog")
    assert dataset.image_shape == (4, 4, 1)
    assert len(dataset.test) == 8


def test_every_problem_of_the_arrays_is_named(tmp_path):
    x, y = arrays()
    spec = write(tmp_path / "a.npz", x_train=x / 255, y_train=y[:-1], x_val=x[..., :2], y_val=y / 2)
    with pytest.raises(DataError) as caught:
        load_dataset(spec)
    assert str(caught.value).splitlines()[1:] == [
        "  - x_train: expected uint8 pixels, 0 to 255. Received: float64.",
        "  - y_train: expected a label for each image. Received: 39 for 40 images.",
        "  - x_val: expected the shape (n, height, width), or (n, height, width, channels) with 1 or 3 channels. "
        "Received: (40, 8, 8, 2).",
        "  - y_val: expected whole numbers of shape (n,). Received: float64 of shape (40,).",
    ]


def test_class_names_may_be_bytes(tmp_path):
    x, y = arrays(classes=2)
    spec = write(tmp_path / "a.npz", x_train=x, y_train=y, class_names=np.array([b"cat", "bär".encode()]))
    assert load_dataset(spec).class_names == ("cat", "bär")


@pytest.mark.parametrize(
    ("shape", "size", "problem"),
    [
        ((6, 8, 3), None, "x_test: expected the image shape of x_train, 8×8×3. Received: 6×8×3."),
        ((8, 8), None, "x_test: expected the image shape of x_train, 8×8×3. Received: 8×8×1."),
        ((6, 8), (4, 4), "x_test: expected the number of channels of x_train, 3. Received: 1."),
    ],
)
def test_sets_of_other_shapes_are_refused(tmp_path, shape, size, problem):
    (x, y), (x_test, y_test) = arrays(), arrays(12, shape=shape)
    spec = write(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    with pytest.raises(DataError, match=re.escape(problem)):
        load_dataset(spec, image_size=size)


def test_sets_of_other_sizes_are_resized(tmp_path):
    (x, y), (x_test, y_test) = arrays(), arrays(12, shape=(6, 8, 3))
    spec = write(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    assert load_dataset(spec, image_size=(4, 4)).test.images.shape == (4, 4, 3)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_a_test_set_may_be_a_single_image(tmp_path, shape):
    (x, y), (x_test, y_test) = arrays(), arrays(1)
    spec = write(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test.reshape(shape))
    assert load_dataset(spec).test.labels.tolist() == [0]


@pytest.mark.parametrize(
    ("labels", "names", "problem"),
    [
        (np.zeros(40, int), None, "Expected images of at least 2 classes. Received: 1."),
        (np.arange(40) % 4 - 1, None, "Expected labels from 0. Received: -1."),
        (np.arange(40) % 4 * 2, None, "y_train: expected images of every class. Received: none of 1, 3, 5."),
        (np.arange(40) % 4, ["a", "b"], "class_names: expected a name for each label up to 3. Received: 2 names."),
        (np.arange(40) % 2, ["a", "a"], "class_names: expected each name once. Received: a, a."),
        (np.arange(40) % 2, [3, 5], "class_names: expected texts, or bytes in UTF-8. Received: int64."),
        (np.arange(40) % 2, [b"a", b"\xe4"], "class_names: expected texts, or bytes in UTF-8. Received: b'\\xe4'."),
    ],
)
def test_wrong_classes_are_refused(tmp_path, labels, names, problem):
    named = {} if names is None else {"class_names": np.array(names)}
    spec = write(tmp_path / "a.npz", x_train=arrays()[0], y_train=labels, **named)
    with pytest.raises(DataError, match=re.escape(problem)):
        load_dataset(spec)


def test_missing_arrays_other_files_and_objects_are_refused(tmp_path):
    x, y = arrays()
    spec = write(tmp_path / "a.npz", x_train=x, x_test=x, y_test=y)
    with pytest.raises(DataError, match=re.escape("expected y_train. Received: x_train, x_test, y_test.")):
        check_files(spec)
    (tmp_path / "b.npz").write_bytes(b"no arrays")
    with pytest.raises(DataError, match=r"b\.npz is no file of numpy\.savez: "):
        check_files(f"npz:{tmp_path / 'b.npz'}")
    spec = write(tmp_path / "c.npz", x_train=x, y_train=np.array([{}] * 40))
    with pytest.raises(DataError, match=r"c\.npz cannot be read: it holds Python objects\."):
        load_dataset(spec)
    with pytest.raises(DataError, match=r"d\.npz does not exist"):
        check_files(f"npz:{tmp_path / 'd.npz'}")
