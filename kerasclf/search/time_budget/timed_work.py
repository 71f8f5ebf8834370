"""The work of a training within a time budget: features, costs and runs, all in this process. Needs TensorFlow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from kerasclf.data import ImageDataset, Subset
from kerasclf.data.snapshot import write_snapshot
from kerasclf.errors import DataError, KerasclfError
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.files.writing import write_json
from kerasclf.log import Log
from kerasclf.runs.execute import execute
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.progress import OneRunListener, RunListener
from kerasclf.runs.run_folder import RunFolder, manifest_file
from kerasclf.search.time_budget.feature_accuracy import comparison_sample, cross_validated_accuracy
from kerasclf.search.time_budget.stop_in_time import StopInTime
from kerasclf.search.time_budget.timed_costs import FeatureCost, TimedRunCost
from kerasclf.search.time_budget.timed_experiments import name_of
from kerasclf.training.assembly import build_model
from kerasclf.training.extractor import freeze_below
from kerasclf.training.rehearsal import rehearse
from kerasclf.transfer.frozen import Frozen
from kerasclf.transfer.samples import Samples

# Features are computed in chunks of about this many seconds, between which the clock is read.
_CHUNK_S, _MAX_CHUNK = 2.0, 512


class TimedWork:
    """Computes features and runs of experiments that share their images.

    Args:
        dataset: The images.
        out: Folder of the runs.
        seed: Seed of the runs.
        listener: Receives the progress of the runs.
    """

    def __init__(self, dataset: ImageDataset, out: Path, seed: int, listener: RunListener) -> None:
        if not len(dataset.validation):
            raise DataError(f"Expected validation images, which choose the model. {dataset.title} has none.")
        self.dataset, self.seed, self._out, self._listener = dataset, seed, out, listener
        manifest = dataset.manifest
        self._manifest = str(manifest["hash"])
        write_json(manifest_file(out, self._manifest), manifest)
        self._temporary = TemporaryFolder()
        snapshot = Path(self._temporary.path) / "images.npz"
        self._snapshot = str(snapshot) if write_snapshot(dataset, snapshot) else None
        self._samples = Samples()
        self._frozen: tuple[Experiment, Frozen | None] | None = None

    def measure_features(self, head: Experiment) -> FeatureCost:
        """Measures how long the features of a network take."""
        frozen = self._features_of(head)
        sets = self.dataset
        image_s = self._samples.of(frozen, sets.train).image_s
        choice = frozen.missing(sets.train) + frozen.missing(sets.validation)
        return FeatureCost(image_s, image_s * choice, image_s * frozen.missing(sets.test), len(sets.train))

    def extract(self, experiment: Experiment, image_s: float, is_over: Callable[[], bool], log: Log) -> bool:
        """Caches the activations of training and validation images below the part that trains.

        Args:
            experiment: The experiment.
            image_s: Seconds per image, which decide how often the clock is read.
            is_over: Returns whether the time for it is over.
            log: Receives progress messages.

        Returns:
            Whether all of them are cached.
        """
        frozen = self._frozen_of(experiment)
        if frozen is None:
            return True
        done, total = 0, len(self.dataset.train) + len(self.dataset.validation)
        for chunk in self._chunks(image_s):
            if is_over():
                log(f"{frozen.name}: {done:,} of {total:,} images are cached; the time for it is over")
                return False
            frozen.subset(chunk, lambda line: None)
            done += len(chunk)
        log(f"{frozen.name}: {total:,} images are cached")
        return True

    def judge(self, head: Experiment) -> float | None:
        """Returns the cross-validated accuracy of heads on the cached features of the training images."""
        train = self.dataset.train
        chosen = train.take(comparison_sample(train.labels, self.seed))
        features = self._features_of(head).subset(chosen, self._listener.log)
        rows = features.images.read(np.arange(len(features)))
        return cross_validated_accuracy(rows, chosen.labels, chosen.groups, self.seed)

    def measure_run(self, experiment: Experiment) -> TimedRunCost:
        """Measures a few steps of the last phase of an experiment."""
        self._forget()
        last = experiment.train.but(epochs=1, early_stopping=None)
        found = rehearse(self.dataset, experiment.but(train=last, earlier_phases=()).recipe(self.seed), self._samples)
        ratio = len(self.dataset.test) / len(self.dataset.validation)
        before_s = found.loading_s + found.startup_s + found.extraction_s + found.regression_s
        return TimedRunCost(before_s, found.epoch_s, ratio * found.validation_s)

    def train(self, experiment: Experiment, run: RunFolder, stop: StopInTime | None) -> dict[str, float]:
        """Makes a run, or resumes it.

        Args:
            experiment: The experiment.
            run: Its folder.
            stop: Stops the training when its time is over; None to finish it in any case.

        Returns:
            Its metrics, as `execute` returns them.

        Raises:
            KerasclfError: If the run cannot be made.
        """
        self._forget()
        name = name_of(experiment)
        job = Job(
            title=name,
            name=name,
            experiment=experiment,
            seed=self.seed,
            path=run.path,
            manifest=self._manifest,
            snapshot=self._snapshot,
        )
        listener = OneRunListener(name, self._listener)
        metrics = execute(job, listener if stop is None else stop.around(listener))
        if run.complete:
            self._listener.finished_run(name, metrics)
        return metrics

    def _features_of(self, head: Experiment) -> Frozen:
        frozen = self._frozen_of(head)
        if frozen is None:
            raise KerasclfError(f"Expected a network with weights below its head. Received: {head.model}.")
        return frozen

    def _frozen_of(self, experiment: Experiment) -> Frozen | None:
        """Returns the frozen part of an experiment's last phase; None if everything trains."""
        if self._frozen is None or self._frozen[0] != experiment:
            self._forget()
            built = build_model(self.dataset, experiment.recipe(self.seed))
            cut = built.assembled.cuts.cut_for(experiment.train.unfreeze)
            assert experiment.transfer is not None
            frozen = None if cut is None else freeze_below(built, cut, experiment.transfer)
            self._frozen = experiment, frozen
        return self._frozen[1]

    def _chunks(self, image_s: float) -> Iterator[Subset]:
        size = int(np.clip(_CHUNK_S / max(image_s, 1e-6), 16, _MAX_CHUNK)) // 16 * 16  # whole batches
        for subset in (self.dataset.train, self.dataset.validation):
            for first in range(0, len(subset), size):
                yield subset.take(np.arange(first, min(first + size, len(subset))))

    def _forget(self) -> None:
        """Frees the memory of the network that was used last."""
        self._frozen = None
        keras.backend.clear_session()
