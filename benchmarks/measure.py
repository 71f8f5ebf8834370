"""Side-by-side measurement: contestants take turns, each in a separate process."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def in_turns(module: str, contestants: Sequence[Sequence[str]], rounds: int) -> dict[tuple[str, ...], list[Any]]:
    """Runs `python -m MODULE CONTESTANT` for each contestant in each round, and collects the JSON it prints last.

    If the machine slows down, turns slow all contestants alike. Separate processes keep their peak memory apart.
    """
    measured: dict[tuple[str, ...], list[Any]] = {tuple(contestant): [] for contestant in contestants}
    for turn in range(rounds):
        for contestant in contestants:
            done = subprocess.run(
                [sys.executable, "-m", module, *contestant], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{' '.join(contestant)} failed:\n{done.stderr}")
            result = done.stdout.splitlines()[-1]
            measured[tuple(contestant)].append(json.loads(result))
            print(f"round {turn + 1}/{rounds}: {' '.join(contestant)}: {result}", file=sys.stderr)
    return measured


def added(file: Path, found: dict[tuple[str, ...], list[Any]]) -> dict[tuple[str, ...], list[Any]]:
    """Adds results to those of a file, and returns all of them."""
    earlier = json.loads(file.read_text()) if file.exists() else {}
    together = {key: earlier.get(" ".join(key), []) + results for key, results in found.items()}
    file.write_text(json.dumps(earlier | {" ".join(key): results for key, results in together.items()}, indent=1))
    return together


def median(results: Sequence[dict[str, float]], key: str) -> float:
    """Returns the median of one value over the rounds."""
    return statistics.median(result[key] for result in results)


def ratio(results: Sequence[dict[str, float]], others: Sequence[dict[str, float]], key: str) -> str:
    """Returns the median, minimum and maximum of the ratios per round."""
    ratios = [mine[key] / other[key] for mine, other in zip(results, others, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def cpu_seconds() -> float:
    """Returns the CPU time of this process and of its running children, from /proc."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # a process that has ended
            continue
        if os.getpid() in (int(entry.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a Markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "|".join("---" for _ in headings) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
