"""CIFAR and MNIST from the files that their authors publish, packed or unpacked: read safely, compared by hash."""

import hashlib
import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import DataError, FolderError
from kerasclf.files.reading import read_bytes

Labelled = tuple[NDArray[Any], NDArray[Any]]

# The largest file of the three data sets has 155 MB.
_MAX_BYTES = 256 << 20


class ArchiveContent(NamedTuple):
    """What an archive holds.

    Args:
        train: Training images, uint8, and their labels.
        test: Test images and their labels.
        verified: Whether the files are the published ones, byte by byte.
    """

    train: Labelled
    test: Labelled
    verified: bool


@dataclass(frozen=True)
class CifarArchive:
    """The "python version" of a CIFAR archive: one pickle per batch.

    Args:
        folder: Name of the folder to which it unpacks.
        packed: Name of the packed archive.
        train: Names of the training files with their MD5, as torchvision lists them.
        test: Name of the test file with its MD5.
        labels: Key of the labels in each file.
        num_classes: Number of classes.
    """

    folder: str
    packed: str
    train: dict[str, str]
    test: dict[str, str]
    labels: bytes
    num_classes: int

    @property
    def places(self) -> tuple[str, ...]:
        """Where it may lie below a folder of data. The second is the place of Keras."""
        packed_by_keras = self.packed.removesuffix(".tar.gz")
        return self.folder, f"{packed_by_keras}-target/{self.folder}", self.packed

    def read(self, path: Path) -> ArchiveContent:
        """Reads the archive from its folder or its packed file.

        Raises:
            DataError: If a file is missing or damaged.
        """
        digests = self.train | self.test
        try:
            files = _read_folder(path, digests) if path.is_dir() else _read_packed(path, self.folder, digests)
            batches = {name: self._batch(name, content) for name, content in files.items()}
        except (OSError, EOFError, tarfile.TarError, FolderError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {str(error).rstrip('.')}. Replace it, or remove it.") from error
        verified = all(_md5(files[name]) == digest for name, digest in digests.items())
        return ArchiveContent(_joined(batches, self.train), _joined(batches, self.test), verified)

    def _batch(self, name: str, content: bytes) -> Labelled:
        try:
            plain = _ArraysUnpickler(io.BytesIO(content), encoding="bytes").load()
            data, labels = plain[b"data"], np.asarray(plain[self.labels])
        except Exception as error:  # a pickle can ask for any error
            raise ValueError(f"{name} is no file of CIFAR ({error})") from error
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
            raise ValueError(f"{name} has no images of 32x32 pixels in three colours")
        _check_labels(name, labels, len(data), self.num_classes)
        return data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


@dataclass(frozen=True)
class MnistArchive:
    """The file mnist.npz that Keras downloads.

    Args:
        file: Its name.
        digest: Its SHA-256.
    """

    file: str
    digest: str

    @property
    def places(self) -> tuple[str, ...]:
        """Where it may lie below a folder of data."""
        return (self.file,)

    def read(self, path: Path) -> ArchiveContent:
        """Reads the file.

        Raises:
            DataError: If it is damaged.
        """
        try:
            content = read_bytes(path, _MAX_BYTES)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                train, test = ((arrays[f"x_{name}"], arrays[f"y_{name}"]) for name in ("train", "test"))
            for name, (images, labels) in (("train", train), ("test", test)):
                if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
                    raise ValueError(f"x_{name} has no grey images of 28x28 pixels")
                _check_labels(f"y_{name}", labels, len(images), 10)
        except Exception as error:  # of the zip, the header or the arrays
            raise DataError(f"{path} cannot be read: {str(error).rstrip('.')}. Replace it, or remove it.") from error
        return ArchiveContent(train, test, hashlib.sha256(content).hexdigest() == self.digest)


class _ArraysUnpickler(pickle.Unpickler):
    """Reads NumPy arrays and plain values, and refuses everything else, which could run code."""

    def find_class(self, module: str, name: str) -> Any:
        reconstruct = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy", "ndarray"): np.ndarray,
            # The archives give the alignment as a number, which NumPy warns about.
            ("numpy", "dtype"): lambda code, *options: np.dtype(code, copy=True),
            ("numpy.core.multiarray", "_reconstruct"): reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): reconstruct,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no file of images needs")
        return allowed[module, name]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _read_folder(path: Path, names: dict[str, str]) -> dict[str, bytes]:
    return {name: read_bytes(path / name, _MAX_BYTES) for name in names}


def _read_packed(path: Path, folder: str, names: dict[str, str]) -> dict[str, bytes]:
    """Reads files of a packed archive into memory; nothing is unpacked to the disk."""
    found = {}
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            name = member.name.removeprefix(f"{folder}/")
            if member.isfile() and name in names and member.size <= _MAX_BYTES:
                stream = archive.extractfile(member)
                found[name] = stream.read() if stream else b""
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"{folder}/{missing[0]} is missing")
    return found


def _check_labels(name: str, labels: NDArray[Any], count: int, num_classes: int) -> None:
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(f"{name} does not have one label per image")
    if count == 0 or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"{name} does not have labels from 0 to {num_classes - 1}")


def _joined(batches: dict[str, Labelled], names: dict[str, str]) -> Labelled:
    images, labels = zip(*(batches[name] for name in names), strict=True)
    return np.concatenate(images), np.concatenate(labels)
