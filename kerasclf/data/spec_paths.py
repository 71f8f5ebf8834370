"""The paths that the spec of a data set names."""

import os
import re
from pathlib import Path

from kerasclf.errors import DataError

# A path of Windows may begin with the letter of a drive and a colon.
_PATH, _WINDOWS_PATH = "[^:]*", r"(?:[A-Za-z]:(?=[\\/]))?[^:]*"


def path_of(text: str) -> Path:
    """Returns the path that a spec names.

    Raises:
        DataError: If no file can have that name.
    """
    try:
        path = Path(text).expanduser()
        path.is_dir()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = text if len(text) < 100 else f"{text[:100]}..."
        raise DataError(f"{shown} cannot be read: {reason.rstrip('.')}.") from error
    return path


def split_paths(text: str, windows: bool = os.name == "nt") -> list[str]:
    """Returns the paths that colons separate.

    Args:
        text: The paths.
        windows: Whether a path may begin with a drive, such as `C:`.
    """
    path = _WINDOWS_PATH if windows else _PATH
    return [found[1] for found in re.finditer(f"(?:^|:)({path})", text)]


def check_outside(out: Path, spec: str) -> None:
    """Checks that an output folder does not lie among the images of a data set.

    Args:
        out: The output folder.
        spec: The data set.

    Raises:
        DataError: If it lies in the folder of the images, where it would become a class.
    """
    kind, _, rest = spec.partition(":")
    if kind not in ("folder", "birds") or not rest:
        return
    root = path_of(rest).resolve()
    if out.resolve().is_relative_to(root):
        raise DataError(f"The folder {out} lies inside the images of {spec}. Give a folder elsewhere as `out`.")
