"""`kerasclf doctor`: what TensorFlow sees on this machine, and what is wrong."""

from dataclasses import dataclass

from rich.console import Console

from kerasclf.commands.printing.output import say
from kerasclf.errors import FindingsError
from kerasclf.wording import counted


@dataclass(frozen=True)
class DoctorCommand:
    """Show what TensorFlow sees on this machine, and what is wrong.

    Paste its output into an issue. The exit code is 1 if something is wrong. A machine without a GPU is no problem.

    Examples:
      kerasclf doctor > doctor.txt
    """

    def run(self, console: Console) -> None:
        from kerasclf.files.cache_folders import cache_root
        from kerasclf.machine.diagnosis import diagnose

        found = diagnose(cache_root())
        width = max(map(len, found.facts))
        for name, value in found.facts.items():
            say(console, f"{name:<{width}}  {value}")
        for problem in found.problems:
            say(console, f"problem: {problem}")
        if found.problems:
            raise FindingsError(f"{counted(len(found.problems), 'problem')} found.")
        say(console, "no problem found")
