"""`kerasclf completion`: a script that lets a shell complete commands, options and their values.

The scripts hold everything: a shell that completes a word starts no Python.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from kerasclf.commands.options.help_page import first_sentence, summary_of
from kerasclf.commands.options.option_fields import Option, options_of

Shell = Literal["bash", "zsh", "fish"]
Commands = Mapping[str, type]

# Options of every command.
_HELP = {"--help": "Describe the options that are used most.", "--help-all": "Describe all options."}


@dataclass(frozen=True)
class CompletionCommand:
    """Print a script that completes commands in bash, zsh or fish.

    Examples:
      kerasclf completion bash > ~/.local/share/bash-completion/completions/kerasclf
      kerasclf completion fish > ~/.config/fish/completions/kerasclf.fish
      kerasclf completion zsh > ~/.zfunc/_kerasclf     with fpath+=~/.zfunc before compinit in ~/.zshrc
    """

    shell: Annotated[Shell, tyro.conf.Positional]
    """The shell: bash, zsh or fish."""


def completion_script(shell: Shell, commands: Commands) -> str:
    """Returns the script for a shell.

    Args:
        shell: The shell.
        commands: The commands by name.
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


def _values(command: str, option: Option) -> Sequence[str]:
    """Returns the values that an option or argument takes; nothing if only the user knows them, such as a path."""
    if option.choices:
        return option.choices
    if (command, option.field) == ("study", "name"):
        from kerasclf.studies.study_catalogue import STUDIES

        return list(STUDIES)
    if (command, option.field) == ("search", "experiment"):
        from kerasclf.search.search_catalogue import SEARCHES

        return list(SEARCHES)
    if option.field == "backbone" or (command, option.field) == ("models", "name"):
        from kerasclf.networks.network_list import read_list

        return [entry.name for entry in read_list().entries]
    return ()


def _flags(option: Option) -> tuple[str, ...]:
    return () if option.positional else (option.typed, *option.aliases)


_BASH = """# Completion of kerasclf for bash. Words that are not listed are completed as files.
_kerasclf() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words="{commands}"
  elif [[ $word == -* ]]; then
    case ${{COMP_WORDS[1]}} in
{flags}
    esac
  else
    case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
      *" -"*) ;;  # the value of another option
{names}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o bashdefault -o default -F _kerasclf kerasclf"""


def _bash(commands: Commands) -> str:
    flags, values, names = [], [], []
    for name, command in commands.items():
        options = options_of(command)
        flags.append(f'      {name}) words="{" ".join([*(f for o in options for f in _flags(o)), *_HELP])}" ;;')
        for option in options:
            found = " ".join(_values(name, option))
            if found and option.positional:
                names.append(f'      "{name} "*) words="{found}" ;;')
            elif found:
                patterns = "|".join(f'"{name} {flag}"' for flag in _flags(option))
                values.append(f'      {patterns}) words="{found}" ;;')
    return _BASH.format(
        commands=" ".join([*commands, "help", "--help", "--version"]),
        flags="\n".join(flags),
        values="\n".join(values),
        names="\n".join(names),
    )


_ZSH = """#compdef kerasclf
# Completion of kerasclf for zsh. Words that are not listed are completed as files.
_kerasclf() {{
  local -a commands=(
{commands}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{cases}
  esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _kerasclf "$@"
else
  compdef _kerasclf kerasclf
fi"""


def _zsh(commands: Commands) -> str:
    cases = []
    for name, command in commands.items():
        specs = [f"{flag}[{_zsh_text(text)}]" for flag, text in _HELP.items()]
        for option in options_of(command):
            found = _values(name, option)
            words = " ".join(found)
            action = f"({words})" if option.choices else f"{{compadd - {words}; _files}}" if found else "_files"
            if option.positional:
                specs.append(f"{'*' if option.many else ''}:{option.metavar}:{action}")
                continue
            value = "" if option.kind is bool else f":{option.metavar}:{action}"
            text = _zsh_text(first_sentence(option.text))
            specs += [f"{'*' if option.many else ''}{flag}[{text}]{value}" for flag in _flags(option)]
        arguments = " \\\n      ".join(map(shlex.quote, specs))
        cases.append(f"    {name}) _arguments \\\n      {arguments} ;;")
    described = [shlex.quote(f"{name}:{summary_of(command)}") for name, command in commands.items()]
    return _ZSH.format(commands="\n".join(f"    {line}" for line in described), cases="\n".join(cases))


def _zsh_text(text: str) -> str:
    """Returns a description for `_arguments`, which stands in brackets there."""
    return text.replace("[", "\\[").replace("]", "\\]")


def _fish(commands: Commands) -> str:
    lines = ["# Completion of kerasclf for fish. Words that are not listed are completed as files."]
    for name, command in commands.items():
        lines.append(f"complete -c kerasclf -n __fish_use_subcommand -f -a {name} -d {_fish_text(summary_of(command))}")
        within = f"complete -c kerasclf -n '__fish_seen_subcommand_from {name}'"
        lines += [f"{within} -l {flag.removeprefix('--')} -d {_fish_text(text)}" for flag, text in _HELP.items()]
        for option in options_of(command):
            found = " ".join(_values(name, option))
            if option.positional:
                lines += [f"{within} -a '{found}'"] if found else []
                continue
            known = f" -a '{found}'" if found else ""
            value = "" if option.kind is bool else f" {'-x' if option.choices else '-r'}{known}"
            flags = " ".join(f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in _flags(option))
            lines.append(f"{within} {flags}{value} -d {_fish_text(first_sentence(option.text))}")
    return "\n".join(lines)


def _fish_text(text: str) -> str:
    """Returns a text in fish's single quotes, in which a backslash comes before quotes and backslashes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
