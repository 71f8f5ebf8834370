"""Augmentation alone: kerasclf against the legacy generator of Keras.

    make bench        or        python -m benchmarks.augmentation

Both apply zoom 0.2, horizontal flip and featurewise normalisation, and deliver float32 batches of 32 for several
epochs. The first epoch, in which graphs are traced and compiled, is not counted.
"""

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine.meter import peak_memory_mb

BATCH = 32
IMAGES = {32: 8192, 224: 512}
EPOCHS = 3
ROUNDS = 5


def images_of(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES[size], size, size, 3), dtype=np.uint8)


def legacy(size: int) -> Callable[[], int]:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    images = images_of(size).astype(np.float32)
    generator = ImageDataGenerator(
        featurewise_center=True, featurewise_std_normalization=True, zoom_range=0.2, horizontal_flip=True
    )
    generator.fit(images)
    flow = generator.flow(images, np.zeros(len(images)), batch_size=BATCH, seed=0)
    return lambda: sum(len(flow[i][0]) for i in range(len(flow)))


def ours(size: int) -> Callable[[], int]:
    import keras
    import tensorflow as tf

    from kerasclf import Augmentation
    from kerasclf.data import ArrayImages, Subset
    from kerasclf.pipeline.batches import Epoch, training_batches
    from kerasclf.pipeline.normalization import normalize
    from kerasclf.pipeline.normalization_statistics import fit_statistics

    images = images_of(size)
    subset = Subset(ArrayImages(images), np.zeros(len(images), np.int64), ("",) * len(images))
    augmentation = Augmentation(
        featurewise_center=True, featurewise_std_normalization=True, zoom_range=0.2, horizontal_flip=True
    )
    pixels = keras.Input(images.shape[1:], dtype="uint8")
    # In a training this is part of the model. Here it counts as part of the pipeline, as in the generator.
    normalise = keras.Model(pixels, normalize(pixels, augmentation, fit_statistics(subset, augmentation)))
    data = training_batches(subset, 2, BATCH, augmentation, 0, Epoch())
    batches = data.map(lambda batch, labels: (normalise(batch), labels), os.cpu_count())
    # Count the batches in the graph, which is where a training consumes them.
    return lambda: int(batches.reduce(0, lambda count, batch: count + tf.shape(batch[0])[0]))


def measure(who: str, size: int) -> None:
    batches = {"legacy": legacy, "kerasclf": ours}[who](size)
    seconds = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        count = batches()
        seconds.append(time.perf_counter() - began)
        assert count == IMAGES[size]
    print(json.dumps({"rate": IMAGES[size] * (EPOCHS - 1) / sum(seconds[1:]), "memory": peak_memory_mb()}))


def main() -> None:
    contestants = [(who, str(size)) for size in IMAGES for who in ("kerasclf", "legacy")]
    measured = in_turns("benchmarks.augmentation", contestants, ROUNDS)
    rows = []
    for size in IMAGES:
        mine, other = measured[("kerasclf", str(size))], measured[("legacy", str(size))]
        rows.append(
            [
                f"{size}×{size}",
                f"{median(mine, 'rate'):,.0f}",
                f"{median(other, 'rate'):,.0f}",
                ratio(mine, other, "rate"),
                f"{median(mine, 'memory'):,.0f}",
                f"{median(other, 'memory'):,.0f}",
            ]
        )
    print_table(
        ["images", "kerasclf, images/s", "legacy, images/s", "ratio (range)", "kerasclf, MB", "legacy, MB"], rows
    )


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else measure(sys.argv[1], int(sys.argv[2]))
