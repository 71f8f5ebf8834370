"""The help of the commands: options in groups, the most used ones first, in fewer than 50 lines."""

import dataclasses
import inspect
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kerasclf.commands.options.imbalance_options import ImbalanceOptions
from kerasclf.commands.options.option_fields import Option, options_of

_WIDEST = 120
_LEFT = 25  # columns of the options, before their descriptions
_EXAMPLES = 3  # lines of examples in the short help, with their heading


class Group(NamedTuple):
    """A group of options in the help of a command.

    Args:
        title: Its heading.
        often: Fields that `--help` shows, the most used first.
        seldom: Fields that only `--help-all` shows.
    """

    title: str
    often: tuple[str, ...]
    seldom: tuple[str, ...] = ()


_MACHINES = Group("machines", ("jobs",), ("strategy", "engine", "address"))
_SELDOM_DATA = ("fit", "train_per_class", "test_per_class", "group_by", "skip_broken")
_IMBALANCE = Group("classes of unequal size", (), tuple(f.name for f in dataclasses.fields(ImbalanceOptions)))
_STUDY_DATA = Group("data", ("data", "image_size"), _SELDOM_DATA)
_STUDY_RUNS = Group(
    "runs",
    ("quick", "plan", "repeats", "out"),
    ("splits", "seed", "difference", "seed_deviation", "gpus", "no_share", "retry", "live", "track", "profile"),
)

# A field that no group names is an option of --help-all.
GROUPS: dict[str, tuple[Group, ...]] = {
    "train": (
        _STUDY_DATA._replace(often=("images", "image_size", "continue_run"), seldom=("data", *_SELDOM_DATA)),
        Group(
            "training",
            ("backbone", "weights", "budget", "unfreeze", "epochs", "batch_size", "learning_rate", "augment"),
            ("head", "dropout", "head_epochs", "layer_decay", "views", "no_cache", "precision", "find_rate"),
        ),
        _IMBALANCE,
        _STUDY_RUNS._replace(often=("quick", "plan", "repeats", "refit", "out")),
        _MACHINES,
    ),
    "study": (
        Group("study", ("name", "list_all", "only", "protocol")),
        _STUDY_DATA,
        Group("training", ("reduced", "epochs", "backbone", "weights"), ("no_cache",)),
        _IMBALANCE,
        _STUDY_RUNS,
        _MACHINES,
    ),
    "course": (
        Group("course", ("only", "protocol")),
        Group("data", ("data", "wine"), ("image_size", *_SELDOM_DATA)),
        Group("training", ("epochs", "backbone", "weights"), ("no_cache",)),
        _STUDY_RUNS,
        _MACHINES,
    ),
    "launch": (
        Group("command", ("command",)),
        Group("workers", ("local", "hosts", "index"), ("timeout", "port", "logs")),
    ),
    "search": (
        Group("search", ("experiment", "list_all", "space", "oracle"), ("objective", "folds", "protocol", "median")),
        Group("limits", ("max_trials", "max_time"), ("max_failures",)),
        Group("data", ("data",), ("image_size", *_SELDOM_DATA)),
        Group("training", (), ("epochs", "backbone", "weights", "reduced")),
        _IMBALANCE,
        Group("runs", ("quick", "plan", "repeats", "refit", "out"), ("final_repeats", "seed", "no_share")),
        Group(
            "machines",
            ("jobs",),
            ("chief", "worker", "bind", "port", "name", "lease", "patience", "engine", "address"),
        ),
    ),
}


def help_of_all(commands: Mapping[str, type], description: str) -> str:
    """Returns the list of commands, each with the first sentence of its description.

    Args:
        commands: The commands by name.
        description: Description of the program.
    """
    rows = [(name, summary_of(command)) for name, command in commands.items()]
    return "\n".join(
        [
            "usage: kerasclf COMMAND [options]",
            "",
            description,
            "",
            "commands:",
            *(line for row in rows for line in _row(*row, left_width=max(map(len, commands)) + 4)),
            "",
            "kerasclf COMMAND --help describes a command. kerasclf --version prints the version.",
        ]
    )


