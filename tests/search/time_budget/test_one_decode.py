"""Training within a time budget decodes each photograph once, for the features of all networks and the runs."""

from collections import Counter

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.data import FileImages, listings
from kerasclf.data.pixels import decode, image_store
from kerasclf.report import read_results
from kerasclf.runs.progress import SilentRunListener
from kerasclf.search.search_budget import Clock
from kerasclf.search.time_budget.budget_record import BudgetFolder
from kerasclf.search.time_budget.timed_training import TimedTraining
from kerasclf.search.time_budget.train_within import train_within
from kerasclf.transfer import Transfer
from tests.photos import add_images

PHOTOS, NETWORKS = 3 * 12, ("mlp", "basenet")


@pytest.fixture
def decoded(monkeypatch):
    """How often each file is decoded."""
    times = Counter()

    def read_file(self, path, compared=False):
        times[path] += 1
        return decode.read_image(path, self.size, self.channels, self.fit, compared)

    monkeypatch.setattr(FileImages, "read_file", read_file)
    return times


@pytest.mark.slow
@pytest.mark.parametrize("limit", [listings.IN_MEMORY_LIMIT, 0], ids=["in memory", "on demand"])
def test_each_photograph_is_decoded_once_for_all_networks(tmp_path, monkeypatch, decoded, limit):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    monkeypatch.setattr(image_store, "MIN_FILES", 1)  # as for a set of a thousand photographs
    # The first run reads its images as all others do.
    monkeypatch.setattr(TimedTraining, "_train_more", lambda *arguments: None)
    add_images(tmp_path / "photos", 12)
    candidates = [
        Experiment(
            data=f"folder:{tmp_path / 'photos'}", model=name, image_size=(16, 16), split=Split(validation=0.25),
            transfer=Transfer("none"), model_args={"head": ()}, train=TrainConfig(),
        )
        for name in NETWORKS
    ]  # fmt: skip
    folder = BudgetFolder(tmp_path / "out", 600)
    train_within(candidates, folder, Clock(folder, 600), 0, SilentRunListener())
    assert {one.network for one in folder.attempts if one.step == "features" and one.accuracy is not None} == {
        *NETWORKS
    }
    assert len(read_results(tmp_path / "out").experiments) == 1
    assert len(decoded) == PHOTOS
    assert set(decoded.values()) == {1}
