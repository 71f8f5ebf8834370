"""`kerasclf train` and `kerasclf cache`, as a user meets them."""

import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.cli import main
from kerasclf.commands.options.search_options import SearchOptions
from kerasclf.commands.options.search_setup import make_search
from kerasclf.commands.train import TrainCommand
from kerasclf.loading import find_model
from kerasclf.networks.model_file import read_class_names, save_model
from kerasclf.report import read_results
from kerasclf.report.rerun_commands import command_of
from kerasclf.studies import continued_run, declare
from kerasclf.studies.study_options import StudyOptions
from kerasclf.training import Schedule
from kerasclf.transfer import Transfer
from tests.photos import add_images, write_photo


@pytest.mark.slow
def test_train_trains_a_head_and_then_more_on_what_was_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    command = ["train", "--data", "shapes", "--image-size", "32x32", "--backbone", "mobilenet_v2", "--weights", "none",
               "--unfreeze", "last1", "--quick", "--engine", "inline", "--out", str(out)]  # fmt: skip
    main(command)
    printed = capsys.readouterr().out
    model = re.search(r"^model: (\S+), which knows its classes$", printed, re.MULTILINE)
    assert Path(model[1]).is_file()
    assert f"predict other images: kerasclf predict {out} PATH --out predictions.csv" in printed
    assert len(read_class_names(Path(model[1]))) > 1
    assert "phase 1 of 2: head, 2 epochs" in printed
    assert "on cached activations of mobilenet_v2 up to pool" in printed
    assert "epoch 4/4" in printed
    assert "resumes after" not in printed  # a new phase is no resumed run
    page = (out / "report" / "index.html").read_text()
    assert "started from random weights" in page
    main(["cache", "list"])
    assert re.search(r"mobilenet_v2 up to block_16_project_BN, b?float(16|32)", capsys.readouterr().out)
    main(["cache", "clear"])
    assert "cleared 2 of 2 caches" in capsys.readouterr().out
    main(["cache", "list"])
    assert f"The cache {tmp_path / 'cache'} is empty." in capsys.readouterr().out


def experiments_of(**options):
    return TrainCommand(data="folder:x", **options).experiments()


def test_without_options_one_head_is_trained():
    (experiment,) = experiments_of()
    assert (experiment.model, experiment.image_size) == ("keras_resnet50", (224, 224))
    assert experiment.transfer == Transfer("imagenet", head="regression")
    assert experiment.earlier_phases == ()
    assert experiment.train == TrainConfig(
        epochs=20, learning_rate=1e-3, schedule=Schedule("cosine"), precision="auto", unfreeze="head"
    )


@pytest.mark.parametrize("options", [{"head": (64,)}, {"no_cache": True}, {"weights": ("none",)}])
def test_a_head_without_cached_features_right_below_it_starts_from_random_weights(options):
    (experiment,) = experiments_of(**options)
    assert experiment.transfer.head == "new"


def test_the_fit_is_that_of_the_option_or_of_a_saved_network(tmp_path):
    assert [e.fit for e in (*experiments_of(), *experiments_of(fit="crop"))] == ["squash", "crop"]
    image = keras.Input((8, 12, 3), dtype="uint8")
    rows = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    path = tmp_path / "padded.keras"
    save_model(keras.Model(image, keras.layers.Dense(2, "softmax")(rows)), path, ("a", "b"), fit="pad")
    saved = {"backbone": (str(path),)}
    found = [*experiments_of(**saved), *experiments_of(**saved, fit="crop")]
    assert [(e.fit, e.image_size) for e in found] == [("pad", (8, 12)), ("crop", (8, 12))]


def test_studies_and_searches_take_a_fit():
    study = declare("basenet", options=StudyOptions(data="folder:x", fit="crop"))
    assert {e.fit for e in study.experiments.values()} == {"crop"}
    assert {e.fit for e in declare("basenet").experiments.values()} == {"squash"}
    assert make_search(SearchOptions(experiment="basenet", data="shapes", fit="pad")).experiment.fit == "pad"


