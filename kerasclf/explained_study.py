"""Explains a study: computes the heat maps and the nearest training images that the report of a study shows.

This file lies above all folders of the package: it joins report, which chooses the run, and studies, which explain it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from kerasclf.log import Log
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.studies.explanations import explain_run, read_explanations
from kerasclf.studies.study_folder import StudyFolder


def explain_study(results: StudyResults, path: Path, log: Log = lambda line: None) -> StudyResults:
    """Returns the results of a study with explanations of its chosen run, and stores them in the study's folder.

    Explanations that the folder already has stay. A study of the quick size has none: its results mean nothing.

    Args:
        results: The results.
        path: The study's folder.
        log: Receives why there are none, if they cannot be computed.
    """
    return start_explaining(results, path, log, Inline())()


def start_explaining(results: StudyResults, path: Path, log: Log, engine: Engine) -> Callable[[], StudyResults]:
    """Starts `explain_study`, and returns a function that waits for its result."""
    run = results.chosen.runs[0]
    identity = results.chosen.experiment.on_split(run.seed, results.splits).identity
    found = results.explanations
    is_explained = found is not None and found.explains(identity, run.seed, run.description["finished"])
    if results.size == "quick" or is_explained:
        return lambda: results
    folder = StudyFolder(path).run(results.chosen.name, identity, run.seed).path

    def fail(error: Exception) -> StudyResults:  # the report is written all the same, whatever fails here
        log(f"the report has no heat maps: {str(error).strip() or type(error).__name__}")
        return results

    def explained() -> StudyResults:
        try:
            nothing = wait()
        except Exception as error:
            return fail(error)
        return results if nothing else replace(results, explanations=read_explanations(path))

    try:
        wait = engine.start(explain_run, str(folder.absolute()), identity, str(path.absolute()))
    except Exception as error:
        return partial(fail, error)
    return explained
