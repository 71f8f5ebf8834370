"""Sentences on the limits of a study's results: what is missing, reduced or not comparable."""

from kerasclf.report.study_results import StudyResults
from kerasclf.wording import counted, in_words

_REDUCED = "The study was reduced: {}."
_OTHER_NETWORKS = "The study ran with the pretrained {} instead of its own {}."
_QUICK = "This is the quick size: few images and two epochs. It tests the workflow; its results mean nothing."
RANDOM_WEIGHTS = (
    "The networks started from random weights (--weights none), not from pretrained weights. Their frozen layers have "
    "not learnt anything: the results show the workflow and its cost, not the benefit of transfer learning."
)


def caution(results: StudyResults) -> str:
    """Sentences on the limits of the results, or the empty string."""
    if results.size == "quick":
        found = [_QUICK, _networks_note(results), *_weights_note(results), _missing_note(results)]
    else:
        found = [_networks_note(results), _reduction_note(results), _data_note(results), _missing_note(results)]
    return " ".join(filter(None, found))


def splits_note(results: StudyResults) -> str:
    """How many splits of the images the runs have, and what that means for the intervals."""
    made = max(len(e.by_split) for e in results.experiments)
    if made == 1:
        return "All runs have one split of the images."
    start = f"On {made} splits of the images"
    means = "The runs on one split count as one, with their mean."
    if all(e.test_images is not None for e in results.experiments):
        return f"{start}: the validation set is drawn anew for each, and the test images are the same. {means}"
    return (
        f"{start}, each with its own test set. {means} Their training sets overlap, for which the intervals are "
        "widened (Nadeau and Bengio 2003)."
    )


def groups_note(results: StudyResults) -> str:
    """How many groups the test images have, and what that means for the intervals; empty without groups."""
    groups = results.experiments[0].runs[0].groups
    if groups is None:
        return ""
    return (
        f"The {len(groups):,} test images are of {groups.max() + 1:,} groups, none of which is in another set. The "
        "intervals are over groups like these, because the images of a group are alike."
    )


def shared_note(results: StudyResults) -> str:
    """What the runs took together if some shared their first epochs; empty if none did."""
    metrics = [run.metrics for run in results.all_runs]
    shared = sum("seconds_taken" in run for run in metrics)
    if not shared:
        return ""
    alone = sum(run["seconds"] for run in metrics)
    taken = sum(run.get("seconds_taken", run["seconds"]) for run in metrics)
    return (
        f"Seconds are those of a run alone. {counted(shared, 'run')} took epochs from other runs, which train "
        f"alike up to there: all runs together took {taken:,.0f} s instead of {alone:,.0f} s."
    )


def _missing_note(results: StudyResults) -> str:
    """Sentences on the runs of the study that are not finished, or the empty string."""
    planned, finished = len(results.study["seeds"]), {e.name: len(e.runs) for e in results.experiments}
    absent = [name for name in results.study["experiments"] if not finished.get(name)]
    missing = {name: planned - count for name, count in finished.items() if count < planned}
    notes = [f"No run of {in_words(absent)} is finished."] if absent else []
    if missing:
        of = in_words([f"{counted(count, 'run')} of {name}" for name, count in missing.items()])
        are = "is" if sum(missing.values()) == 1 else "are"
        begun = counted(planned * len(finished), "run")
        notes.append(f"Of {'the other ' if absent else ''}{begun}, {sum(missing.values())} {are} not finished: {of}.")
    notes += [f"The run of {which} failed and counts in no result. {why}" for which, why in results.failures.items()]
    return " ".join(notes)


def _networks_note(results: StudyResults) -> str:
    networks = results.study.get("backbones")
    if not networks:
        return ""
    return _OTHER_NETWORKS.format(in_words(networks), in_words(results.study["own_backbones"]))


def _reduction_note(results: StudyResults) -> str:
    reductions = results.study["reductions"]
    return _REDUCED.format("; ".join(reductions)) if reductions else ""


def _data_note(results: StudyResults) -> str:
    """Sentences on why the published figures are not comparable, or the empty string if they are."""
    if not results.study["published"] or results.comparable:
        return " ".join(_weights_note(results))
    source = results.study["published_data"].replace("folder", "the author's own images")
    same_data = results.is_same_data(results.first_run)
    notes = [*_weights_note(results), *_fit_note(results)]
    if same_data and (notes or _reduction_note(results) or _networks_note(results)):
        return " ".join([*notes, "The published figures are not comparable."])
    all_of = "all of " if same_data else ""
    return " ".join(
        [
            f"The results are measured on {results.data_title}. The published figures were measured on "
            f"{all_of}{source} and are not comparable.",
            *notes,
        ]
    )


def _weights_note(results: StudyResults) -> list[str]:
    """A sentence if a network that is usually pretrained started from random weights."""
    weights = [e.experiment.transfer.weights for e in results.experiments if e.experiment.transfer]
    return [RANDOM_WEIGHTS] if "none" in weights else []


def _fit_note(results: StudyResults) -> list[str]:
    """A sentence if images keep their aspect ratio. Those of the declared studies do not."""
    fits = sorted({e.experiment.fit for e in results.experiments} - {"squash"})
    return [f"The images keep their aspect ratio (fit {in_words(fits)}), unlike those of the study."] if fits else []