def help_of(name: str, command: type, full: bool) -> str:
    """Returns the help of a command.

    Args:
        name: Name of the command.
        command: Its dataclass.
        full: Whether to include the options that are seldom used, and all sentences.
    """
    options = {option.field: option for option in options_of(command)}
    description, examples = paragraphs_of(command)[:-1], paragraphs_of(command)[-1]
    lines = [usage_of(name, list(options.values()))]
    for paragraph in description if full else description[:1]:
        lines += ["", *textwrap.wrap(paragraph, _width())]
    lines += ["", *(examples.splitlines() if full else examples.splitlines()[:_EXAMPLES])]
    hidden = 0
    for group in groups_of(name, options):
        shown = group.often + group.seldom if full else group.often
        hidden += len(group.often + group.seldom) - len(shown)
        rows = [line for field in shown if field in options for line in _option_lines(options[field], full)]
        lines += ["", f"{group.title}:", *rows] if rows else []
    if hidden:
        lines += ["", f"kerasclf {name} --help-all describes {hidden} more options."]
    return "\n".join(lines)


def summary_of(command: type) -> str:
    """Returns the first sentence of a command's description."""
    return paragraphs_of(command)[0].partition(". ")[0].rstrip(".") + "."


def groups_of(name: str, options: Mapping[str, Option]) -> list[Group]:
    """Returns the groups of a command's options, and last the options that no group names.

    Args:
        name: Name of the command.
        options: Its options by field.
    """
    groups = list(GROUPS.get(name, (Group("options", tuple(options)),)))
    named = {field for group in groups for field in (*group.often, *group.seldom)}
    return [*groups, Group("other options", (), tuple(field for field in options if field not in named))]


def usage_of(name: str, options: Sequence[Option]) -> str:
    """Returns the line that begins the help: the command, its arguments and its required options."""
    words = [option.typed if option.required else f"[{option.typed}]" for option in options if option.positional]
    words += [f"{option.typed} {option.metavar}" for option in options if option.required and not option.positional]
    return " ".join([f"usage: kerasclf {name}", *words, "[options]"])


def _option_lines(option: Option, full: bool) -> list[str]:
    flags = ", ".join([*option.aliases, option.typed])
    value = "" if option.positional or option.kind is bool else f" {option.metavar}{' ...' * option.many}"
    text = option.text if full else first_sentence(option.text)
    return _row(flags + value, text + default_of(option), _LEFT)


def first_sentence(text: str) -> str:
    """Returns the first sentence of a description, and the one that names the default."""
    first, *others = (sentence.rstrip(".") + "." for sentence in text.split(". "))
    return " ".join([first, *(sentence for sentence in others if sentence.startswith("Default:"))])


def default_of(option: Option) -> str:
    """Returns the default for the help, if the description does not name it."""
    value: Any = option.default
    hidden = value in (None, "", ()) or isinstance(value, bool) or value is dataclasses.MISSING
    return "" if hidden or "Default:" in option.text else f" Default: {value}."


def _row(left: str, text: str, left_width: int) -> list[str]:
    """Returns an entry and its description, next to each other or below each other."""
    wrapped = textwrap.wrap(text, _width() - left_width, break_on_hyphens=False)
    start = f"  {left}"
    if len(start) >= left_width:
        return [start, *(" " * left_width + line for line in wrapped)]
    return [start.ljust(left_width) + wrapped[0], *(" " * left_width + line for line in wrapped[1:])]


def _width() -> int:
    """Returns the number of columns of the terminal, within bounds that are easy to read."""
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, _WIDEST))


def paragraphs_of(command: type) -> list[str]:
    """Returns the paragraphs of a command's description; the last one has its examples."""
    return (inspect.getdoc(command) or "").split("\n\n")