@pytest.mark.slow
def test_a_study_on_padded_images_predicts_and_is_documented_alike(tmp_path, capsys):
    for number, name in enumerate(("cat", "dog", "owl")):
        for index in range(12):
            write_photo(tmp_path / "photos" / name / f"{index:02}.png", seed=12 * number + index, size=(16, 32))
    out = tmp_path / "out"
    main(["study", "basenet", "--only", "adam_20", "--data", str(tmp_path / "photos"), "--image-size", "32x32",
          "--fit", "pad", "--quick", "--engine", "inline", "--out", str(out)])  # fmt: skip
    run = find_model(out).run
    assert run.description()["experiment"]["fit"] == "pad"
    assert "gets a black border." in (run.path / "MODEL_CARD.md").read_text()
    assert "--image-size 32x32 --fit pad" in command_of(read_results(out))
    rows = pd.read_csv(run.path / "predictions.csv")
    files = [str(tmp_path / "photos" / name) for name in rows["image"]]
    main(["predict", str(out), *files, "--raw", "--engine", "tensorflow", "--out", str(tmp_path / "p.csv")])
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found["class"]) == list(rows["predicted"])
    np.testing.assert_allclose(found["probability"], rows[["p_cat", "p_dog", "p_owl"]].max(axis=1), atol=1e-6)


def test_the_compared_values_are_combined_each_with_each():
    networks, parts, rates = ("nin", "vgg11"), ("head", "last2"), (0.1, 0.01)
    found = experiments_of(backbone=networks, weights=("a.keras", "none"), unfreeze=parts, learning_rate=rates)
    assert [(e.model, e.transfer.weights, e.train.unfreeze, e.train.learning_rate) for e in found] == [
        (network, source, part, rate)
        for network, source in zip(networks, ("a.keras", "none"), strict=True)
        for part in parts
        for rate in rates
    ]
    assert len({(e.data, e.split, e.image_size) for e in found}) == 1


def test_one_source_of_weights_serves_all_networks_and_each_part_has_its_usual_rate():
    found = experiments_of(backbone=("nin", "vgg11"), weights=("none",), unfreeze=("head", "all"))
    assert [(e.transfer.weights, e.train.learning_rate) for e in found] == [("none", 1e-3), ("none", 1e-4)] * 2
    assert [len(e.earlier_phases) for e in found] == [0, 1, 0, 1]


def test_a_remedy_for_unequal_classes_applies_to_every_phase():
    (experiment,) = experiments_of(unfreeze=("all",), class_weight="balanced", loss="focal", focal_gamma=1.0)
    assert len(experiment.phases) == 2
    for phase in experiment.phases:
        assert (phase.class_weight, phase.loss, phase.focal_gamma) == ("balanced", "focal", 1.0)
    (experiment,) = experiments_of(logit_adjustment=0.5)
    assert (experiment.train.logit_adjustment, experiment.train.loss) == (0.5, "crossentropy")
    assert experiments_of(class_weight="none", logit_adjustment=0.0, loss="crossentropy") == experiments_of()


def test_a_continued_run_takes_another_remedy(monkeypatch):
    train = TrainConfig(class_weight="balanced", unfreeze="head")
    earlier = Experiment(data="folder:x", transfer=Transfer("m.keras", head="kept"), train=train)
    monkeypatch.setattr(continued_run, "find_run", lambda path: path)
    monkeypatch.setattr(continued_run, "continued_experiment", lambda run, data: earlier)
    (same,) = TrainCommand(continue_run=Path("run")).experiments()
    assert same.train.class_weight == "balanced"
    (changed,) = TrainCommand(continue_run=Path("run"), class_weight="none", oversampling="balanced").experiments()
    assert (changed.train.class_weight, changed.train.oversampling) == (None, "balanced")


