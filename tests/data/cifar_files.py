"""Small files in the form of the CIFAR archives."""

import io
import pickle
import struct
import tarfile

import numpy as np


class Python2Pickler(pickle._Pickler):
    """Writes bytes in the form of Python 2's strings, as in the CIFAR archives."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_bytes(self, text):
        self.write(pickle.BINSTRING + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_bytes


def python2_pickle(value):
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar_batch(count, classes, labels_key, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    data[:, 0] = labels  # the red value of the first pixel is the label
    data[:, 1024] = 200  # the first green value
    return {b"data": data, labels_key: labels.tolist(), b"coarse_labels": [0] * count, b"filenames": [b"x"] * count}


def cifar100_files():
    """The files train and test of a small CIFAR-100: 20 and 4 images of each class."""
    return {
        name: python2_pickle(cifar_batch(count, 100, b"fine_labels", seed))
        for name, count, seed in (("train", 2000, 0), ("test", 400, 1))
    }


def write_cifar100(path):
    """Writes an archive in the form that the University of Toronto serves and Keras caches."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in cifar100_files().items():
            info = tarfile.TarInfo(f"cifar-100-python/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
