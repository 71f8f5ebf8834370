"""`ClassFolders`: copies image files into one folder per class. The result appears when all are copied."""

import os
import re
import shutil
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from kerasclf.errors import FolderError
from kerasclf.files.new_folder import check_new_folder, new_folder
from kerasclf.values import digest_of

# Windows gives these names to devices, in any case and with any suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
# Characters that some system does not allow in a name, and the sign of an escape itself.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|%\ud800-\udfff\u200e\u200f\u2028-\u202e\u2066-\u2069]')
# File systems allow 255 bytes.
_MAX_BYTES = 200
_LEFT = "Nothing is left of it: no image was moved or changed."


def escaped_name(name: str) -> str:
    """Returns the name of a class as the name of a folder, on every system: special characters become %XX.

    Different classes have different folders.
    """
    escaped = _SPECIAL.sub(_percent, name)
    # A folder "." or ".." is another one, a hidden one is overlooked, and Windows drops dots and spaces at the end.
    escaped = re.sub(r"^[. ~-]|[. ]$", _percent, escaped) or "%"
    if _DEVICES.match(escaped):
        escaped = _percent(escaped[0]) + escaped[1:]
    if len(escaped.encode()) > _MAX_BYTES:
        escaped = f"{escaped.encode()[: _MAX_BYTES - 20].decode(errors='ignore')}%{digest_of(name)[:16]}"
    return escaped


class ClassFolders:
    """Copies images into FOLDER/CLASS/. Use it as a context manager: after an error nothing is left.

    Args:
        folder: A new or empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = folder
        self._new = new_folder(folder, left=_LEFT)
        self._numbers = Counter[Path]()

    def __enter__(self) -> Self:
        check_new_folder(self.folder, "sort_into")
        self._partial = self._new.__enter__()
        return self

    def add(self, file: str, class_name: str) -> None:
        """Copies a file into the folder of a class. Files of one name get numbers: photo.jpg, photo-2.jpg.

        Raises:
            FolderError: If it cannot be copied, for example because the disk is full.
        """
        try:
            folder = self._partial / escaped_name(class_name)
            folder.mkdir(exist_ok=True)
            with Path(file).open("rb") as source, self._new_file(folder, Path(file)).open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            shutil.copystat(file, copy.name)
        except OSError as error:
            raise FolderError(f"{self.folder} cannot be written: {error.strerror or error}. {_LEFT}") from error

    def _new_file(self, folder: Path, file: Path) -> Path:
        """Returns a path in a folder that does not exist yet."""
        path = first = folder / file.name
        while path.exists():  # also where the system ignores case
            number = self._numbers[first] = max(2, self._numbers[first] + 1)
            stem = os.fsdecode(os.fsencode(file.stem)[:_MAX_BYTES])
            path = folder / f"{stem}-{number}{file.suffix}"
        return path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._new.__exit__(kind, error, traceback)


def _percent(found: "re.Match[str] | str") -> str:
    text = found if isinstance(found, str) else found[0]
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))
