"""Names of classes and image files, checked before anything is trained: every output shows or stores them.

Names that differ only in their Unicode form are the same: a Mac decomposes the accents of a name that Linux composes.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from kerasclf.errors import DataError, listed, shortened
from kerasclf.values import is_utf8

_LOOK_ALIKE = "they differ only in their Unicode form (composed or decomposed accents). Rename one of them."


def composed(name: str) -> str:
    """Returns the form of a name in which every accent is a part of its letter."""
    return unicodedata.normalize("NFC", name)


def find_names(names: Iterable[str], known: Sequence[str]) -> list[int]:
    """Returns the position of each name among others, whatever its Unicode form; -1 if it is not among them.

    Example:
        >>> from kerasclf.data.names import find_names
        >>> find_names(["caf\u00e9", "tea"], ["cafe\u0301"])
        [0, -1]
    """
    position = {composed(name): index for index, name in enumerate(known)}
    return [position.get(composed(name), -1) for name in names]


def check_names(class_names: Sequence[str], files: Iterable[Path]) -> None:
    """Checks that the outputs of a run can hold the names, and that no two classes look alike.

    Args:
        class_names: Names of the classes.
        files: Paths of the images.

    Raises:
        DataError: If a name is not UTF-8, or two class names differ only in their Unicode form.
    """
    wrong = sorted({ascii(str(path)) for path in files if not is_utf8(str(path))})
    # The files of such a class are wrong too, and its name is enough.
    wrong = sorted({ascii(name) for name in class_names if not is_utf8(name)}) or wrong
    if wrong:
        raise DataError(listed("Expected names in UTF-8, which every output can hold. Rename these", shortened(wrong)))
    known: dict[str, str] = {}
    for name in class_names:
        other = known.setdefault(composed(name), name)
        if other != name:
            raise DataError(f"The classes {other!a} and {name!a} look alike: {_LOOK_ALIKE}")


def describe_difference(names: Sequence[str], other_names: Sequence[str]) -> str:
    """Returns a sentence on the class names that only one of two sets has."""
    only = sorted(set(names) ^ set(other_names))
    forms: dict[str, list[str]] = {}
    for name in only:
        forms.setdefault(composed(name), []).append(name)
    alike = next((found for found in forms.values() if len(found) > 1), None)
    if alike:
        return f"They have {alike[0]!a} and {alike[1]!a}, which look alike: {_LOOK_ALIKE}"
    return f"Only one of them has {', '.join(shortened([repr(name) for name in only]))}."
