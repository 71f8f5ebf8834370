"""The explanation of a table of comparisons."""

from kerasclf.report.study_results import StudyResults
from kerasclf.wording import in_words

_LEGEND = (
    "Difference: 95 % interval {over}. Corrected "
    "p: probability of a difference at least this large if both are equally good, adjusted for the number of "
    "comparisons (Holm); below 5 % the difference is statistically significant. Equal: the difference is smaller than "
    "{margin:g} points (two one-sided tests, corrected). Would find: the difference that such runs find in four of "
    "five studies. The intervals are not corrected."
)


_OVER_IMAGES = "over seeds and images like these, and over seeds alone on these test images"
_OVER_SPLITS = (
    "over splits of the images. The runs of both experiments on one split have the same test images, and are compared "
    "in pairs"
)


def legend_of(results: StudyResults) -> str:
    """Returns the explanation of the columns of a table of comparisons."""
    on_own_images = any(e.test_images is None for e in results.experiments)
    legend = _LEGEND.format(over=_OVER_SPLITS if on_own_images else _OVER_IMAGES, margin=100 * results.margin)
    if not results.looks:
        return legend
    return f"{legend} All p-values allow for the looks at the results after {in_words(results.looks)} runs."
