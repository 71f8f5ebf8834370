"""Transfer with ResNet50 and three smaller networks: kerasclf against a plain PyTorch loop (extra `bench`).

    make bench-transfer        or        python -m benchmarks.transfer        (--help lists the options)

All use random weights, random uint8 images of 224×224, 200 classes, a hidden dense layer of 400, Adam, batches of 16
and all available cores. Steps that trace, compile or choose kernels are not counted. The contests are:

* features: from images to features. kerasclf writes rows to its cache and computes hashes too, with the engine it
  chooses and with TensorFlow. Its batches always have 16 images.
  One more table has the share of the limit of the machine: of the pace of a product of two large matrices.
* last: training the last stage. kerasclf reads cached activations, from the disk if they exceed 256 MB (as in the
  default run, in float32). PyTorch computes the layers below the cut at every step, without gradients. Batch
  normalisation above the cut trains.
* all: training all layers. `keras` has the model and the batches of kerasclf without its faster layers.
* tuned: training all layers with batch normalisation in inference mode, as kerasclf does in pretrained networks.
* head: 40 epochs of the head on the features of 2,700 images, validated on 300, batches of 32.
* features:NETWORK, last:NETWORK and all:NETWORK: the same for efficientnet_lite0, mobilenet_v2 and squeezenet1_1. Their
  last stage is everything from the last reduction of the image on. One more table compares their features with those
  of ResNet50. They are measured with five times as many images and four times as many steps.
* growth: the cost of kerasclf by number of images. --sizes 1000,6000 takes 5 GB below $TMPDIR and several minutes more.
  It reads all cached activations once, and trains a few steps. --network chooses another network than ResNet50.

PyTorch computes in float32 and, with autocast, in bfloat16. The tables mark the one with the better median. Without
bfloat16 in the CPU this takes minutes: leave it out with --without pytorch-bfloat16. The precision of kerasclf is
"auto". To measure in parts, repeat --only all --rounds 1 --add-to rounds.json. Activations are cached in a temporary
folder, and each contestant starts with an empty cache.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import added, in_turns, median, print_table, ratio
from benchmarks.transfer_contests import (
    CONTESTANTS,
    CONTESTS,
    HEAD_EPOCHS,
    LAST_STAGES,
    PEERS,
    SMALL,
    Settings,
    growth,
    settings_for,
)
from kerasclf.machine.meter import peak_memory_mb

# Number of epochs of the last stage for the extrapolation.
STAGE_EPOCHS = 20
# Environment variable that passes the settings to the process of a contestant.
_SETTINGS = "BENCH_TRANSFER"

QUICK = {"side": 64, "images": 32, "cached": 96, "steps": 2, "head_images": 300, "sizes": (64, 128)}


def measure(what: str, who: str) -> None:
    settings = Settings(**json.loads(os.environ.get(_SETTINGS, "{}")))
    what, _, network = what.partition(":")
    settings = settings_for(network or settings.network, settings)
    with tempfile.TemporaryDirectory(dir=os.environ.get("KERASCLF_CACHE")) as cache:
        os.environ["KERASCLF_CACHE"] = cache
        found = growth(int(who), settings) if what == "growth" else CONTESTS[what](who, settings)
    print(json.dumps({**found, "memory": peak_memory_mb()}))


def parsed(arguments: Sequence[str]) -> tuple[Settings, dict[str, list[str]], Path | None]:
    """Returns the settings, the contestants by contest, and the file of earlier rounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer")
    parser.add_argument("--quick", action="store_true", help="test the benchmark: small images, few steps, one round")
    for name in ("side", "batch", "images", "cached", "warm_up", "steps", "head_images", "rounds"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=f"default {getattr(Settings, name)}")
    parser.add_argument("--network", choices=LAST_STAGES, help="network of the contests that name none, and of growth")
    parser.add_argument("--sizes", type=_numbers, help="numbers of images for growth, such as 1000,6000; '' for none")
    parser.add_argument("--only", choices=CONTESTANTS, nargs="*", default=list(CONTESTANTS), help="contests")
    parser.add_argument("--without", choices=PEERS, nargs="*", default=[], help="peers to leave out")
    parser.add_argument(
        "--add-to", type=Path, help="JSON file of earlier rounds; add these rounds and show all of them"
    )
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    only, without, quick = given.pop("only"), given.pop("without"), given.pop("quick")
    file = given.pop("add_to", None)
    reduced = {**QUICK, "rounds": 1} if quick else {}
    contests = {what: [who for who in CONTESTANTS[what] if who not in without] for what in only}
    return replace(Settings(), **{**reduced, **given}), contests, file


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
    print_table([what, unit, "ratio of kerasclf (range)", "peak memory, MB"], rows)


