"""The figures of a study's report."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kerasclf.report import read_results
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.figures.study_figures import draw_confusion, draw_curves, draw_differences
from kerasclf.report.figures.themes import THEMES, color_of, figure_bytes, line_of
from tests.report.run_folders import with_classes, with_correct


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_has_the_same_bytes_every_time(folder, theme):
    results = read_results(folder.path)
    comparisons = compare_contrasts(results)
    drawn = [figure_bytes(draw_differences(comparisons, theme), "svg") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert b"<svg" in drawn[0]


@pytest.mark.parametrize(("correct", "filled"), [(22, True), (12, False)])
def test_only_significant_differences_are_filled(folder, correct, filled):
    results = with_correct(folder, first={0: 9, 1: 10}, second={0: 21, 1: correct})
    comparisons = compare_contrasts(results)
    figure = draw_differences(comparisons)
    dot = figure.axes[0].lines[0]
    assert (dot.get_markerfacecolor() == dot.get_color()) == filled == comparisons[0].significant


def test_a_large_confusion_matrix_has_no_class_names(folder):
    run = read_results(folder.path).first_run
    named, bare = (draw_confusion(with_classes(run, count)) for count in (40, 200))
    assert [len(figure.axes[0].get_yticks()) for figure in (named, bare)] == [40, 0]
    assert max(bare.get_size_inches()) < 9
    named.draw_without_rendering()
    boxes = [label.get_window_extent() for label in named.axes[0].get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in zip(boxes[1:], boxes, strict=False))


def with_losses(results, **changes):
    """The results with other validation losses: a list for each named experiment, the same for all its runs."""
    changed = [
        replace(e, runs=tuple(replace(run, history=history_of(changes[e.name])) for run in e.runs))
        for e in results.experiments
    ]
    return replace(results, experiments=tuple(changed))


def history_of(losses):
    values = np.asarray(losses, float)
    return pd.DataFrame(
        {"epoch": np.arange(len(values)) + 1, "loss": 1.0 / (np.arange(len(values)) + 1), "val_loss": values,
         "accuracy": 0.5, "val_accuracy": 0.5}
    )  # fmt: skip


def test_a_spike_of_the_loss_is_cut_off_and_marked_at_its_epoch(folder):
    calm, spike = [2.0, 1.5, 1.2, 1.0, 0.9], [2.0, 35.0, 1.5, 1.3, 1.2]
    figure = draw_curves(with_losses(read_results(folder.path), first=calm, second=spike))
    training, validation = figure.axes[:2]
    assert validation.get_ylim() == training.get_ylim()
    assert validation.get_ylim()[1] < 3
    assert [text.get_text() for text in training.texts] == ["▲ above this axis, up to 35"]
    (mark,) = [line for line in validation.lines if line.get_marker() == "^"]
    assert list(mark.get_xdata()) == [2]
    assert mark.get_color() == color_of(1, "light")
    assert not [line for line in training.lines if line.get_marker() == "^"]
    figure_bytes(figure, "png")  # the marks do not break the layout


def test_experiments_with_the_same_values_are_both_seen(folder):
    same = [2.0, 1.5, 1.2]
    figure = draw_curves(with_losses(read_results(folder.path), first=same, second=same))
    below, above = figure.axes[1].lines
    assert list(below.get_ydata()) == list(above.get_ydata())
    assert below.get_linewidth() > above.get_linewidth() + 1
    assert (below.get_linestyle(), above.get_linestyle()) == ("-", "--")


def test_many_experiments_have_different_lines():
    lines = [line_of(index, 24, "light") for index in range(24)]
    assert len({(line["color"], line["linestyle"]) for line in lines}) == 24
    widths = [line["linewidth"] for line in lines]
    assert widths == sorted(widths, reverse=True)
    assert min(widths) >= 1


@pytest.mark.parametrize("narrow", [False, True])
def test_narrow_figures_have_their_panels_below_each_other(folder, narrow):
    results = read_results(folder.path)
    comparisons = compare_contrasts(results)
    for figure in (draw_curves(results, narrow=narrow), draw_differences(comparisons, narrow=narrow)):
        figure.draw_without_rendering()
        assert (figure.get_figwidth() < 5) == narrow
        columns = {round(axes.get_position().x0, 2) for axes in figure.axes}
        assert len(columns) == (1 if narrow else min(2, len(figure.axes)))
    labels = [axes.get_ylabel() for axes in draw_curves(results, narrow=narrow).axes]
    assert labels[0] == "Loss (cross-entropy;\nlower is better)"


def test_a_narrow_figure_names_two_experiments_in_two_lines(folder):
    results = read_results(folder.path)
    figure = draw_differences(compare_contrasts(results), narrow=True)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["second\n− first"]
