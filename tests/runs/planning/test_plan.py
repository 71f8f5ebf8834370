"""Plans: what is checked before anything runs, and in which order."""

import time
from pathlib import Path

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, TrainConfig, models
from kerasclf.data.pixels.image_fit import FITS
from kerasclf.data.snapshot import read_snapshot
from kerasclf.errors import DataError, KerasclfError
from kerasclf.machine.resources import usable_cores
from kerasclf.models.weights import pretrained
from kerasclf.runs.planning.plan import PlanRequest, make_plan
from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions
from kerasclf.training import rehearsal
from kerasclf.transfer import Transfer
from tests.photos import add_images
from tests.runs.planning.test_measuring import REHEARSAL


def plan(**fields):
    experiment = Experiment(data="shapes", model="mobilenet_v2", image_size=(32, 32), **fields)
    return make_plan(PlanRequest({"one": experiment}), lambda line: None)


def test_a_pretrained_network_never_trains_from_random_weights_by_accident():
    with pytest.raises(KerasclfError, match="one: expected a transfer for the pretrained network mobilenet_v2"):
        plan()


def test_a_network_without_softmax_is_refused():
    with pytest.raises(KerasclfError, match=r"one: expected classifier_activation 'softmax'.*Received: None\."):
        plan(transfer=Transfer("none"), model_args={"classifier_activation": None})


@pytest.mark.slow
def test_a_cut_that_the_network_does_not_have_is_found_before_training():
    with pytest.raises(KerasclfError, match=r"mobilenet_v2 has no stage 40\. Stages: stage1, stage2"):
        plan(transfer=Transfer(weights="none"), train=TrainConfig(unfreeze="stage40"))


def test_a_missing_weights_file_is_found_before_images_are_read():
    experiment = Experiment(data="shapes", model="mobilenet_v2", transfer=Transfer(weights="/nowhere/w.keras"))
    with pytest.raises(KerasclfError, match=r"/nowhere/w\.keras', which does not exist"):
        make_plan(PlanRequest({"one": experiment}), pytest.fail)


def test_xla_on_two_devices_is_refused_before_images_are_read():
    several = TrainConfig(jit=True, strategy="mirrored", steps_per_execution=2)
    experiment = Experiment(data="shapes", model="mlp", train=several)
    with pytest.raises(KerasclfError, match="jit: expected False or 'auto' for a training on 2 devices"):
        make_plan(PlanRequest({"one": experiment, "other": experiment.but(model="basenet")}), pytest.fail)


def test_a_wrong_path_is_found_before_weights_are_fetched():
    experiment = Experiment(data="folder:/nowhere/photos", model="mobilenet_v2", transfer=Transfer("imagenet"))
    with pytest.raises(KerasclfError, match=r"^The folder /nowhere/photos does not exist"):
        make_plan(PlanRequest({"one": experiment}), pytest.fail)


@pytest.mark.parametrize(
    ("model", "arguments", "augmentation", "warned"),
    [
        ("efficientnet_lite0", {}, Augmentation(rescale=1 / 255), True),
        ("mobilenet_v2", {}, Augmentation(featurewise_center=True), True),
        ("squeezenet1_1", {"preprocess": "imagenet"}, Augmentation(samplewise_center=True), True),
        ("efficientnet_lite0", {"preprocess": None}, Augmentation(rescale=1 / 255), False),
        ("efficientnet_lite0", {}, Augmentation(horizontal_flip=True), False),
        ("basenet", {}, Augmentation(rescale=1 / 255), False),
    ],
)
def test_pixels_that_are_normalised_twice_are_told(model, arguments, augmentation, warned):
    lines = []
    experiment = Experiment(
        data="folder:/nowhere", model=model, model_args=arguments, augmentation=augmentation, transfer=Transfer("none")
    )
    with pytest.raises(KerasclfError, match="/nowhere does not exist"):  # told before any image is read
        make_plan(PlanRequest({"one": experiment}), lines.append)
    expected = (
        f"one: the augmentation normalises pixels, and {model} normalises them again. Leave out rescale, "
        "preprocessing_function, and the samplewise, featurewise and ZCA fields."
    )
    assert lines == [expected] * warned


def test_a_deliberate_flaw_is_not_told():
    twice = Experiment(
        data="folder:/nowhere",
        model="mobilenet_v2",
        augmentation=Augmentation(rescale=1 / 255),
        transfer=Transfer("none"),
    )
    lines = []
    with pytest.raises(KerasclfError, match="/nowhere does not exist"):
        make_plan(PlanRequest({"lesson": twice, "mistake": twice}, flawed=("lesson",)), lines.append)
    (line,) = lines
    assert line.startswith("mistake: the augmentation normalises pixels")


def test_a_table_is_not_augmented():
    experiment = Experiment(data="iris", model="mlp", augmentation=Augmentation(horizontal_flip=True))
    with pytest.raises(KerasclfError, match=r"flipped: expected no random augmentation and no transfer on .*a table"):
        make_plan(PlanRequest({"flipped": experiment}), lambda line: None)


