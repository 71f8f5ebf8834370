"""What is checked of experiments before any image is read."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.transfer import Transfer

HEAD = TrainConfig(unfreeze="head")
VIEWED = Experiment(
    data="folder:x",
    model="mobilenet_v2",
    augmentation=Augmentation(horizontal_flip=True),
    transfer=Transfer("none", views=2),
    train=HEAD,
)


@pytest.mark.parametrize(
    ("accepted", "refused", "message"),
    [
        (
            {},
            {"transfer": Transfer("none", views=2, cache="off")},
            r"transfer\.views: expected 0 without a cache, which holds the views\. Received: 2\.",
        ),
        (
            {"train": TrainConfig(), "earlier_phases": (HEAD,)},
            {"train": TrainConfig()},
            r"transfer\.views: expected a phase that freezes layers, .* Received: 2 views, and no frozen layer\.",
        ),
    ],
)
def test_only_views_that_would_be_ignored_are_refused(accepted, refused, message):
    viewed = {"viewed": VIEWED.but(**accepted)}
    check_early(viewed)
    with pytest.raises(KerasclfError, match=message):
        check_early({**viewed, "ignored": VIEWED.but(**refused)})


@pytest.fixture
def file_as_cache(tmp_path, monkeypatch):
    """A folder of caches that cannot be made: a file is in its place."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file"


def test_a_cache_that_cannot_be_written_is_refused_with_the_remedies(file_as_cache):
    with pytest.raises(KerasclfError) as caught:
        check_early({"viewed": VIEWED, "other": VIEWED.but(train=HEAD.but(epochs=3))})
    assert str(caught.value) == (
        f"The activations of the frozen layers cannot be cached in {file_as_cache}/cache/activations: {file_as_cache} "
        "is no folder. Set KERASCLF_CACHE to another folder."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"transfer": Transfer("none", cache="off")},
        {"transfer": Transfer("none")},  # random images have other activations in every epoch
        {"transfer": Transfer("none"), "augmentation": Augmentation(), "train": TrainConfig()},
        {"transfer": None, "train": TrainConfig()},
    ],
    ids=["off", "random", "nothing frozen", "not pretrained"],
)
@pytest.mark.usefixtures("file_as_cache")
def test_experiments_without_cached_activations_need_no_folder_for_them(changes):
    check_early({"one": VIEWED.but(**changes)})


def test_a_cache_that_only_others_may_write_to_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(KerasclfError, match="you have no permission to write to"):
        check_early({"viewed": VIEWED})
    (tmp_path / "activations").mkdir()
    check_early({"viewed": VIEWED})


@pytest.mark.usefixtures("file_as_cache")
def test_a_phase_with_frozen_layers_before_others_needs_the_cache():
    with pytest.raises(KerasclfError, match="cannot be cached"):
        check_early({"then all": VIEWED.but(train=TrainConfig(), earlier_phases=(HEAD,))})
