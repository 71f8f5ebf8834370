"""The progress of a study in a terminal and elsewhere."""

import io
import math
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from kerasclf.runs.progress import ConsoleProgress, sparkline

ROW = {"epoch": 1, "loss": 2.0, "accuracy": 0.25, "val_loss": 2.1, "val_accuracy": 0.2, "images_per_second": 1234.0}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([3, 1], "█▁"),
        ([2, 2], "▅▅"),
        ([1, math.nan, 2], "▁ █"),
        ([], ""),
        ([math.inf], " "),
        ([0] * 10 + [1] * 10, "▁▁▁▁▁█████"),
    ],
)
def test_sparkline(values, line):
    assert sparkline(values) == line


def test_a_terminal_shows_the_curves_next_to_the_metrics():
    out = io.StringIO()
    with ConsoleProgress(1, Console(file=out, force_terminal=True, width=200)) as progress:
        progress.began("one", 2, 1, [])
        progress.finished_epoch("one", ROW)
        progress.finished_epoch("one", {**ROW, "epoch": 2, "loss": 1.0, "accuracy": 0.75})
        progress._bars.refresh()
    assert "loss █▁ 1.000 (val. 2.100)  accuracy ▁█ 0.750 (val. 0.200)  1,234 images/s" in out.getvalue()


def test_a_narrow_terminal_shortens_the_metrics_alone():
    out = io.StringIO()
    with ConsoleProgress(9, Console(file=out, force_terminal=True, width=80)) as progress:
        progress.began("flipped seed 1", 6, 1, [])
        progress.finished_epoch("flipped seed 1", ROW)
        progress._bars.refresh()
    line = re.sub(r"\x1b[^m]*m", "", out.getvalue()).replace("\r", "").rpartition("flipped seed 1")[2].splitlines()[0]
    assert re.fullmatch(r" ━+[╸╺]?━+ 1/6 epochs --:-- left  loss ▅ 2\.000 \(va.*… *", line)
    assert line.count("━") >= 20


def test_elsewhere_there_are_plain_lines():
    out = io.StringIO()
    with ConsoleProgress(1, Console(file=out, width=200)) as progress:
        progress.began("one", 2, 1, [])
        progress.finished_epoch("one", ROW)
        progress.failed_run("one", "The disk is full.")
    first, last = out.getvalue().splitlines()
    assert first.startswith("one  epoch 1/2  loss 2.000  accuracy 0.250  val. loss 2.100  val. accuracy 0.200  1,234")
    assert first.endswith(" images/s")  # the first epoch includes the compilation
    assert last == "one  FAILED: The disk is full."


def test_the_time_left_comes_from_all_epochs_but_the_first(monkeypatch):
    out, clock = io.StringIO(), SimpleNamespace(now=0.0)
    monkeypatch.setattr("kerasclf.runs.progress.time", SimpleNamespace(monotonic=lambda: clock.now))
    with ConsoleProgress(1, Console(file=out, width=200)) as progress:
        progress.began("one", 4, 1, [])
        for epoch, clock.now in enumerate((100.0, 102.0, 106.0, 107.0), 1):
            progress.finished_epoch("one", {**ROW, "epoch": epoch})
    ends = [line.rpartition("images/s")[2].strip() for line in out.getvalue().splitlines()]
    assert ends == ["", "4 s left", "3 s left", ""]


def test_a_run_without_a_test_set_has_no_test_accuracy():
    out = io.StringIO()
    with ConsoleProgress(2, Console(file=out, width=200)) as progress:
        cost = {"images_per_second": 1234.0, "seconds": 5.0}
        for title, metrics in (
            ("one", {"test_accuracy": 0.5, "test_loss": 1.25, **cost, "waiting_share": 0.126}),
            ("all", cost),
        ):
            progress.began(title, 2, 1, [])
            progress.finished_run(title, metrics)
    assert out.getvalue().splitlines() == [
        "one  test accuracy 0.5000  loss 1.2500  1,234 images/s (13 % of the time waiting for data)  5 s",
        "all  trained  1,234 images/s  5 s",
    ]


def test_a_resumed_run_says_so_once():
    out = io.StringIO()
    with ConsoleProgress(1, Console(file=out, width=200)) as progress:
        progress.began("one", 4, 1, [ROW])
        progress.began("one", 4, 1, [ROW, ROW])  # its second phase
    assert out.getvalue() == "one  resumes after epoch 1 of 4\n"