@pytest.mark.slow
def test_more_classes_than_a_run_folder_may_have_are_refused(tmp_path):
    labels = np.tile(np.arange(10_001), 3)
    np.savez(tmp_path / "many.npz", x_train=np.zeros((len(labels), 1, 1), np.uint8), y_train=labels)
    experiment = Experiment(data=f"npz:{tmp_path / 'many.npz'}", model="mlp")
    with pytest.raises(DataError, match=r"many\.npz: expected at most 10,000 classes\. Received: 10,001\."):
        make_plan(PlanRequest({"one": experiment}), lambda line: None)


def test_grey_images_are_refused_before_anything_runs(tmp_path):
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / "grey" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (32, 32), 20 * i).save(tmp_path / "grey" / name / f"{i}.png")
    colours = Experiment(data=f"folder:{tmp_path / 'grey'}", augmentation=Augmentation(rescale=1 / 255))
    swapped = colours.but(flaws=("swapped_channels",))
    with pytest.raises(DataError, match="swapped_channels: expected images of three channels"):
        make_plan(PlanRequest({"sound": colours, "swapped": swapped}), lambda line: None)


def test_a_plan_loads_the_images_once_and_knows_which_flaws_change_them():
    lines = []
    quick = declare("pitfalls", options=StudyOptions(data="shapes", size="quick")).experiments
    small = {name: experiment for name, experiment in quick.items() if experiment.transfer is None}
    plan = make_plan(PlanRequest(small), lines.append)
    assert len(lines) == 2  # the sizes, and the classes
    others = {name for name, found in plan.data_of.items() if found != plan.data_of["sound"]}
    assert others == {"choose_on_test", "sorted_split", "unshuffled", "duplicates", "group_leak"}
    assert len(plan.manifests) == 6


def test_experiments_with_different_fits_never_share_a_data_set(tmp_path):
    (tmp_path / "sets").mkdir()
    add_images(tmp_path / "photos", 8)
    squashed = Experiment(data=f"folder:{tmp_path / 'photos'}", model="mlp", image_size=(8, 12))
    experiments = {fit: squashed.but(fit=fit) for fit in FITS}
    plan = make_plan(PlanRequest(experiments, snapshots=str(tmp_path / "sets")), lambda line: None)
    assert len(set(plan.data_of.values())) == len(set(plan.snapshots.values())) == 3
    padded = read_snapshot(Path(plan.snapshots[plan.data_of["pad"]]))
    assert not padded.train.images.read(np.arange(3))[:, :, [0, 1, 10, 11]].any()


def test_a_request_travels_as_json():
    request = PlanRequest(
        declare("birds").experiments, ("features",), threads=2, snapshots="/tmp/sets", runs=3, flawed=("fine_tune_all",)
    )
    assert PlanRequest.from_dict(request.to_dict()) == request


@pytest.fixture
def squeezenet(tmp_path, monkeypatch):
    """An experiment with weights in a file, which takes 0.3 s to read, and the list of the times it was read."""
    read = []
    found = pretrained.by_layer(models.build("squeezenet1_1", (64, 64, 3), 10, {"head": ()}))

    def slowly(path, architecture):
        time.sleep(0.3)
        read.append(path)
        return found

    monkeypatch.setattr(pretrained, "read_keras_file", slowly)
    (tmp_path / "w.keras").touch()
    experiment = Experiment(
        data="shapes", model="squeezenet1_1", model_args={"head": ()}, image_size=(64, 64),
        split=Split(train_per_class=10, test_per_class=2), train=TrainConfig(epochs=1, unfreeze="last2"),
        transfer=Transfer(str(tmp_path / "w.keras"), engine="tensorflow"),
    )  # fmt: skip
    return experiment, read


@pytest.mark.slow
def test_a_plan_reads_weights_once(squeezenet):
    one, read = squeezenet
    other = one.but(train=one.train.but(unfreeze="last4"))
    plan = make_plan(PlanRequest({"one": one, "other": other}, measure=("one", "other")), lambda line: None)
    assert len(read) == 1
    assert set(plan.costs) == {"one", "other"}


def test_a_plan_counts_that_a_run_reads_its_weights(squeezenet, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(rehearsal, "rehearse", lambda *arguments: REHEARSAL)
    one, read = squeezenet
    (phase,) = make_plan(PlanRequest({"one": one}, measure=("one",)), lambda line: None).costs["one"].phases
    assert len(read) == 1
    assert REHEARSAL.startup_s + 0.3 < phase.startup_s < REHEARSAL.startup_s + 10


def test_a_measurement_has_the_cores_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    found = []
    monkeypatch.setattr(rehearsal, "rehearse", lambda dataset, recipe, samples, cores: found.append(cores) or REHEARSAL)
    one = Experiment(data="digits", model="mlp")
    for threads in (1, None):
        make_plan(PlanRequest({"one": one}, measure=("one",), threads=threads), lambda line: None)
    assert found == [1, None]


@pytest.mark.slow
def test_a_measurement_covers_a_run_to_its_last_file():
    """It takes place on fewer cores than there are, for a while."""
    cores = usable_cores()
    one = Experiment(data="digits", model="mlp", split=Split(train_per_class=20, test_per_class=5, validation=0.25))
    cost = make_plan(PlanRequest({"one": one}, measure=("one",), threads=1), lambda line: None).costs["one"]
    (phase,) = cost.phases
    assert cost.finish_s > 0
    assert phase.startup_s > phase.epoch_s > 0
    assert cost.run_s == pytest.approx(phase.phase_s + cost.finish_s)
    assert usable_cores() == cores