def report_pace(contests: dict[str, dict[str, list[dict[str, Any]]]], large: str) -> None:
    """Prints how many times as fast as those of the large network the features of the small ones are."""
    measured = [name for name in SMALL if f"features:{name}" in contests and "features" in contests]
    if not measured:
        return
    slow = contests["features"]["kerasclf"]
    rows = [[name, ratio(contests[f"features:{name}"]["kerasclf"], slow, "rate")] for name in measured]
    print_table(["features of", f"speed relative to {large} (range)"], rows)


def report_shares(contests: dict[str, dict[str, list[dict[str, Any]]]], large: str) -> None:
    """Prints which share of the pace of a matrix product the features reach."""
    rows = []
    for what, found in contests.items():
        shares = [result["share"] for result in found.get("kerasclf", ()) if "share" in result]
        if shares:
            percent = [f"{share:.0%}" for share in (statistics.median(shares), min(shares), max(shares))]
            rows.append([what.partition(":")[2] or large, f"{percent[0]} ({percent[1]}–{percent[2]})"])
    if rows:
        print_table(["features of", "share of the pace of a matrix product (range)"], rows)


def _label(who: str, result: dict[str, Any], best: bool) -> str:
    return f"{who} ({result['how']})" if "how" in result else who + ", the faster" * best


def best_peer(found: dict[str, list[dict[str, Any]]]) -> str:
    """Returns the name of PyTorch in its faster precision, or an empty string without PyTorch."""
    return max((who for who in found if who in PEERS), key=lambda who: median(found[who], "rate"), default="")


def report_growth(found: dict[int, dict[str, Any]], last_found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the cost by number of images, and the time of all epochs extrapolated from the measured steps."""
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
    if peer:  # extrapolated to the same number of epochs
        pace = median(last_found[peer], "rate")
        headings.append(f"{peer}, {STAGE_EPOCHS} epochs, s (extrapolated)")
        rows = [[*row, f"{STAGE_EPOCHS * count / pace:,.0f}"] for row, count in zip(rows, found, strict=True)]
    print_table(headings, rows)
    for (few, less), (many, more) in zip(found.items(), list(found.items())[1:], strict=False):
        pace = (many - few) / (more["extraction_s"] - less["extraction_s"])
        print(f"From {few:,} to {many:,} images: {pace:.1f} images/s extracted.\n")


def print_machine(settings: Settings) -> None:
    """Prints the settings, the hardware and the versions."""
    from kerasclf.runs.environment import describe_environment, hardware_in_words

    about = describe_environment()
    versions = {name: about["packages"][name] for name in ("kerasclf", "keras", "tensorflow")}
    for name in ("openvino", "torch"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(
        f"{settings.network}, {settings.side}×{settings.side}, batch {settings.batch}, rounds: {settings.rounds}; ",
        end="",
    )
    print(f"{hardware_in_words(about)}; Python {about['python']}, {listed}.\n")


def main(arguments: Sequence[str]) -> None:
    settings, whom, file = parsed(arguments)
    os.environ[_SETTINGS] = json.dumps(asdict(settings))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # removes the folder, which may have gigabytes
    with tempfile.TemporaryDirectory(prefix="bench-transfer-") as cache:
        os.environ["KERASCLF_CACHE"] = cache  # with one folder per contestant
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
    report_pace(contests, settings.network)
    report_shares(contests, settings.network)
    if grown:
        report_growth({int(size): results[0] for (_, size), results in grown.items()}, contests.get("last", {}))


if __name__ == "__main__":
    contestant = len(sys.argv) == 3 and sys.argv[1] in (*CONTESTANTS, "growth")
    measure(*sys.argv[1:]) if contestant else main(sys.argv[1:])
