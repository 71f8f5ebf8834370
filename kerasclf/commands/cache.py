"""`kerasclf cache`: list and clear prepared images, cached activations and the measured costs of plans."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.printing.output import say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.escaping import for_console
from kerasclf.wording import counted, format_bytes

if TYPE_CHECKING:
    from kerasclf.files.cache_folders import CacheEntry

# The name of the remembered costs.
_COSTS = "costs"


@dataclass(frozen=True)
class CacheCommand:
    """List or clear prepared images, cached activations and measured costs of plans. All are made again when needed.

    Examples:
      kerasclf cache list
      kerasclf cache clear
      kerasclf cache clear 1f0c9a2b
      kerasclf cache clear costs
    """

    task: Annotated[Literal["list", "clear"], tyro.conf.Positional] = "list"
    """list: show the caches; clear: delete them."""
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """With clear: names, or their first letters, as shown by list, or costs. Default: all."""

    def run(self, console: Console) -> None:
        from kerasclf.data.pixels.image_store import clear_images, stored
        from kerasclf.files.cache_folders import cache_root
        from kerasclf.transfer.cache import cached, clear

        images, activations = list(stored(cache_root())), list(cached(cache_root()))
        entries = [*images, *activations]
        if self.task == "list":
            if self.names:
                raise KerasclfError(f"kerasclf cache list takes no names. Received: {' '.join(self.names)}.")
            _show(entries, console)
            _say_costs(console)
            return
        self._check_names(entries)
        if not self.names or _COSTS in self.names:
            _clear_costs(console)
        if self.names == (_COSTS,):
            return
        chosen = [entry for entry in entries if not self.names or entry.folder.name.startswith(self.names)]
        cleared = []
        for entry in chosen:
            if reason := clear_images(entry) if entry in images else clear(entry):
                say(console, f"{entry.folder.name} stays: {reason}")
            else:
                cleared.append(entry)
        say(console, f"cleared {len(cleared)} of {counted(len(entries), 'cache')}, {_size(cleared)}")

    def _check_names(self, entries: "list[CacheEntry]") -> None:
        """Checks that each name is that of a cache, before anything is deleted.

        Raises:
            KerasclfError: If some are not; the message lists all of them.
        """
        problems = Problems()
        for name in dict.fromkeys(self.names):
            if not name:
                problems.add("NAMES: expected names of caches, or their first letters. Received an empty name.")
            elif name != _COSTS and not any(entry.folder.name.startswith(name) for entry in entries):
                problems.add(f"No cache is named {name!r}. kerasclf cache list shows them.")
        problems.raise_all("Nothing was cleared")


def _say_costs(console: Console) -> None:
    from kerasclf.runs.planning.remembered_costs import remembered_files

    if files := remembered_files():
        say(console, f"{_COSTS}: {counted(len(files), 'measurement')} of earlier plans in {files[0].parent}")


def _clear_costs(console: Console) -> None:
    from kerasclf.runs.planning.remembered_costs import forget, remembered_files

    if files := remembered_files():
        forget(path.stem for path in files)
        say(console, f"cleared {counted(len(files), 'measurement')} of earlier plans")


def _size(entries: "list[CacheEntry]") -> str:
    return format_bytes(sum(entry.size for entry in entries))


def _show(entries: "list[CacheEntry]", console: Console) -> None:
    from kerasclf.files.cache_folders import cache_root

    if not entries:
        say(console, f"The cache {cache_root()} is empty.")
        return
    table = Table(caption=for_console(f"in {cache_root()}"), caption_justify="left")
    for heading, justify in (
        ("name", "left"),
        ("what", "left"),
        ("images", "right"),
        ("size", "right"),
        ("last used", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for entry in entries:
        table.add_row(
            for_console(entry.folder.name),
            for_console(_what(entry)),
            f"{entry.images:,}",
            format_bytes(entry.size),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used)),
        )
    console.print(table)
    say(console, f"{counted(len(entries), 'cache')}, {_size(entries)}")


def _what(entry: "CacheEntry") -> str:
    if entry.about is None:
        return "damaged: about.json cannot be read; clear it"
    if "engine" in entry.about:
        return f"{entry.about['name']}, {entry.about['dtype']}, {entry.about['engine']}"
    size = entry.about["image_size"]
    fitted = f"{size[0]}x{size[1]}, {entry.about['fit']}" if size else "original size"
    return f"images of {entry.about['name']}, {fitted}"
