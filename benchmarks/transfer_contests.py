"""The contests of transfer (see transfer.py)."""

import functools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from benchmarks.random_images import dataset_of, images_of, labels_of
from kerasclf.machine.meter import peak_memory_mb

if TYPE_CHECKING:
    from kerasclf import ImageDataset, TrainConfig
    from kerasclf.training.assembly import Built
    from kerasclf.training.training_setup import TrainingSetup
    from kerasclf.transfer import Transfer

HIDDEN = 400
HEAD_EPOCHS, HEAD_BATCH = 40, 32  # as in the study of the birds
PEERS = ("pytorch-float32", "pytorch-bfloat16")
# Network → its last stage: all layers from the last reduction of the image on.
RESNET = "keras_resnet50"
LAST_STAGES = {RESNET: "stage5", "efficientnet_lite0": "stage7", "mobilenet_v2": "stage13", "squeezenet1_1": "stage4"}
SMALL = tuple(name for name in LAST_STAGES if name != RESNET)
_OF_SMALL = {
    "features": ("kerasclf", "kerasclf-tensorflow", *PEERS),
    "last": ("kerasclf", *PEERS),
    "all": ("kerasclf", *PEERS),
}
CONTESTANTS = {
    "features": ("kerasclf", "kerasclf-tensorflow", *PEERS),
    "last": ("kerasclf", *PEERS),
    "all": ("kerasclf", "keras", *PEERS),
    "tuned": ("kerasclf", "keras", *PEERS),
    "head": ("kerasclf",),
    **{f"{what}:{name}": who for name in SMALL for what, who in _OF_SMALL.items()},
}


@dataclass(frozen=True)
class Settings:
    """The size of the measurements.

    Args:
        side: Height and width of the images, in pixels.
        batch: Images per training step.
        images: Number of images whose features are computed.
        cached: Number of images with cached activations for the last stage. More than 334 are read from the disk.
        warm_up: Number of steps that are not counted.
        steps: Number of counted steps.
        head_images: Number of images for the head, a tenth of them for validation.
        sizes: Numbers of images for growth, smallest first; empty for no such measurement.
        rounds: Number of turns of each contestant. Growth is measured once.
        network: The network, a key of `LAST_STAGES`.
    """

    side: int = 224
    batch: int = int(os.environ.get("BATCH", "16"))
    images: int = 96
    cached: int = 352
    warm_up: int = 1
    steps: int = 5
    head_images: int = 3000
    sizes: tuple[int, ...] = (1000, 2000)
    rounds: int = int(os.environ.get("ROUNDS", "3"))
    network: str = RESNET


