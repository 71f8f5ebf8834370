"""Side-by-side measurement: contestants take turns, each in a process of its own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def in_turns(module: str, contestants: Sequence[Sequence[str]], rounds: int) -> dict[tuple[str, ...], list[Any]]:
    """Runs `python -m MODULE CONTESTANT` for each contestant, round after round, and collects the JSON it prints last.

    In turns, so that a machine that slows down slows all of them; in processes, so that memory is each one's own.
    """
    found: dict[tuple[str, ...], list[Any]] = {tuple(contestant): [] for contestant in contestants}
    for turn in range(rounds):
        for contestant in contestants:
            done = subprocess.run(
                [sys.executable, "-m", module, *contestant], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{' '.join(contestant)} failed:\n{done.stderr}")
            found[tuple(contestant)].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"round {turn + 1}/{rounds}: {' '.join(contestant)}", file=sys.stderr)
    return found


def median(results: Sequence[dict[str, float]], key: str) -> float:
    """Returns the median of one figure over the rounds."""
    return statistics.median(result[key] for result in results)


def ratio(results: Sequence[dict[str, float]], others: Sequence[dict[str, float]], key: str) -> str:
    """Returns the median of the rounds' ratios, with the least and the greatest."""
    ratios = [mine[key] / other[key] for mine, other in zip(results, others, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a Markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "|".join("---" for _ in headings) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
