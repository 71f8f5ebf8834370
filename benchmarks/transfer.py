"""Transfer with ResNet50: features, the last stage and all of it, here and as a plain PyTorch loop (extra `bench`).

    make bench-transfer        or        python -m benchmarks.transfer        (--help lists what can be set)

Random weights, random uint8 images of 224×224, 200 classes, a hidden dense layer of 400, Adam, batches of 16; every
contestant has every core that it is given. Steps that trace, compile or choose kernels are not counted.

* features: kerasclf's way from images to rows in its cache, hashes and writing included, with the engine it chooses
  and with TensorFlow; in batches of its own, always 16.
* last: training the last stage. kerasclf reads kept activations, from the disk where they are more than 256 MB (as
  in the default run, in float32); PyTorch computes below the cut at every step, without gradients. Batch
  normalisation learns above the cut.
* all: training all layers; `keras` is the model and the batches of kerasclf without its faster layers.
* tuned: the same with batch normalisation in inference mode, as kerasclf has it in pretrained networks.
* head: 40 epochs of the head on the features of 2,700 images, validated on 300, batches of 32.
* growth: what more images cost kerasclf, by number (--sizes 1000,6000 takes 5 GB below $TMPDIR, and several minutes
  longer). A whole pass over the kept activations is read, few steps are trained.

PyTorch computes in float32 and, by autocast, in bfloat16; the one whose median is better is marked. A CPU without
bfloat16 takes minutes for it: --without pytorch-bfloat16. Precision of kerasclf is "auto". In parts, as often as is
wanted: --only all --rounds 1 --add-to rounds.json. Activations are kept in a temporary folder, and each contestant
begins without any.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import in_turns, median, print_table, ratio
from benchmarks.transfer_contests import CONTESTANTS, CONTESTS, HEAD_EPOCHS, PEERS, Settings, growth
from kerasclf.runs.resources import peak_memory_mb

# How long the last stage would be trained.
STAGE_EPOCHS = 20
# How a contestant's process learns what was asked of the whole measurement.
_SETTINGS = "BENCH_TRANSFER"


QUICK = {"side": 64, "images": 32, "kept": 96, "steps": 2, "head_images": 300, "sizes": (64, 128)}


def measure(what: str, who: str) -> None:
    settings = Settings(**json.loads(os.environ.get(_SETTINGS, "{}")))
    with tempfile.TemporaryDirectory(dir=os.environ.get("KERASCLF_CACHE")) as cache:
        os.environ["KERASCLF_CACHE"] = cache
        found = growth(int(who), settings) if what == "growth" else CONTESTS[what](who, settings)
    print(json.dumps({**found, "memory": peak_memory_mb()}))


def parsed(arguments: Sequence[str]) -> tuple[Settings, dict[str, list[str]], Path | None]:
    """Returns how much is measured, whom, by contest, and the file of earlier rounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer")
    parser.add_argument("--quick", action="store_true", help="small images, few steps, one round: does it run?")
    for name in ("side", "batch", "images", "kept", "warm_up", "steps", "head_images", "rounds"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"default {getattr(Settings, name)}")
    parser.add_argument("--sizes", type=_numbers, help="of growth, such as 1000,6000; '' leaves it out")
    parser.add_argument("--only", choices=CONTESTANTS, nargs="*", default=list(CONTESTANTS), help="contests")
    parser.add_argument("--without", choices=PEERS, nargs="*", default=[], help="peers that are left out")
    parser.add_argument(
        "--add-to", type=Path, help="a JSON file of rounds, to which these are added; the tables show all"
    )
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    only, without, quick = given.pop("only"), given.pop("without"), given.pop("quick")
    file = given.pop("add_to", None)
    least = {**QUICK, "rounds": 1} if quick else {}
    contests = {what: [who for who in CONTESTANTS[what] if who not in without] for what in only}
    return replace(Settings(), **{**least, **given}), contests, file


def added(file: Path, found: dict[tuple[str, ...], list[Any]]) -> dict[tuple[str, ...], list[Any]]:
    """Adds results to those of a file, and returns them together."""
    earlier = json.loads(file.read_text()) if file.exists() else {}
    together = {key: earlier.get(" ".join(key), []) + results for key, results in found.items()}
    file.write_text(json.dumps(earlier | {" ".join(key): results for key, results in together.items()}, indent=1))
    return together


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(number) for number in text.split(",") if number))


