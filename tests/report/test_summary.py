"""The table of a study."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kerasclf.report import read_results, summarise
from kerasclf.report.summary import published_text
from tests.report.run_folders import with_top5


def test_the_table_has_means_and_standard_deviations(folder):
    table = summarise(read_results(folder.path)).set_index("experiment")
    assert table.loc["first", "test_accuracy"] == pytest.approx(0.5)
    assert table.loc["first", "test_accuracy_std"] == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert table.loc["first", "published_loss"] == 1.25
    assert pd.isna(table.loc["second", "published_accuracy"])
    assert table["runs"].tolist() == [2, 2]
    assert set(table["data"]) == {"shapes (drawn)"}
    assert not table["comparable"].any()


def test_a_reduced_form_is_marked(folder):
    results = read_results(folder.path)
    assert not summarise(results)["reduced"].any()
    assert summarise(replace(results, study={**results.study, "reductions": ["8 epochs instead of 50"]}))[
        "reduced"
    ].all()


def test_published_wording_has_a_column_if_there_is_one(folder):
    results = read_results(folder.path)
    published = {"accuracy": 0.5, "loss": None, "wording": "about 50 %"}
    worded = replace(
        results, experiments=(replace(results.experiments[0], published=published), results.experiments[1])
    )
    assert summarise(worded)["published_wording"].dropna().tolist() == ["about 50 %"]
    assert "published_wording" not in summarise(results)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"published_accuracy": 0.5, "published_wording": "about 50 %"}, "about 50 %"),
        ({"published_accuracy": 0.5, "published_wording": None}, "0.5000"),
        ({"published_accuracy": 0.5}, "0.5000"),
        ({"published_accuracy": None}, "–"),
        ({"published_accuracy": float("nan")}, "–"),
    ],
)
def test_a_published_accuracy_is_shown_in_its_original_wording(row, text):
    assert published_text(row) == text


def test_top5_accuracy_has_a_column_if_a_run_has_it(folder):
    results = read_results(folder.path)
    table = summarise(with_top5(results, None, 0.9375)).set_index("experiment")["test_top5_accuracy"]
    assert pd.isna(table["first"])
    assert table["second"] == 0.9375
    assert "test_top5_accuracy" not in summarise(results)
