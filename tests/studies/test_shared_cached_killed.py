"""Runs that are shared, cached, killed and resumed equal runs alone."""

import numpy as np
import pandas as pd
import pytest

from kerasclf.studies.study_folder import StudyFolder
from tests.photos import add_images
from tests.studies.killable import cached_study
from tests.studies.kills import check_outcomes, finish, kill, outcome, start, wait_for

KILLABLE = "tests.studies.killable"
HEADS = ("head_8", "head_20")
NAMES = (*HEADS, "pixels_8", "pixels_20")


@pytest.mark.slow
def test_shared_cached_and_killed_runs_equal_runs_alone(tmp_path, monkeypatch):
    """They are killed twice, with their workers or without: in the first epochs, and later, from cached activations."""
    photos = tmp_path / "photos"
    add_images(photos, 340)  # enough to prepare them
    monkeypatch.setenv("KILLABLE_PHOTOS", str(photos))
    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", "0")
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache_alone"))
    uncached = finish(KILLABLE, tmp_path / "uncached", *HEADS, "--no-share", "--no-cache")
    assert not (tmp_path / "cache_alone" / "activations").exists()
    alone = finish(KILLABLE, tmp_path / "alone", *NAMES, "--no-share")
    assert "prepared images" not in uncached + alone

    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
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
    experiments = cached_study(photos).experiments
    check_outcomes(outcome(tmp_path / "together", experiments), outcome(tmp_path / "alone", experiments))
    assert "epochs trained by" in log

    # On some processors the last digits of a convolution depend on the number of images that pass together.
    for name, experiment in cached_study(photos, "off").experiments.items():
        if name in HEADS:
            through_all = predictions(tmp_path / "uncached", name, experiment)
            np.testing.assert_allclose(predictions(tmp_path / "alone", name, experiments[name]), through_all, atol=1e-5)


def predictions(folder, name, experiment):
    """Returns the numbers in the predictions of a run."""
    run = StudyFolder(folder).run(name, experiment.identity, 0)
    return pd.read_csv(run.path / "predictions.csv").select_dtypes("number").to_numpy()
