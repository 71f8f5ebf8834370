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
import functools
import importlib.metadata
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.studies.resources import peak_memory_mb

if TYPE_CHECKING:
    from kerasclf import ImageDataset, TrainConfig
    from kerasclf.data import Part
    from kerasclf.training.build import Built
    from kerasclf.training.ready import Ready

CLASSES, HIDDEN = 200, 400
HEAD_EPOCHS, HEAD_BATCH = 40, 32  # as in the study of the birds
STAGE_EPOCHS = 20
PEERS = ("pytorch-float32", "pytorch-bfloat16")
CONTESTANTS = {
    "features": ("kerasclf", "kerasclf-tensorflow", *PEERS),
    "last": ("kerasclf", *PEERS),
    "all": ("kerasclf", "keras", *PEERS),
    "tuned": ("kerasclf", "keras", *PEERS),
    "head": ("kerasclf",),
}
# How a contestant's process learns what was asked of the whole measurement.
_SETTINGS = "BENCH_TRANSFER"


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Args:
        side: Height and width of images.
        batch: Images a training step.
        images: Images whose features are computed.
        kept: Images of which the last stage's activations are kept; more than 334 are read from the disk.
        warm_up: Steps that are not counted.
        steps: Steps that are.
        head_images: Images of the head's features, a tenth of them for validation.
        sizes: Numbers of images, smallest first, between which growth is measured; none leaves it out.
        rounds: How often contestants take turns; growth is measured once.
    """

    side: int = 224
    batch: int = int(os.environ.get("BATCH", "16"))
    images: int = 96
    kept: int = 352
    warm_up: int = 1
    steps: int = 5
    head_images: int = 3000
    sizes: tuple[int, ...] = (1000, 2000)
    rounds: int = int(os.environ.get("ROUNDS", "3"))


QUICK = {"side": 64, "images": 32, "kept": 96, "steps": 2, "head_images": 300, "sizes": (64, 128)}


@dataclass(frozen=True)
class Drawn:
    """Random images that are drawn when they are read, as files are: an `ImageSource`."""

    side: int
    numbers: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.side, self.side, 3

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def array(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        drawn = [np.random.default_rng(i).integers(0, 256, self.shape, np.uint8) for i in self.numbers[indices]]
        return np.stack(drawn)

    def take(self, indices: NDArray[np.integer]) -> "Drawn":
        return Drawn(self.side, self.numbers[indices])

    def fingerprint(self) -> str:
        return f"{self.side} {self.numbers.tolist()}"


def labels_of(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, CLASSES, count)


def images_of(side: int, count: int) -> NDArray[np.uint8]:
    return Drawn(side, np.arange(count)).read(np.arange(count))


def dataset_of(side: int, train: int, validation: int, in_memory: bool = True) -> "ImageDataset":
    """Returns a data set of random images, in memory or drawn when they are read."""
    from kerasclf.data import ArrayImages, ImageDataset, Part

    def part(first: int, count: int) -> "Part":
        drawn = Drawn(side, np.arange(first, first + count))
        images = ArrayImages(drawn.read(np.arange(count))) if in_memory else drawn
        return Part(images, labels_of(count), ("",) * count)

    classes = tuple(str(label) for label in range(CLASSES))
    watched = part(train, validation)
    return ImageDataset("random", "random pixels", classes, part(0, train), watched, watched)


def built_for(dataset: "ImageDataset", config: "TrainConfig") -> "Built":
    from kerasclf import Augmentation
    from kerasclf.machine import usable_cores
    from kerasclf.studies.worker import limit_threads
    from kerasclf.training.build import build_model

    limit_threads(usable_cores())
    return build_model(dataset, _resnet, Augmentation(), config, 0)


def _resnet(shape: tuple[int, int, int], classes: int) -> Any:
    from kerasclf.models import build

    return build("keras_resnet50", shape, classes, {"head": (HIDDEN,)})


def features(who: str, settings: Settings) -> dict[str, Any]:
    """Measures images/s from images to features."""
    if who in PEERS:
        from benchmarks.torch_resnet import features_rate

        images = images_of(settings.side, settings.images)
        return {"rate": features_rate(images, settings.batch, settings.warm_up, who.endswith("bfloat16"))}
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.transfer import Transfer
    from kerasclf.transfer.engines import choose_engine

    dataset = dataset_of(settings.side, settings.images, 1)
    built = built_for(dataset, TrainConfig(precision="auto"))
    point = built.assembled.cuts.point("head")
    assert point is not None
    transfer = Transfer(weights="none", engine="tensorflow" if who.endswith("tensorflow") else "auto")
    frozen = built.frozen(point, Augmentation(), transfer)
    # The engine is made once; several batches, so that each of its streams computes one.
    list(frozen.engine((point,))(iter([images_of(settings.side, 16)] * 2)))
    began = time.perf_counter()
    frozen.part(dataset.train, lambda line: None)
    seconds = time.perf_counter() - began
    return {"rate": settings.images / seconds, "how": f"{choose_engine(transfer.engine)}, {built.policy}"}


def last(who: str, settings: Settings) -> dict[str, Any]:
    """Measures images/s of training the last stage."""
    if who in PEERS:
        return _pytorch_training(who, settings, last_stage=True)
    ready, built, where, _ = _last_stage(dataset_of(settings.side, settings.kept, 16), settings)
    return {"rate": timed_fit(ready, settings, fused=True), "how": f"{built.policy}, activations {where}"}


def whole(who: str, settings: Settings, frozen_norm: bool = False) -> dict[str, Any]:
    """Measures images/s of training all layers, or all but batch normalisation."""
    if who in PEERS:
        return _pytorch_training(who, settings, last_stage=False, frozen_norm=frozen_norm)
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.training.feed import make_feed
    from kerasclf.training.ready import prepare_phase
    from kerasclf.transfer import Transfer

    dataset = dataset_of(settings.side, settings.batch * max(settings.warm_up, settings.steps), 1)
    config = TrainConfig(epochs=1, batch_size=settings.batch, learning_rate=1e-4, precision="auto")
    built = built_for(dataset, config)
    transfer = Transfer(weights="none", cache="off", batch_norm="frozen" if frozen_norm else "trained")
    feed = make_feed(built, dataset, config, Augmentation(), transfer, lambda line: None)
    assert frozen_norm == (not built.assembled.core.get_layer("conv1_bn").trainable)
    ready = prepare_phase(built, feed, dataset, config, 0, augment_validation=False)
    return {"rate": timed_fit(ready, settings, fused=who == "kerasclf"), "how": built.policy}


def head(who: str, settings: Settings) -> dict[str, Any]:
    """Measures the seconds of the head's epochs on random features that are kept already."""
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.training.train import train
    from kerasclf.transfer import Transfer

    validation = settings.head_images // 10
    # The features are given, so that the images may be small.
    dataset = dataset_of(32, settings.head_images - validation, validation)
    config = TrainConfig(epochs=HEAD_EPOCHS, batch_size=HEAD_BATCH, unfreeze="head", precision="auto")
    built, transfer = built_for(dataset, config), Transfer(weights="none")
    point = built.assembled.cuts.point("head")
    assert point is not None
    cache = built.frozen(point, Augmentation(), transfer).kept.cache
    cache.open()
    for part in (dataset.train, dataset.validation):
        cache.append(part.keys, np.random.default_rng(0).random((len(part), *cache.shape), np.float32))
    trained = train(dataset, _resnet, Augmentation(), config, 0, transfer=transfer)
    assert len(cache.known()) == settings.head_images, "train has computed features of its own"
    return {"seconds": trained.seconds, "how": built.policy}


