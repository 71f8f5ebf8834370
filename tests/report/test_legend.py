"""The explanation of a table of comparisons names the columns of the table, and the sources of chance."""

from types import SimpleNamespace

from kerasclf.report.legend import legend_of


def results(**changes):
    usual = {"lessons": {}, "looks": (), "splits": 1, "margin": 0.02, "experiments": [SimpleNamespace(test_images=5)]}
    return SimpleNamespace(**{**usual, **changes})


def test_two_intervals_and_the_verdict_are_explained():
    legend = legend_of(results())
    assert legend.startswith(
        "Difference: 95 % interval over seeds and images like these, and over seeds alone on these test images. "
    )
    assert "Equal: the difference is smaller than 2 points" in legend
    assert legend.endswith("The intervals are not corrected.")


def test_splits_that_share_a_test_set_are_a_source_of_chance():
    over = "over splits, seeds and images like these, and over splits and seeds alone on these test images. "
    assert over in legend_of(results(splits=3))


def test_lessons_explain_no_columns_that_their_table_lacks():
    legend = legend_of(results(lessons={"flaw": None}, looks=(3, 5)))
    assert legend.startswith(
        "Difference: 95 % interval over seeds and images like these; for validation accuracy, over seeds alone. "
    )
    assert "Equal" not in legend
    assert "Would find" not in legend
    assert legend.endswith("All p-values allow for the looks at the results after 3 and 5 runs.")