def report(what: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the table of one contest."""
    key = "seconds" if what == "head" else "rate"
    rows = [
        [
            _label(who, results[0], who == best_peer(found)),
            f"{median(results, key):,.1f}",
            "" if who == "kerasclf" else ratio(found["kerasclf"], results, key),
            f"{median(results, 'memory'):,.0f}",
        ]
        for who, results in found.items()
    ]
    unit = f"{HEAD_EPOCHS} epochs, s" if what == "head" else "images/s"
    print_table([what, unit, "kerasclf to it (range)", "peak memory, MB"], rows)


def _label(who: str, result: dict[str, Any], best: bool) -> str:
    return f"{who} ({result['how']})" if "how" in result else who + ", the faster" * best


def best_peer(found: dict[str, list[dict[str, Any]]]) -> str:
    """Returns the name of PyTorch in its faster precision, or nothing where PyTorch is no contestant."""
    return max((who for who in found if who in PEERS), key=lambda who: median(found[who], "rate"), default="")


def report_growth(found: dict[int, dict[str, Any]], last_found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints what more images cost, and what all epochs would take at the pace of the measured steps."""
    rows = [
        [
            f"{count:,} ({one['how']})",
            f"{one['extraction_s']:,.0f}",
            f"{one['reading_s']:.1f}",
            f"{one['rate']:.1f}",
            f"{one['extraction_s'] + STAGE_EPOCHS * count / one['rate']:,.0f}",
            f"{one['extraction_memory']:,.0f}",
            f"{one['memory']:,.0f}",
            f"{one['own_memory']:,.0f}",
        ]
        for count, one in found.items()
    ]
    headings = [
        "images", "extraction with the engine's start, s", "one pass read, s", "last stage, images/s",
        f"extraction + {STAGE_EPOCHS} epochs, s (extrapolated)", "peak memory of extraction, MB",
        "peak memory with mapped files, MB", "own memory at the end, MB",
    ]  # fmt: skip
    peer = best_peer(last_found)
    if peer:  # the same number of epochs at its pace
        pace = median(last_found[peer], "rate")
        headings.append(f"{peer}, {STAGE_EPOCHS} epochs, s (extrapolated)")
        rows = [[*row, f"{STAGE_EPOCHS * count / pace:,.0f}"] for row, count in zip(rows, found, strict=True)]
    print_table(headings, rows)
    for (few, less), (many, more) in zip(found.items(), list(found.items())[1:], strict=False):
        pace = (many - few) / (more["extraction_s"] - less["extraction_s"])
        print(f"From {few:,} to {many:,} images: {pace:.1f} images/s extracted.\n")


def print_machine(settings: Settings) -> None:
    """Prints what was measured, and on what."""
    from kerasclf.runs.environment import describe_environment, hardware_in_words

    about = describe_environment()
    versions = {name: about["packages"][name] for name in ("kerasclf", "keras", "tensorflow")}
    for name in ("openvino", "torch"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"ResNet50, {settings.side}×{settings.side}, batch {settings.batch}, rounds: {settings.rounds}; ", end="")
    print(f"{hardware_in_words(about)}; Python {about['python']}, {listed}.\n")


def main(arguments: Sequence[str]) -> None:
    settings, whom, file = parsed(arguments)
    os.environ[_SETTINGS] = json.dumps(asdict(settings))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # removes the folder, which may hold gigabytes
    with tempfile.TemporaryDirectory(prefix="bench-transfer-") as cache:
        os.environ["KERASCLF_CACHE"] = cache  # each contestant has a folder of its own in it
        contestants = [(what, who) for what in whom for who in whom[what]]
        found = in_turns("benchmarks.transfer", contestants, settings.rounds)
        grown = in_turns("benchmarks.transfer", [("growth", str(size)) for size in settings.sizes], 1)
    if file:
        found = added(file, found)
        settings = replace(settings, rounds=max(map(len, found.values()), default=settings.rounds))
    print_machine(settings)
    contests = {what: {who: found[(what, who)] for who in whom[what]} for what in whom}
    for what, results in contests.items():
        report(what, results)
    if grown:
        report_growth({int(size): results[0] for (_, size), results in grown.items()}, contests.get("last", {}))


if __name__ == "__main__":
    contestant = len(sys.argv) == 3 and sys.argv[1] in (*CONTESTANTS, "growth")
    measure(*sys.argv[1:]) if contestant else main(sys.argv[1:])
