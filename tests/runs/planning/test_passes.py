"""Runs that start from the same network share a pass of the images through its frozen part."""

import pytest

from kerasclf import Augmentation, Experiment, Study, TrainConfig, run_study
from kerasclf.data.splits import Split
from kerasclf.files.cache_folders import cache_root
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.planning.passes import unfreeze_to_cache
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions
from kerasclf.transfer import Transfer
from kerasclf.transfer.cache import cached

BIRDS = declare("birds", options=StudyOptions(weights="none")).experiments
OTHERS = (("head", "all"), ("head", "last_stage"), ("head", "last15"), ("head", "last22"), ("head", "last30"))
LAST = TrainConfig(epochs=1, unfreeze="last1", jit=False)
ONE = Experiment(
    data="shapes",
    model="default_conv",
    split=Split(train_per_class=20, test_per_class=4),
    transfer=Transfer("none", engine="tensorflow"),
    train=LAST,
)


def test_a_run_knows_what_all_runs_that_start_alike_unfreeze():
    runs = [(experiment, 0) for experiment in BIRDS.values()]
    assert unfreeze_to_cache(runs[0], runs) == OTHERS
    # All sequences but its own.
    assert unfreeze_to_cache(runs[2], runs) == (
        ("head",),
        *(phases for phases in OTHERS if phases != ("head", "last_stage")),
    )


def test_random_weights_differ_between_seeds():
    features, tuned = BIRDS["features"], BIRDS["head_then_last_stage"]
    assert unfreeze_to_cache((features, 0), [(tuned, 0)]) == (("head", "last_stage"),)
    assert unfreeze_to_cache((features, 0), [(tuned, 1)]) == ()
    pretrained = [experiment.but(transfer=Transfer("imagenet")) for experiment in (features, tuned)]
    assert unfreeze_to_cache((pretrained[0], 0), [(pretrained[1], 1)]) == (("head", "last_stage"),)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "resnet50v2"},
        {"image_size": (96, 96)},
        {"transfer": Transfer("none", engine="tensorflow")},
        {"augmentation": Augmentation(rescale=1 / 255)},
        {"train": BIRDS["features"].train.but(precision="float32")},
    ],
)
def test_runs_that_start_differently_share_nothing(change):
    assert unfreeze_to_cache((BIRDS["features"], 0), [(BIRDS["features"].but(**change), 0)]) == ()


class Log(SilentRunListener):
    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


@pytest.mark.slow
def test_the_first_run_of_a_study_computes_the_activations_of_all(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    unfrozen = {"dense": "from:conv2_pool", "convolution": "last1"}
    experiments = {name: ONE.but(train=LAST.but(unfreeze=layer)) for name, layer in unfrozen.items()}
    study = Study("small", "Small", "Which?", experiments)
    listener = Log()
    run_study(study, tmp_path / "out", engine=Inline(), listener=listener)
    passes = [line for line in listener.lines if "computing" in line]
    assert len(passes) == 3  # of the training, validation and test set, all in the first run
    assert all(" in one pass: " in line for line in passes)
    kept = list(cached(cache_root()))
    assert len(kept) == 2
    assert len({entry.images for entry in kept}) == 1
