"""Runs a study from look to look at its results, until every comparison is decided: better, worse or equal.

This file lies above all folders of the package: it joins studies, which run, and report, which decides.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from kerasclf.report.findings import comparisons_of, look_sentences, open_comparisons
from kerasclf.report.results_reader import read_results
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.progress import RunListener
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_runner import run_planned_study

# Makes the listener of some runs, which it shows as one piece of work.
Listen = Callable[[StudyPlan], AbstractContextManager[RunListener]]


def run_until_decided(study_plan: StudyPlan, engine: Engine, listen: Listen) -> StudyPlan:
    """Runs a study until every comparison is decided at one of its looks; without looks, runs all of it.

    The decision to stop depends on the runs up to the look alone. A repeated call therefore stops at the same look,
    whatever other runs the folder holds.

    Args:
        study_plan: The plan of all runs.
        engine: Where to execute the runs.
        listen: Makes the listener of the runs between two looks.

    Returns:
        The plan of the last part. Its study has the seeds of all runs that were made.

    Raises:
        RunsFailedError: If some runs failed, now or earlier. All others until the next look are finished.
        FolderError: If the folder is in use or cannot be written to.
    """
    looks = study_plan.study.looks or (len(study_plan.study.seeds),)
    before, part = 0, study_plan
    for runs in looks:
        part = study_plan.between(before, runs)
        with listen(part) as listener:
            run_planned_study(part, engine, listener)
            if study_plan.study.looks and is_decided(part, listener):
                break
        before = runs
    return part


def is_decided(part: StudyPlan, listener: RunListener) -> bool:
    """Returns whether every comparison of a study is decided after a look, and tells the listener how many are open."""
    results = read_results(part.folder.path).part(part.plan.data_of, part.study.seeds)
    comparisons = comparisons_of(results)
    for sentence in look_sentences(results, comparisons):
        listener.log(sentence)
    return not open_comparisons(comparisons)
