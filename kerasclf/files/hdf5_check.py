"""Checks files of weights in HDF5 and Keras' format before they are read. Does not use TensorFlow.

A damaged file can make the HDF5 library crash, or search for ever. `check_weights_file` therefore reads the file in a
process of its own first, which runs this file as a script. The script needs only h5py.
"""

import io
import math
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO

# Seconds for any file, and bytes that the slowest disk reads in a second.
_LEAST_S, _BYTES_PER_S = 20, 10_000_000
_WEIGHTS = "model.weights.h5"
_REFUSED = 3


def check_weights_file(path: Path) -> None:
    """Checks that a .h5 or .keras file holds what it announces, and that it can be read to its end.

    Raises:
        FolderError: If it announces more than its size allows, refers to another file, or makes the library fail.
    """
    from kerasclf.errors import FolderError
    from kerasclf.files.arrays import check_unpacked_size, plausible_bytes

    if path.suffix == ".keras":
        check_unpacked_size(path)
    limit_s = _LEAST_S + path.stat().st_size / _BYTES_PER_S
    command = [sys.executable, "-P", __file__, str(path), str(plausible_bytes(path))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, errors="replace")
    except subprocess.TimeoutExpired:
        raise FolderError(f"{path} cannot be read: it is damaged, and reading it does not end.") from None
    if done.returncode == _REFUSED:
        raise FolderError(f"{path} cannot be read: {done.stdout.strip()}.")
    if done.returncode:
        raise FolderError(f"{path} cannot be read: it is damaged, and the HDF5 library fails to read it.")


def _problem(source: Path | IO[bytes], most: int) -> str | None:
    """Returns what is wrong with an HDF5 file, after reading all of it; or None.

    Args:
        source: The file.
        most: Maximum size of all its arrays together, in bytes.
    """
    import h5py

    elsewhere: list[str] = []
    arrays: list[h5py.Dataset] = []

    # h5py passes no error of these functions on.
    def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            arrays.append(item)
            if item.external or item.is_virtual:
                elsewhere.append(name)

    def add_link(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> None:
        if isinstance(link, h5py.ExternalLink):
            elsewhere.append(name)

    with h5py.File(source) as file:
        file.visititems_links(add_link)
        file.visititems(add)
        if elsewhere:
            return f"{elsewhere[0]} lies in another file"
        announced = sum(math.prod(array.shape or ()) * array.dtype.itemsize for array in arrays)
        if announced > most:
            return f"it announces {announced:,} bytes of weights, more than its size allows"
        file.visititems(lambda name, item: dict(item.attrs) and None)
        dict(file.attrs)
        for array in arrays:
            array[()]
    return None


def main() -> None:
    """Prints what is wrong with a file and exits with 3, or exits with 0."""
    path, most = Path(sys.argv[1]), int(sys.argv[2])
    try:
        problem: str | None = None
        if path.suffix != ".keras":
            problem = _problem(path, most)
        else:
            with zipfile.ZipFile(path) as archive:
                if _WEIGHTS in archive.namelist():
                    problem = _problem(io.BytesIO(archive.read(_WEIGHTS)), most)
    except Exception as error:  # a damaged file can raise nearly any exception
        problem = str(error).strip().rstrip(".") or type(error).__name__
    if problem:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        print(problem)
        sys.exit(_REFUSED)


if __name__ == "__main__":
    main()
