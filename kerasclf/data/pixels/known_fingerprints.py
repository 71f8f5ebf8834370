"""Remembers the fingerprints of sets of prepared images: hashing a gigabyte of pixels takes seconds."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasclf.errors import FolderError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.schema import matches
from kerasclf.values import digest_of

# The sets that were hashed last. Each takes 150 bytes.
_MOST = 1000


@dataclass(frozen=True)
class KnownFingerprints:
    """The fingerprints of sets, in a file of a store. An image's key stands for its pixels.

    Args:
        path: The file. A missing or damaged one knows no set.
    """

    path: Path

    def find(self, keys: Sequence[str], compute: Callable[[], str]) -> str:
        """Returns the fingerprint of a set of images, which is computed and remembered if it is not known.

        Args:
            keys: The key of each image, in order.
            compute: Returns the fingerprint of their pixels.
        """
        name = digest_of(list(keys))
        known = self._known().get(name)
        if known and known[1] == _check(name, known[0]):
            return known[0]
        found = compute()
        if self.path.parent.is_dir():  # not if the store is cleared
            latest = {**self._known(), name: [found, _check(name, found)]}
            with contextlib.suppress(OSError):  # read-only or full, as the store has said
                write_json(self.path, dict(list(latest.items())[-_MOST:]))
        return found

    def _known(self) -> dict[str, list[str]]:
        try:
            known = read_json(self.path)
        except (FolderError, OSError):
            return {}
        return known if matches(known, dict[str, list[str]]) and all(len(one) == 2 for one in known.values()) else {}


def _check(name: str, fingerprint: str) -> str:
    """Returns what shows that an entry is not damaged."""
    return digest_of([name, fingerprint])[:16]
