"""Checks the words of a command line. tyro, which parses them, would answer with the usage of every command."""

import re
from collections.abc import Sequence

from kerasclf.commands.options.option_fields import Option, options_of
from kerasclf.errors import close_names
from kerasclf.files.home_folders import expanded

# Names that other tools give to an option of ours.
SYNONYMS = {
    "--lr": "--learning-rate",
    "--model": "--backbone",
    "--arch": "--backbone",
    "--network": "--backbone",
    "--bs": "--batch-size",
    "--dataset": "--data",
    "--output": "--out",
    "--workers": "--jobs",
    "--size": "--image-size",
}
_NUMBER = re.compile(r"-\.?\d.*|-inf")


def command_line_problems(name: str, command: type, arguments: Sequence[str]) -> list[str]:
    """Returns what is wrong with the arguments of a command: unknown options, missing values, wrong types.

    Args:
        name: Name of the command.
        command: Its dataclass.
        arguments: The words after its name.
    """
    options = {flag: option for option in options_of(command) for flag in (option.typed, *option.aliases)}
    words: list[str] = []
    problems: list[str] = []
    given: set[str] = set()
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":  # The rest are words, whatever they look like.
            words += waiting
            break
        if not _is_flag(word):
            words.append(word)
            continue
        typed, equals, value = word.partition("=")
        flag = typed.replace("_", "-") if typed.startswith("--") else typed
        option = options.get(flag)
        if option is None or option.positional:
            problems.append(_unknown_option(name, flag, list(options)))
            _take(waiting, many=True)  # they belong to the unknown option
            continue
        if option.field in given:
            problems.append(f"{option.typed} is given twice.")
        given.add(option.field)
        if option.kind is bool:
            problems += [f"{option.typed} takes no value. Received: {value!r}."] if equals else []
        else:
            problems += _value_problems(option, [value] if equals else _take(waiting, option.many))
    problems += [
        f"{', '.join([*option.aliases, option.typed])} {option.metavar} is missing: {option.text}"
        for option in options_of(command)
        if option.required and not option.positional and option.field not in given
    ]
    return problems + _position_problems(name, command, words)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _NUMBER.fullmatch(word)


def _take(waiting: list[str], many: bool) -> list[str]:
    """Takes the values of an option from the words that follow it."""
    values: list[str] = []
    while waiting and not _is_flag(waiting[0]) and (many or not values):
        values.append(waiting.pop(0))
    return values


def _value_problems(option: Option, values: Sequence[str]) -> list[str]:
    if not values:
        return [f"{option.typed}: expected {option.expected}. Received nothing."]
    return [
        f"{option.typed}: expected {option.expected}. Received: {value!r}."
        for value in values
        if not option.accepts(value)
    ]


def _unknown_option(name: str, flag: str, known: Sequence[str]) -> str:
    flags = [other for other in known if other.startswith("--")]
    meant = [SYNONYMS[flag]] if SYNONYMS.get(flag) in flags else []
    meant += [other for other in flags if len(flag) > 3 and other.startswith(flag)][:1]
    meant += [f"--{near}" for near in close_names(flag.lstrip("-"), sorted(other[2:] for other in flags))]
    hint = f" Did you mean {meant[0]}?" if meant else ""
    return f"kerasclf {name} has no option {flag}.{hint} kerasclf {name} --help lists the options."


def _position_problems(name: str, command: type, words: Sequence[str]) -> list[str]:
    """Returns what is wrong with the arguments without a flag."""
    options = [option for option in options_of(command) if option.positional]
    form = " ".join([f"kerasclf {name}", *(option.typed for option in options)])
    missing = [option.typed for option in options[len(words) :] if option.required]
    more = [option for option in options[-1:] if option.many] * len(words)
    problems = [
        problem
        for option, word in zip([*options, *more], words, strict=False)
        for problem in _value_problems(option, [word])
    ]
    if missing:
        problems.append(f"Expected {form}. {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    if len(words) > len(options) and not any(option.many for option in options):
        others = words[len(options) :]
        problems.append(
            f"Expected {form} and options. Received in addition: {' '.join(others)}.{_meant(command, others[0])}"
        )
    return problems


def _meant(command: type, word: str) -> str:
    """Returns the option that was meant by a word without a flag: a folder of images, or NAME=VALUE as for make."""
    flags = {option.typed for option in options_of(command)}
    if "--data" in flags and expanded(word).is_dir():
        return f" For a folder of images, give --data folder:{word}."
    name, equals, _ = word.partition("=")
    flag = f"--{name.lower().replace('_', '-')}"
    return f" Did you mean {flag}?" if equals and flag in flags else ""