def test_a_continued_run_keeps_its_settings_unless_others_are_given(monkeypatch):
    train = TrainConfig(epochs=7, learning_rate=0.5, schedule=Schedule("cosine", warmup_epochs=3), unfreeze="head")
    earlier = Experiment(data="folder:x", transfer=Transfer("m.keras", head="kept"), train=train)
    monkeypatch.setattr(continued_run, "find_run", lambda path: path)
    monkeypatch.setattr(continued_run, "continued_experiment", lambda run, data: earlier)
    (same,) = TrainCommand(continue_run=Path("run")).experiments()
    assert same == earlier
    (longer,) = TrainCommand(continue_run=Path("run"), epochs=2, batch_size=8, no_cache=True).experiments()
    assert longer.train == train.but(epochs=2, batch_size=8, schedule=Schedule("cosine", warmup_epochs=2))
    assert longer.transfer.cache == "off"
    head, deeper = TrainCommand(continue_run=Path("run"), unfreeze=("head", "last2"), augment=True).experiments()
    assert (head.train.learning_rate, deeper.train.learning_rate) == (0.5, 1e-4)
    assert head.augmentation.horizontal_flip


def test_a_continued_run_has_views_only_where_they_are_cached(monkeypatch):
    transfer = Transfer("m.keras", head="kept", views=4)
    flips = Augmentation(horizontal_flip=True)
    earlier = Experiment(
        data="folder:x", transfer=transfer, augmentation=flips, train=TrainConfig(unfreeze="head", learning_rate=0.1)
    )
    monkeypatch.setattr(continued_run, "find_run", lambda path: path)
    monkeypatch.setattr(continued_run, "continued_experiment", lambda run, data: earlier)
    found = TrainCommand(continue_run=Path("run"), unfreeze=("head", "last2", "all")).experiments()
    assert [experiment.transfer.views for experiment in found] == [4, 4, 0]
    (uncached,) = TrainCommand(continue_run=Path("run"), no_cache=True).experiments()
    assert uncached.transfer == transfer.but(views=0, cache="off")


QUICK = ["--weights", "none", "--image-size", "32x32", "--epochs", "1", "--engine", "inline"]


def test_missing_images_of_a_continued_run_are_refused_before_anything_else(monkeypatch, capsys):
    earlier = TrainCommand(data="folder:gone", weights=("none",)).experiments()[0]
    monkeypatch.setattr(continued_run, "find_run", lambda path: path)
    monkeypatch.setattr(continued_run, "continued_experiment", lambda run, data: earlier)
    monkeypatch.setattr(
        "kerasclf.commands.train.run_and_report", lambda *arguments, **settings: pytest.fail("it has started")
    )
    with pytest.raises(SystemExit):
        main(["train", "--continue", "run", "--out", "out"])
    assert capsys.readouterr().err == "error: The folder gone does not exist.\n"


