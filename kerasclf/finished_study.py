"""`run_study` and `FinishedStudy`: run a study from Python, and look at its results in a notebook.

This file lies above all folders of the package: it joins studies, which run, and report, which reads them.
"""

import contextlib
import html
import shutil
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from kerasclf.errors import FolderError, KerasclfError, unknown
from kerasclf.explained_study import explain_study
from kerasclf.looks import run_until_decided
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.course import illustration_figures
from kerasclf.report.figures.study_figures import draw_confusion
from kerasclf.report.findings import findings
from kerasclf.report.lessons import lessons_of
from kerasclf.report.model_card import write_model_card
from kerasclf.report.results_reader import read_results
from kerasclf.report.study_notes import caution
from kerasclf.report.study_page import study_figures, write_report
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import summarise
from kerasclf.runs.default_progress import default_log, default_progress
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.engines.local_engines import Processes
from kerasclf.runs.progress import RunListener
from kerasclf.studies.illustrations import illustrate_study
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_options import repeat
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_runner import plan_study

_COLUMNS = (
    "runs", "test_accuracy", "test_accuracy_std", "test_accuracy_low", "test_accuracy_high", "validation_accuracy",
    "validation_accuracy_std", "test_loss", "epochs", "seconds", "images_per_second",
)  # fmt: skip


class _WholeTable(pd.DataFrame):
    """A table that is printed with all its columns. pandas leaves out those that a terminal has no room for."""

    def __repr__(self) -> str:
        width = shutil.get_terminal_size().columns
        return self.to_string(float_format="{:.4g}".format, na_rep="–", line_width=width)