def growth(count: int, settings: Settings) -> dict[str, Any]:
    """Measures what the last stage of so many images takes: to extract, to read, to train on."""
    dataset = dataset_of(settings.side, count, 16, in_memory=False)
    ready, _, where, extraction_s = _last_stage(dataset, settings)
    found: dict[str, Any] = {"extraction_s": extraction_s, "extraction_memory": peak_memory_mb()}
    began = time.perf_counter()
    assert sum(len(batch) for batch, _ in ready.batches) == count
    found["reading_s"] = time.perf_counter() - began
    return {**found, "rate": timed_fit(ready, settings, fused=True), "how": where, "own_memory": own_memory_mb()}


def _last_stage(dataset: "ImageDataset", settings: Settings) -> tuple["Ready", "Built", str, float]:
    """Returns what trains the last stage on kept activations, where these are, and how long it took to compute them."""
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.training.feed import make_feed
    from kerasclf.training.ready import prepare_phase
    from kerasclf.transfer import Transfer

    config = TrainConfig(epochs=1, batch_size=settings.batch, learning_rate=1e-4, unfreeze="stage5", precision="auto")
    built = built_for(dataset, config)
    began = time.perf_counter()
    transfer = Transfer(weights="none", batch_norm="trained")
    feed = make_feed(built, dataset, config, Augmentation(), transfer, lambda line: None)
    seconds = time.perf_counter() - began
    assert feed.frozen is not None
    ready = prepare_phase(built, feed, dataset, config, 0, augment_validation=False)
    return ready, built, "in memory" if feed.train.images.array is not None else "on disk", seconds


