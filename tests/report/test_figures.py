"""The figures of a study's report."""

import pytest

from kerasclf.report import read_results
from kerasclf.report.comparisons import against_base, between_neighbours
from kerasclf.report.figures import draw_confusion, draw_differences
from kerasclf.report.themes import THEMES, figure_bytes
from tests.report.run_folders import with_classes, with_correct


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_has_the_same_bytes_every_time(folder, theme):
    results = read_results(folder.path)
    comparisons = against_base(results), between_neighbours(results)
    drawn = [figure_bytes(draw_differences(*comparisons, theme), "svg") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert b"<svg" in drawn[0]


@pytest.mark.parametrize(("correct", "filled"), [(22, True), (25, False)])
def test_only_significant_differences_are_filled(folder, correct, filled):
    results = with_correct(folder, first={0: 9, 1: 10}, second={0: 21, 1: correct})
    comparisons = against_base(results), between_neighbours(results)
    figure = draw_differences(*comparisons)
    dot = figure.axes[0].lines[0]
    assert (dot.get_markerfacecolor() == dot.get_color()) == filled == comparisons[0][0].significant


def test_a_large_confusion_matrix_has_no_class_names(folder):
    run = read_results(folder.path).first_run
    named, bare = (draw_confusion(with_classes(run, count)) for count in (40, 200))
    assert [len(figure.axes[0].get_yticks()) for figure in (named, bare)] == [40, 0]
    assert max(bare.get_size_inches()) < 9
    named.draw_without_rendering()
    boxes = [label.get_window_extent() for label in named.axes[0].get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in zip(boxes[1:], boxes, strict=False))
