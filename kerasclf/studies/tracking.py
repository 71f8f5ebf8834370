"""Sends the metrics of a study to Weights & Biases, MLflow or TensorBoard, in addition to the run folders."""

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from kerasclf.errors import KerasclfError
from kerasclf.extras import missing_extra
from kerasclf.log import Log
from kerasclf.runs.job import Job
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.training.listener import Row
from kerasclf.values import flatten

Tracker = Literal["wandb", "mlflow", "tensorboard"]


@contextlib.contextmanager
def make_tracker(name: Tracker, study_plan: StudyPlan, log: Log = print) -> Iterator["Tracked"]:
    """Yields a study's listener that sends the metrics to a tracker.

    A resumed run also resumes in the tracker, which identifies it by its experiment and seed. Files go to
    FOLDER/tracking, unless the tracker's own settings (WANDB_MODE, MLFLOW_TRACKING_URI …) send them elsewhere. If the
    tracker fails, such as without a network, the study goes on without it.

    Args:
        name: Name of the tracker.
        study_plan: The plan of the study.
        log: Receives a line if the tracker fails.

    Raises:
        KerasclfError: If the tracker is not installed.
    """
    tracked = Tracked(_LISTENERS[name](study_plan), name, log)
    try:
        yield tracked
    finally:
        tracked.close()


class Tracked(SilentRunListener):
    """Passes the progress of runs on to a tracker until it fails.

    Args:
        tracker: The listener that sends the metrics.
        name: Name of the tracker.
        log: Receives a line if the tracker fails.
    """

    def __init__(self, tracker: "_Tracking", name: Tracker, log: Log) -> None:
        self.tracker: _Tracking | None = tracker
        self._name, self._log = name, log

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self._pass_on(lambda tracker: tracker.began(title, epochs, steps, rows))

    def finished_epoch(self, title: str, row: Row) -> None:
        self._pass_on(lambda tracker: tracker.finished_epoch(title, row))

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        if self.tracker is not None and title in self.tracker.open:  # Otherwise another process has finished it.
            self._pass_on(lambda tracker: tracker.finished_run(title, metrics))

    def failed_run(self, title: str, message: str) -> None:
        self._pass_on(lambda tracker: tracker.failed_run(title, message))

    def close(self) -> None:
        """Closes the runs that interruptions left open."""
        self._pass_on(lambda tracker: tracker.close())

    def _pass_on(self, act: Callable[["_Tracking"], object]) -> None:
        if self.tracker is None:
            return
        try:
            act(self.tracker)
        except Exception as error:  # nearly any exception, from the libraries of others
            self.tracker = None
            self._log(f"{self._name} failed and gets no more metrics; the runs go on. {type(error).__name__}: {error}")


class _Tracking(SilentRunListener):
    """The common part of all trackers: it finds the job of a run by its title."""

    package = ""

    def __init__(self, study_plan: StudyPlan) -> None:
        try:
            self.library: Any = importlib.import_module(self.package)
        except ImportError as error:
            raise KerasclfError(missing_extra(self.package) or str(error)) from error
        self.study = study_plan.study
        self.folder = study_plan.folder.path / "tracking"
        self.jobs: dict[str, Job] = {job.title: job for job in study_plan.jobs}
        self.open: dict[str, Any] = {}

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        if title not in self.open:  # Otherwise it is a later phase of an open run.
            self.open[title] = self.begin(title)

    def begin(self, title: str) -> Any:
        """Starts or resumes a run in the tracker."""
        raise NotImplementedError

    def identity(self, title: str) -> str:
        job = self.jobs[title]
        return f"{job.name}-{job.experiment.identity}-seed-{job.seed}"

    def settings(self, title: str) -> dict[str, Any]:
        job = self.jobs[title]
        return {"study": self.study.name, "protocol": self.study.protocol, "seed": job.seed} | flatten(
            job.experiment.to_dict()
        )

    def close(self) -> None:
        """Closes the runs that interruptions left open."""


class _TensorBoard(_Tracking):
    package = "tensorboard.summary"

    def begin(self, title: str) -> Any:
        return self.library.Writer(str(self.folder / "tensorboard" / self.identity(title)))

    def finished_epoch(self, title: str, row: Row) -> None:
        for name, value in _metrics(row).items():
            self.open[title].add_scalar(name, value, int(row["epoch"]))
        self.open[title].flush()

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.open[title].add_scalar(name, value, int(metrics["epochs"]))
        self.open.pop(title).close()

    def close(self) -> None:
        for writer in self.open.values():
            writer.close()


class _WeightsAndBiases(_Tracking):
    package = "wandb"

    def begin(self, title: str) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.library.init(
            project=f"kerasclf-{self.study.name}",
            name=title,
            id=self.identity(title),
            resume="allow",
            config=self.settings(title),
            dir=str(self.folder),
            reinit="create_new",
        )

    def finished_epoch(self, title: str, row: Row) -> None:
        self.open[title].log(_metrics(row), step=int(row["epoch"]))

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        run = self.open.pop(title)
        run.summary.update(metrics)
        run.finish()

    def close(self) -> None:
        for run in self.open.values():
            run.finish(exit_code=1)


class _MLflow(_Tracking):
    package = "mlflow"

    client: Any = None
    experiment = ""

    def _connect(self) -> None:
        """Connects when the first run starts. Before that, the study's folder must not be changed."""
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.library.set_tracking_uri(f"sqlite:///{(self.folder / 'mlflow.db').absolute()}")
        self.client = self.library.MlflowClient()
        name = f"kerasclf-{self.study.name}"
        known = self.client.get_experiment_by_name(name)
        self.experiment = known.experiment_id if known else self.client.create_experiment(name)

    def begin(self, title: str) -> Any:
        if self.client is None:
            self._connect()
        identity = self.identity(title)
        found = self.client.search_runs([self.experiment], f"tags.identity = '{identity}'", max_results=1)
        if found:
            self.client.update_run(found[0].info.run_id, status="RUNNING")
            return found[0].info.run_id
        run = self.client.create_run(self.experiment, run_name=title, tags={"identity": identity})
        for name, value in self.settings(title).items():
            self.client.log_param(run.info.run_id, name, value)
        return run.info.run_id

    def finished_epoch(self, title: str, row: Row) -> None:
        for name, value in _metrics(row).items():
            self.client.log_metric(self.open[title], name, value, step=int(row["epoch"]))

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        run = self.open.pop(title)
        for name, value in metrics.items():
            self.client.log_metric(run, name, value)
        self.client.set_terminated(run)

    def failed_run(self, title: str, message: str) -> None:
        if title in self.open:
            self.client.set_terminated(self.open.pop(title), status="FAILED")

    def close(self) -> None:
        for run in self.open.values():
            self.client.set_terminated(run, status="KILLED")


_LISTENERS = {"wandb": _WeightsAndBiases, "mlflow": _MLflow, "tensorboard": _TensorBoard}


def _metrics(row: Row) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "epoch"}
