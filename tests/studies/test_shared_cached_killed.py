"""Runs that are shared, cached, killed and resumed equal runs alone that compute all of it, to the bit."""

import pytest

from tests.photos import add_images
from tests.studies.killable import cached_study
from tests.studies.kills import check_outcomes, finish, kill, outcome, start, wait_for

KILLABLE = "tests.studies.killable"
NAMES = ("head_8", "head_20", "pixels_8", "pixels_20")


@pytest.mark.slow
def test_shared_cached_and_killed_runs_equal_runs_alone(tmp_path, monkeypatch):
    """They are killed twice, with their workers or without: in the first epochs, and later, from cached activations."""
    photos = tmp_path / "photos"
    add_images(photos, 340)  # enough to prepare them
    monkeypatch.setenv("KILLABLE_PHOTOS", str(photos))
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", "0")
    alone = finish(KILLABLE, tmp_path / "alone", *NAMES, "--no-share", "--no-cache")
    assert "prepared images" not in alone and not (tmp_path / "cache" / "activations").exists()

    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", "1")
    together = (KILLABLE, tmp_path / "together", *NAMES)
    for epoch, with_workers in ((2, True), (12, False)):
        process = start(*together)
        wait_for(process, "head_20", f"epoch {epoch}/20")
        kill(process, with_workers)
    log = finish(*together)
    assert "prepared images: 1,020 found, 0 added" in log
    assert "  resumes after epoch " in log
    assert (tmp_path / "cache" / "activations").exists()
    expected = outcome(tmp_path / "alone", cached_study(photos, "off").experiments)
    check_outcomes(outcome(tmp_path / "together", cached_study(photos).experiments), expected)
    taken = [line for line in log.splitlines() if "epochs trained by" in line]
    assert taken