class FinishedStudy(StudyFolder):
    """The folder of a study that has run, with its results as tables and figures.

    A notebook shows it as the table of its experiments. Everything is read from the folder at each call.

    Args:
        path: Folder that `run_study` or `kerasclf study` wrote.

    Example:
        ```
        study_folder = FinishedStudy("runs/flips")
        study_folder.table()
        study_folder.figure("curves")
        ```
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(Path(path))

    def results(self) -> StudyResults:
        """Returns all results, run by run.

        Raises:
            FolderError: If the folder holds no study or no finished run.
        """
        return read_results(self.path)

    def table(self) -> pd.DataFrame:
        """Returns one row per experiment, with means and standard deviations (`_std`) over its runs.

        The values are those of the report; accuracies are shares from 0 to 1. `test_accuracy_low` and
        `test_accuracy_high` are the 95 % interval. `kerasclf.report.summarise` returns all columns of summary.csv.

        Raises:
            FolderError: If the folder holds no study or no finished run.
        """
        return _WholeTable(summarise(self.results()).set_index("experiment")[list(_COLUMNS)])

    def findings(self) -> list[str]:
        """Returns the findings of the report: sentences on the differences, with their intervals and p-values.

        Raises:
            FolderError: If the folder holds no study or no finished run.
        """
        results = self.results()
        return findings(results, compare_contrasts(results), lessons_of(results))

    def figure(self, name: str = "curves", theme: str = "light") -> Figure:
        """Returns a figure of the report as a matplotlib figure, which a notebook shows.

        Args:
            name: `"bars"`, `"curves"`, `"differences"` (with two experiments or more), or `"confusion_EXPERIMENT"`.
                After `illustrate`, also `"decision"`, or `"kernels"`, `"features"` and `"attention"`.
            theme: `"light"` or `"dark"`.

        Raises:
            KerasclfError: If the study has no figure of this name.
        """
        results = self.results()
        confusion = {f"confusion_{experiment.name}": experiment for experiment in results.experiments}
        if name in confusion:
            return draw_confusion(confusion[name], theme)
        draws = study_figures(results, compare_contrasts(results), lessons_of(results))
        draws |= illustration_figures(self.path)
        if name not in draws:
            raise KerasclfError(unknown("figure", name, [*draws, *confusion]))
        return draws[name](theme, False)

    def write_report(self, out: Path | str | None = None) -> Path:
        """Writes the report of the study and the card of its chosen model, and returns the path of the report's page.

        Args:
            out: Folder of the report; None for `report` in the folder of the study.
        """
        with contextlib.suppress(FolderError, OSError):  # without the file of the model there is no card
            write_model_card(self.path)
        return write_report(self.results(), self.path / "report" if out is None else out)

    def explain(self) -> None:
        """Computes heat maps and nearest training images of the chosen run, which `write_report` then shows.

        Networks without feature maps have none. `kerasclf train` and `kerasclf study` do this themselves.
        """
        explain_study(self.results(), self.path, default_log())

    def illustrate(self) -> None:
        """Computes the decision line of `course-perceptron`, or the kernels and feature maps of `course-cnn`.

        `figure` then draws them. Other studies have no illustration.
        """
        illustrate_study(self)

    def _repr_html_(self) -> str:
        try:
            results = self.results()
        except FolderError:  # nothing has run yet
            return f"<code>{html.escape(repr(self))}</code>"
        limits = caution(results)
        shown = f"<p>{html.escape(limits)}</p>" if limits else ""
        table = self.table().to_html(float_format="{:.4g}".format, na_rep="–", border=0)
        return f"<p><b>{html.escape(results.study['title'])}</b></p>{table}{shown}"


def run_study(
    study: Study,
    out: Path | str,
    *,
    repeats: int | tuple[int, int] | None = None,
    only: tuple[str, ...] = (),
    engine: Engine | None = None,
    retry: bool = False,
    share: bool = True,
    listener: RunListener | None = None,
) -> FinishedStudy:
    """Runs a study in a folder, except for the runs that the folder already holds.

    Data, experiments and folder are checked before the first training. Interrupted runs resume after their last
    epoch. Finished runs are not repeated.

    Args:
        study: The study to run.
        out: Folder of the study, which is created if needed.
        repeats: Number of runs of each experiment, instead of the study's seeds. `(3, 10)` looks at the results after
            3, 5 and 10 runs, and stops when every comparison is decided. The p-values allow for the looks.
        only: Names of the experiments to run; all if empty.
        engine: Where to execute the runs; None uses one process per run.
        retry: Whether to try failed runs again.
        share: Whether runs that train alike up to the end of the shorter one are one training. Their results are
            bit-identical to those of runs alone.
        listener: Receives the progress of the runs. None shows it in a terminal and in a notebook, and nothing
            elsewhere; `kerasclf.runs.progress.SilentRunListener()` shows nothing.

    Returns:
        The folder, with its results as tables and figures.

    Raises:
        RunsFailedError: If some runs failed. All others are finished.
        KerasclfError: If something cannot be used. Nothing was run.

    Example:
        >>> import tempfile
        >>> from kerasclf import Augmentation, Experiment, Study, TrainConfig, run_study
        >>> from kerasclf.runs.engines import Inline
        >>> scaled = Augmentation(rescale=1 / 255)
        >>> base = Experiment(data="digits", model="mlp", augmentation=scaled, train=TrainConfig(epochs=1))
        >>> study = Study("digits", "Digits", "Can one epoch suffice?", {"one_epoch": base})
        >>> with tempfile.TemporaryDirectory() as out:
        ...     study_folder = run_study(study, out, engine=Inline())
        ...     table = study_folder.table()
        >>> int(table.loc["one_epoch", "runs"]), bool(table.loc["one_epoch", "test_accuracy"] > 0.2)
        (1, True)
    """
    study = study if repeats is None else repeat(study, repeats)
    engine = engine or Processes()
    log = listener.log if listener else default_log()

    def listen(part: StudyPlan) -> contextlib.AbstractContextManager[RunListener]:
        return contextlib.nullcontext(listener) if listener else default_progress(len(part.jobs))

    study_plan = plan_study(study, out, only=only, engine=engine, retry=retry, share=share, log=log, measure=False)
    return FinishedStudy(run_until_decided(study_plan, engine, listen).folder.path)
