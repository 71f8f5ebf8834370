"""The explanation of a table of comparisons."""

from kerasclf.report.study_results import StudyResults
from kerasclf.wording import in_words

_DIFFERENCE = "Difference: 95 % interval {over}."
_P = (
    "Corrected p: probability of a difference at least this large if both are equally good, adjusted for the number of "
    "comparisons (Holm). Below 5 %, the difference is statistically significant."
)
_VERDICTS = (
    "Equal: the difference is smaller than {margin:g} points (two one-sided tests, corrected). Would find: the "
    "difference that such runs find in four of five studies."
)
_NOT_CORRECTED = "The intervals are not corrected."
_LOOKS = "All p-values allow for the looks at the results after {looks} runs."

_OVER_IMAGES = "over {seeds} and images like these, and over {seeds_alone} alone on these test images"
_OVER_SPLITS = (
    "over splits of the images. The runs of both experiments on one split have the same test images, and are compared "
    "in pairs"
)
# Lessons have one interval and no column for equal experiments.
_OF_LESSONS = "over seeds and images like these; for validation accuracy, over seeds alone"


def legend_of(results: StudyResults) -> str:
    """Returns the explanation of the columns of a table of comparisons."""
    verdicts = "" if results.lessons else _VERDICTS.format(margin=100 * results.margin)
    looks = _LOOKS.format(looks=in_words(results.looks)) if results.looks else ""
    sentences = (_DIFFERENCE.format(over=_source_of_chance(results)), _P, verdicts, _NOT_CORRECTED, looks)
    return " ".join(filter(None, sentences))


def _source_of_chance(results: StudyResults) -> str:
    if results.lessons:
        return _OF_LESSONS
    if any(e.test_images is None for e in results.experiments):
        return _OVER_SPLITS
    splits = results.splits > 1
    return _OVER_IMAGES.format(
        seeds="splits, seeds" if splits else "seeds", seeds_alone="splits and seeds" if splits else "seeds"
    )
