"""AutoKeras within a given time: a contestant of benchmarks.time_to_accuracy. Needs AutoKeras and TensorFlow alone.

    python -m benchmarks.timed_autokeras NETWORK IMAGES WEIGHTS BEGAN SECONDS

NETWORK is `search` for the ImageClassifier of AutoKeras. Its pretrained networks need a download, and a trial without
it fails. NETWORK is `mobilenet_v2` for a search with that network and the weights of the folder, frozen or not.
AutoKeras has no such block, so this file adds one.

Trials follow each other until the time is over, or three have failed in a row. The trial that then trains counts with
its best epoch. BEGAN is the value of `time.monotonic()` at the start, before the imports. Only the search counts. The
test images are predicted after it.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as kerasclf does

import autokeras as ak
import keras
import keras_tuner
import numpy as np

SIDE, BATCH = 224, 32
MANY = 10_000
# Share of the time after which no step begins. The rest is for the validation and the choice of the best trial.
TRAINING = 0.93


class StopInTime(keras.callbacks.Callback):
    """Ends the trial that trains when the time is over, and the search when the next one begins."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self.end = end

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() > self.end:
            raise keras_tuner.errors.FatalError("the time is over")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() > self.end:
            self.model.stop_training = True


@keras.saving.register_keras_serializable()
class MobileNetV2Block(ak.Block):  # type: ignore[misc]
    """MobileNetV2 with the weights of a file; whether it trains is a hyperparameter.

    Args:
        file: The weights, without those of the head.
    """

    def __init__(self, file: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.file = file

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "file": self.file}

    def build(self, hp: Any, inputs: Any = None) -> Any:
        (images,) = inputs if isinstance(inputs, list | tuple) else (inputs,)
        network = keras.applications.MobileNetV2(include_top=False, weights=self.file, input_shape=(SIDE, SIDE, 3))
        network.trainable = hp.Boolean("trainable", default=False)
        return network(keras.layers.Rescaling(1 / 127.5, offset=-1)(images))


def read(images: Path, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns the images of a set, and their classes as vectors of zeros and a one."""
    batches = keras.utils.image_dataset_from_directory(
        images / name, image_size=(SIDE, SIDE), batch_size=BATCH, label_mode="categorical", shuffle=False, verbose=False
    )
    found = list(batches.as_numpy_iterator())
    return np.concatenate([x for x, _ in found]).astype("uint8"), np.concatenate([y for _, y in found])


def searcher(network: str, weights: Path, folder: str) -> ak.AutoModel:
    common = {"max_trials": MANY, "directory": folder, "overwrite": True, "seed": 1}
    if network == "search":
        return ak.ImageClassifier(**common)
    image = ak.ImageInput()
    features = MobileNetV2Block(str(weights / f"{network}_notop.weights.h5"))(image)
    return ak.AutoModel(inputs=image, outputs=ak.ClassificationHead()(features), tuner="greedy", **common)


def main(network: str, images: Path, weights: Path, began: float, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        search = searcher(network, weights, folder)
        x, y = read(images, "train")
        try:
            stop = StopInTime(began + TRAINING * seconds)
            search.fit(x, y, validation_data=read(images, "valid"), callbacks=[stop], batch_size=BATCH, verbose=0)
        except (keras_tuner.errors.FatalError, RuntimeError):  # the time is over, or three trials failed in a row
            pass
        trials = list(search.tuner.oracle.trials.values())
        finished = [trial for trial in trials if trial.status == "COMPLETED"]
        failed = [trial for trial in trials if trial.status in ("INVALID", "FAILED")]
        if not finished and failed:
            sys.exit(failed[-1].message)
        if not finished:
            print(json.dumps({"accuracy": None, "seconds": time.monotonic() - began, "what": "no trial was finished"}))
            return
        model = search.export_model()
        taken_s = time.monotonic() - began
        x, y = read(images, "test")
        accuracy = float((model.predict(x, batch_size=BATCH, verbose=0).argmax(1) == y.argmax(1)).mean())
    what = f"{len(finished)} trials" + (f", {len(failed)} failed" if failed else "")
    print(json.dumps({"accuracy": accuracy, "seconds": taken_s, "what": what}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(float, sys.argv[4:]))
