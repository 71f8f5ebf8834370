"""The paths that the spec of a data set names."""

from pathlib import Path

from kerasclf.errors import DataError


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