def settings_for(network: str, settings: Settings) -> Settings:
    """Returns the settings for a network. The small ones are so fast that they are measured with more images."""
    if network == RESNET:
        return replace(settings, network=network)
    steps = min(4 * settings.steps, settings.cached // settings.batch)
    return replace(settings, network=network, images=5 * settings.images, steps=steps)


def built_for(network: str, dataset: "ImageDataset", config: "TrainConfig", transfer: "Transfer") -> "Built":
    from kerasclf.machine.resources import usable_cores
    from kerasclf.runs.engines.worker import limit_threads
    from kerasclf.training.assembly import build_model
    from kerasclf.training.recipe import Recipe

    limit_threads(usable_cores())
    return build_model(dataset, Recipe(_builder(network), (config,), transfer=transfer))


def _builder(network: str) -> Callable[..., Any]:
    from kerasclf.models import build

    return functools.partial(build, network, arguments={"head": (HIDDEN,)})


def features(who: str, settings: Settings) -> dict[str, Any]:
    """Measures images/s of the way from images to features."""
    if who in PEERS:
        from benchmarks.torch_transfer import features_rate

        images, bfloat16 = images_of(settings.side, settings.images), who.endswith("bfloat16")
        return {"rate": features_rate(settings.network, images, settings.batch, settings.warm_up, bfloat16)}
    from kerasclf import TrainConfig
    from kerasclf.models.explaining.costs import known_multiply_adds
    from kerasclf.training.extractor import freeze_below
    from kerasclf.transfer import Transfer
    from kerasclf.transfer.compute_engines import choose_engine

    dataset = dataset_of(settings.side, settings.images, 1)
    transfer = Transfer(weights="none", engine="tensorflow" if who.endswith("tensorflow") else "auto")
    built = built_for(settings.network, dataset, TrainConfig(precision="auto"), transfer)
    cut = built.assembled.cuts.cut_for("head")
    assert cut is not None
    frozen = freeze_below(built, cut, transfer)
    # Compile the engine first, with enough batches for each of its streams.
    list(frozen.source.compute([frozen.point])(iter([images_of(settings.side, 16)] * 2)))
    began = time.perf_counter()
    frozen.subset(dataset.train, lambda line: None)
    rate = settings.images / (time.perf_counter() - began)
    needed = 2 * known_multiply_adds(built.assembled.below([cut])) * rate
    how = f"{choose_engine(transfer.engine)}, {built.policy}"
    return {"rate": rate, "how": how, "share": needed / product_pace(bfloat16=built.policy == "mixed_bfloat16")}


def product_pace(bfloat16: bool, side: int = 4096, times: int = 4) -> float:
    """Returns the floating-point operations per second of a product of two square matrices, the best of several."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_uniform((side, side), (0, 1)), tf.bfloat16 if bfloat16 else tf.float32)
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        seconds.append(time.perf_counter() - began)
    return 2 * side**3 / min(seconds)


def last(who: str, settings: Settings) -> dict[str, Any]:
    """Measures images/s of training the last stage."""
    if who in PEERS:
        return _pytorch_training(who, settings, last_stage=True)
    setup, built, storage, _ = _last_stage(dataset_of(settings.side, settings.cached, 16), settings)
    return {"rate": timed_fit(setup, settings, faster=True), "how": f"{built.policy}, activations {storage}"}


def whole(who: str, settings: Settings, frozen_norm: bool = False) -> dict[str, Any]:
    """Measures images/s of training all layers, with or without batch normalisation."""
    if who in PEERS:
        return _pytorch_training(who, settings, last_stage=False, frozen_norm=frozen_norm)
    import keras

    from kerasclf import TrainConfig
    from kerasclf.training.phase_inputs import make_phase_inputs
    from kerasclf.training.training_setup import prepare_phase
    from kerasclf.transfer import Transfer

    dataset = dataset_of(settings.side, settings.batch * max(settings.warm_up, settings.steps), 1)
    config = TrainConfig(epochs=1, batch_size=settings.batch, learning_rate=1e-4, precision="auto")
    transfer = Transfer(weights="none", cache="off", batch_norm="frozen" if frozen_norm else "trained")
    built = built_for(settings.network, dataset, config, transfer)
    inputs = make_phase_inputs(built, dataset, config)
    norms = [layer for layer in built.assembled.core.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert all(layer.trainable != frozen_norm for layer in norms)
    setup = prepare_phase(built, inputs, dataset, config)
    return {"rate": timed_fit(setup, settings, faster=who == "kerasclf"), "how": built.policy}


def head(who: str, settings: Settings) -> dict[str, Any]:
    """Measures the seconds of the epochs of the head on random features that are cached already."""
    from kerasclf import TrainConfig
    from kerasclf.training.extractor import freeze_below
    from kerasclf.training.recipe import Recipe
    from kerasclf.training.train import train
    from kerasclf.transfer import Transfer

    validation = settings.head_images // 10
    # The images may be small, because their features are cached already.
    dataset = dataset_of(32, settings.head_images - validation, validation)
    config = TrainConfig(epochs=HEAD_EPOCHS, batch_size=HEAD_BATCH, unfreeze="head", precision="auto")
    transfer = Transfer(weights="none")
    built = built_for(settings.network, dataset, config, transfer)
    cut = built.assembled.cuts.cut_for("head")
    assert cut is not None
    cache = freeze_below(built, cut, transfer).point.cache
    cache.open()
    for subset in (dataset.train, dataset.validation):
        cache.append(subset.keys, np.random.default_rng(0).random((len(subset), *cache.shape), np.float32))
    trained = train(dataset, Recipe(_builder(settings.network), (config,), transfer=transfer))
    assert len(cache.known()) == settings.head_images, "train has computed features again"
    return {"seconds": trained.seconds, "how": built.policy}


def growth(count: int, settings: Settings) -> dict[str, Any]:
    """Measures the last stage with a number of images: extraction, reading and training."""
    dataset = dataset_of(settings.side, count, 16, in_memory=False)
    setup, _, storage, extraction_s = _last_stage(dataset, settings)
    found: dict[str, Any] = {"extraction_s": extraction_s, "extraction_memory": peak_memory_mb()}
    began = time.perf_counter()
    assert sum(len(batch) for batch, _ in setup.batches) == count
    found["reading_s"] = time.perf_counter() - began
    return {**found, "rate": timed_fit(setup, settings, faster=True), "how": storage, "own_memory": own_memory_mb()}


def _last_stage(dataset: "ImageDataset", settings: Settings) -> tuple["TrainingSetup", "Built", str, float]:
    """Returns the setup of the last stage, the network, the storage of the activations, and their extraction time."""
    from kerasclf import TrainConfig
    from kerasclf.training.phase_inputs import make_phase_inputs
    from kerasclf.training.training_setup import prepare_phase
    from kerasclf.transfer import Transfer

    last_stage = LAST_STAGES[settings.network]
    config = TrainConfig(epochs=1, batch_size=settings.batch, learning_rate=1e-4, unfreeze=last_stage, precision="auto")
    transfer = Transfer(weights="none", batch_norm="trained")
    built = built_for(settings.network, dataset, config, transfer)
    began = time.perf_counter()
    inputs = make_phase_inputs(built, dataset, config)
    seconds = time.perf_counter() - began
    assert inputs.frozen is not None
    setup = prepare_phase(built, inputs, dataset, config)
    return setup, built, "in memory" if inputs.train.images.array is not None else "on disk", seconds


def timed_fit(setup: "TrainingSetup", settings: Settings, faster: bool) -> float:
    """Returns images/s after the warm-up, with or without the faster layers of kerasclf."""
    import keras

    from kerasclf.training.faster import faster_layers

    class Clock(keras.callbacks.Callback):
        """Times from the start of the epoch to the end of the last step."""

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            assert math.isfinite(float((logs or {})["loss"]))
            self.seconds = time.perf_counter() - self.began

    clock = Clock()
    with faster_layers(setup.model, setup.strategy) if faster else setup.strategy.scope():
        for number, steps in enumerate((settings.warm_up, settings.steps)):
            setup.epoch.number = number
            setup.model.fit(setup.batches.take(steps), callbacks=[clock], shuffle=False, verbose=0)
    return settings.steps * settings.batch / clock.seconds


def _pytorch_training(who: str, settings: Settings, last_stage: bool, frozen_norm: bool = False) -> dict[str, Any]:
    from benchmarks.torch_transfer import training_rate

    count = settings.batch * max(settings.warm_up, settings.steps)
    images, steps = images_of(settings.side, count), (settings.warm_up, settings.steps)
    bfloat16 = who.endswith("bfloat16")
    labels = labels_of(count)
    rate = training_rate(settings.network, images, labels, settings.batch, steps, last_stage, bfloat16, frozen_norm)
    return {"rate": rate}


CONTESTS: dict[str, Callable[[str, Settings], dict[str, Any]]] = {
    "features": features,
    "last": last,
    "all": whole,
    "tuned": functools.partial(whole, frozen_norm=True),
    "head": head,
}


def own_memory_mb() -> float:
    """Returns the current memory of this process without memory-mapped files, in 10⁶ bytes."""
    info = psutil.Process().memory_info()
    return float(info.rss - getattr(info, "shared", 0)) / 1e6