@pytest.mark.slow
def test_two_networks_are_compared_and_the_better_one_trains_on_all_images(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    add_images(tmp_path / "photos", 12)
    out = tmp_path / "out"
    networks = ["--backbone", "squeezenet1_1", "mobilenet_v2"]
    command = ["train", "--data", f"folder:{tmp_path / 'photos'}", *networks, *QUICK, "--out", str(out), "--refit"]
    main(command)
    printed = capsys.readouterr().out
    assert "training squeezenet1_1 and mobilenet_v2 (head) on" in printed
    assert "plan: 2 runs to make" in printed
    results = read_results(out)
    assert [e.name for e in results.experiments] == ["squeezenet1_1_head", "mobilenet_v2_head"]
    manifests = {run.description["data"]["manifest"] for e in results.experiments for run in e.runs}
    assert len(manifests) == 1
    assert (results.refit.experiment, results.refit.images) == (results.chosen.name, 36)
    assert f"trained on all 36 images\n             {results.refit.sentence}" in printed
    assert f"model card: {(out / results.refit.model).with_name('MODEL_CARD.md')}" in printed
    # The activations of the test images are cached: the run that was compared has computed them.
    refit_lines = [line for line in printed.splitlines() if line.startswith(f"{results.chosen.name} on all images")]
    assert refit_lines
    assert not [line for line in refit_lines if "computing" in line]
    main(command)
    assert "on all images  is already finished" in capsys.readouterr().out
    # A training of one of them alone is part of the comparison.
    main(["train", "--data", f"folder:{tmp_path / 'photos'}", networks[0], networks[1], *QUICK, "--out", str(out)])
    assert "plan: 0 runs to make, 1 finished" in capsys.readouterr().out


def predictions(path):
    return pd.read_csv(path, index_col="image")


@pytest.mark.slow
def test_a_run_goes_on_with_more_images_of_which_only_the_new_ones_are_computed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    add_images(tmp_path / "photos", 12)
    main(["train", "--data", "folder:photos", "--backbone", "squeezenet1_1", *QUICK, "--out", "first"])
    add_images(tmp_path / "photos", 4, first=20)
    capsys.readouterr()
    main(["train", "--continue", "first", "--engine", "inline", "--refit"])
    printed = capsys.readouterr().out
    assert "continuing first (head) on folder:photos → runs/first-continued" in printed
    computed = [int(n) for n in re.findall(r"computing squeezenet1_1 up to pool of (\d+) images?\b", printed)]
    assert sum(computed) == 12
    out = tmp_path / "runs" / "first-continued"
    before = predictions(next((tmp_path / "first").glob("runs/*/seed-0/predictions.csv")))
    earlier = predictions(next(out.glob("runs/*/seed-0/earlier_predictions.csv")))
    assert earlier.loc[before.index].to_numpy() == pytest.approx(before.to_numpy(), abs=1e-3)
    page = (out / "report" / "report.md").read_text()
    new = dict(re.findall(r"(\d+) (training|validation|test)", re.search("new: (.*?)\\)", page)[1]))
    assert sum(map(int, new)) == 12
    assert "The earlier model has" in printed
    assert "The earlier model has" in page
    main(["train", "--continue", "first", "--engine", "inline", "--refit"])
    assert "plan: 0 runs to make, 1 finished" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--continue", str(next(out.glob("refit/*/seed-0")))])
    assert "it has trained on all images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "Which images? Give a folder that contains one folder per class"),
        (["train", "--data", "shapes", "--dropout", "1.5"], "--dropout: expected"),
        (["train", "--data", "shapes", "--learning-rate", "0"], "--learning-rate: expected a number above 0"),
        (["train", "--data", "shapes", "--head-epochs", "-3"], "--head-epochs: expected at least 0. Received: -3."),
        (["train", "--data", "shapes", "--unfreeze", "stag5"], "Did you mean 'stage5'?"),
        (["train", "--data", "shapes", "--unfreeze", "last-10"], "Did you mean 'last10'?"),
        (["train", "--data", "shapes", "--unfreeze", "Stage 9"], "Did you mean 'stage9'?"),
        (["train", "--data", "shapes", "--backbone", "resnet5", "--weights", "none"], "Did you mean 'resnet50'"),
        (
            ["train", "--data", "shapes", "--backbone", "nin", "mlp", "nin", "--weights", "a", "b", "--find-rate"],
            "--backbone: expected each value once. Received: nin 2 times.\n"
            "  - --find-rate: expected one training. Give one value of --backbone.\n"
            "  - --weights: expected one value, or one for each of the 3 networks. Received: 2.",
        ),
        (["train", "--data", "shapes", "--weights", "a", "b"], "--weights: expected one value. Received: 2."),
        (
            ["train", "--continue", "run", "--backbone", "nin", "--image-size", "32x32", "--fit", "pad"],
            "--backbone: expected no value with --continue, which goes on with the network of the run.\n"
            "  - --image-size: expected no value with --continue, which goes on with the network of the run.\n"
            "  - --fit: expected no value with --continue",
        ),
        (
            ["train", "--continue", "run"],
            "--continue: expected the folder of a run. Received: run, which does not exist",
        ),
        (["train", "--data", "shapes", "--views", "3"], "expected an augmentation that changes images"),
        (["cache", "clear", "nothing"], "No cache is named 'nothing'"),
        (["study", "basenet", "--data", "shapes", "--weights", "none"], "basenet, which has no pretrained weights"),
    ],
)
def test_mistakes_with_pretrained_networks(refused, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    inline = ["--engine", "inline"] if arguments[0] != "cache" else []
    assert message in refused(*arguments, *inline)
