"""Errors that kerasclf raises for wrong input, and helpers for their messages."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

# Separates the problems in a message.
_NEXT = "\n  - "
# Characters of a value in a message.
_MAX_SHOWN = 200


class KerasclfError(ValueError):
    """Input that cannot be used. The command line prints only the message and exits with 2."""


class SizeError(KerasclfError):
    """Sizes with which a network cannot be built.

    Args:
        message: The message.
        least: Minimum height and width of the network's input, in pixels.
    """

    def __init__(self, message: str, least: int) -> None:
        self.least = least
        super().__init__(message)


class DataError(KerasclfError):
    """Images, labels or file lists that cannot be used."""


class WeightsError(KerasclfError):
    """Pretrained weights that are not available on this machine and cannot be downloaded."""


class DeviceMemoryError(KerasclfError):
    """A GPU or another device has no memory left. Another start may find some."""


class TrainingError(KerasclfError):
    """A training that cannot continue, for example because its loss is no longer finite."""


class FolderError(KerasclfError):
    """An output folder that cannot be written to or holds other results, or a file that cannot be read."""


class FolderInUseError(FolderError):
    """A folder that another process holds. It is free when that process ends."""


class RunsFailedError(KerasclfError):
    """Some runs of a study failed; the others are finished.

    Args:
        failures: Reason of the failure, by the run's title.
    """

    def __init__(self, failures: dict[str, str]) -> None:
        self.failures = failures
        lines = [f"{title}: {message}" for title, message in failures.items()]
        super().__init__(_NEXT.join([f"{len(failures)} of the study's runs failed:", *lines]))


class ImagesFailedError(KerasclfError):
    """Some images could not be read; all others have their predictions. The command exits with 1."""


class ParityError(KerasclfError):
    """An exported model that predicts otherwise than the model itself. The command exits with 1."""


class FindingsError(KerasclfError):
    """Findings that matter in a set of images. The command exits with 1."""


class Problems:
    """Collects the problems of several checks, to report all of them at once."""

    def __init__(self) -> None:
        self._errors: list[KerasclfError] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def add(self, problem: str) -> None:
        """Adds a problem."""
        self._errors.append(KerasclfError(problem))

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """Adds the `KerasclfError` that the block raises, instead of passing it on."""
        try:
            yield
        except KerasclfError as error:
            self._errors.append(error)

    def raise_all(self, title: str) -> None:
        """Raises all problems in one error; does nothing if there are none.

        Args:
            title: First line of the message if there are several problems.
        """
        found = list(dict.fromkeys(problem for error in self._errors for problem in problems_of(error)))
        if len(found) == 1:
            first = self._errors[0]
            raise first if found[0] == str(first) or isinstance(first, FolderError) else KerasclfError(found[0])
        raise_all(title, found)


def rebuild(kind: str, message: str) -> KerasclfError:
    """Returns an error that another process raised, from the name of its class and its message."""
    found = globals().get(kind)
    # SizeError and RunsFailedError take more than a message.
    known = (DataError, WeightsError, DeviceMemoryError, TrainingError, FolderError, FolderInUseError)
    return found(message) if found in known else KerasclfError(message)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the known name closest to `name`, or an empty string."""
    close = close_names(name, known)
    return f" Did you mean {close[0]!r}?" if close else ""


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Returns the known name closest to `name`, or nothing if none is close."""
    return get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.6)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Returns the message for an unknown name: the closest known name, and all known names."""
    known = list(known)
    return f"Unknown {kind} {in_short(name)}.{did_you_mean(name, known)} Known: {', '.join(known)}."


def in_short(value: object) -> str:
    """Returns the `repr` of a value for a message, cut to a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python does not print integers of more than 4,300 digits
        text = f"{type(value).__name__} of huge size"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def raise_all(title: str, problems: list[str]) -> None:
    """Raises one `KerasclfError` that lists all problems; does nothing if there are none."""
    if problems:
        raise KerasclfError(listed(title, problems))


def problems_of(error: KerasclfError) -> list[str]:
    """Returns the problems that the message of an error lists; the message itself if it is no list.

    The list of a `FolderError` stays one problem: its title says in which file or folder it is.
    """
    title, *problems = str(error).split(_NEXT)
    if problems and isinstance(error, FolderError):
        return [f"{title} {'; '.join(problem.rstrip('.') for problem in problems)}."]
    return problems or [title]


def shortened(lines: Sequence[str], most: int = 20) -> list[str]:
    """Returns the first lines, and if there are more, a line that counts the others."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return [*lines[:most], *more]


def listed(title: str, problems: list[str]) -> str:
    """Returns several problems as one message, one line each."""
    return _NEXT.join([f"{title}:", *problems])
