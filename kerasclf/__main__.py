"""The `kerasclf` command: handles signals first, and then imports everything else."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence

from kerasclf.machine.interruption import PARENT, Interruption


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the `kerasclf` command in this process, which ends with it.

    Args:
        arguments: The arguments of the command; None for those of this process.
    """
    _open_standard_streams()
    interruption = Interruption()
    interruption.install()
    if parent := os.environ.pop(PARENT, None):
        interruption.end_with(int(parent))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file or a terminal of Windows may have an encoding that lacks a character.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from kerasclf.files.temporary import TemporaryFolder

        with contextlib.suppress(OSError):  # A command that needs temporary files reports the error.
            temporary = TemporaryFolder()
            temporary.use()
            interruption.clean_up = temporary.remove
        from kerasclf import cli

        interruption.after = cli.after_interruption(arguments)
        cli.main(arguments)
    finally:
        interruption.end()


def _open_standard_streams() -> None:
    """Opens the standard streams that the caller has closed: a file would get the number of one, and its output."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