def timed_fit(ready: "Ready", settings: Settings, fused: bool) -> float:
    """Returns images/s after the warm-up, trained as kerasclf trains, or without its fused batch normalisation."""
    import keras

    from kerasclf.training.faster import faster_layers

    class Clock(keras.callbacks.Callback):
        """Times from the epoch's begin to the end of the last step."""

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            assert math.isfinite(float((logs or {})["loss"]))
            self.seconds = time.perf_counter() - self.began

    clock = Clock()
    with ready.strategy.scope(), faster_layers(ready.model) if fused else contextlib.nullcontext():
        for number, steps in enumerate((settings.warm_up, settings.steps)):
            ready.epoch.number = number
            ready.model.fit(ready.batches.take(steps), callbacks=[clock], shuffle=False, verbose=0)
    return settings.steps * settings.batch / clock.seconds


def _pytorch_training(who: str, settings: Settings, last_stage: bool, frozen_norm: bool = False) -> dict[str, Any]:
    from benchmarks.torch_resnet import training_rate

    count = settings.batch * max(settings.warm_up, settings.steps)
    images, steps = images_of(settings.side, count), (settings.warm_up, settings.steps)
    bfloat16 = who.endswith("bfloat16")
    rate = training_rate(images, labels_of(count), settings.batch, steps, last_stage, bfloat16, frozen_norm)
    return {"rate": rate}


_CONTESTS: dict[str, Callable[[str, Settings], dict[str, Any]]] = {
    "features": features,
    "last": last,
    "all": whole,
    "tuned": functools.partial(whole, frozen_norm=True),
    "head": head,
}


def own_memory_mb() -> float:
    """Returns the memory that this process holds now without what it maps from files, in 10⁶ bytes."""
    info = psutil.Process().memory_info()
    return float(info.rss - getattr(info, "shared", 0)) / 1e6


def measure(what: str, who: str) -> None:
    settings = Settings(**json.loads(os.environ.get(_SETTINGS, "{}")))
    with tempfile.TemporaryDirectory(dir=os.environ.get("KERASCLF_CACHE")) as cache:
        os.environ["KERASCLF_CACHE"] = cache
        found = growth(int(who), settings) if what == "growth" else _CONTESTS[what](who, settings)
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
    peer = best_peer(last_found)
    pace = median(last_found[peer], "rate") if peer else math.nan
    rows = [
        [
            f"{count:,} ({one['how']})",
            f"{one['extraction_s']:,.0f}",
            f"{one['reading_s']:.1f}",
            f"{one['rate']:.1f}",
            f"{one['extraction_s'] + STAGE_EPOCHS * count / one['rate']:,.0f}",
            f"{STAGE_EPOCHS * count / pace:,.0f}",
            f"{one['extraction_memory']:,.0f}",
            f"{one['memory']:,.0f}",
            f"{one['own_memory']:,.0f}",
        ]
        for count, one in found.items()
    ]
    headings = [
        "images", "extraction with the engine's start, s", "one pass read, s", "last stage, images/s",
        f"extraction + {STAGE_EPOCHS} epochs, s (extrapolated)", f"{peer}, {STAGE_EPOCHS} epochs, s (extrapolated)",
        "peak memory of extraction, MB", "peak memory with mapped files, MB", "own memory at the end, MB",
    ]  # fmt: skip
    print_table(headings, rows)
    for (few, less), (many, more) in zip(found.items(), list(found.items())[1:], strict=False):
        pace = (many - few) / (more["extraction_s"] - less["extraction_s"])
        print(f"From {few:,} to {many:,} images: {pace:.1f} images/s extracted.\n")


def print_machine(settings: Settings) -> None:
    """Prints what was measured, and on what."""
    from kerasclf.studies.environment import describe_environment, hardware_in_words

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
