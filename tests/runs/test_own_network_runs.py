"""Experiments with a user's own network: their identity, their runs, and what never imports the network."""

import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasclf import Experiment, Split, Study, TrainConfig, run_study
from kerasclf.cli import main
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.models import own_networks
from kerasclf.networks.network_source import source_digest
from kerasclf.pipeline import Augmentation
from kerasclf.runs.engines.local_engines import Inline, Processes
from kerasclf.runs.planning.plan import PlanRequest
from kerasclf.search.experiment_file import read_experiment
from kerasclf.search.spaces.experiment_fields import change
from kerasclf.studies.reduction import Reduction
from kerasclf.transfer import Transfer
from tests.own_networks import MY_NET
from tests.report.run_folders import draw_nothing

SMALL = Split(train_per_class=6, test_per_class=2, validation=0.5)
OTHER = MY_NET.replace("units=8", "units=9")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture
def my_net(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "my_net.py").write_text(MY_NET)
    (folder / "trace").unlink(missing_ok=True)
    own_networks._run.cache_clear()  # a module that is used again leaves a trace again
    yield folder / "my_net.py"
    sys.modules.pop("my_net", None)


def experiment_of(model="my_net:build", **fields):
    train = TrainConfig(epochs=1, batch_size=16)
    return Experiment(**{"data": "digits", "model": model, "split": SMALL, "train": train, **fields})


def study_of(**experiments):
    return Study("own", "Own", "What now?", experiments)


@pytest.fixture(scope="module")
def finished(folder):
    """The folder of a study with one run of the network, and of its saved model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "my_net.py").write_text(MY_NET)
        experiment = experiment_of("my_net:with_top")
        study = run_study(study_of(base=experiment), folder / "out", engine=Inline())
        sys.modules.pop("my_net", None)
        return study, study.run("base", experiment.identity, 0).path / "model.keras"


def test_an_experiment_of_the_catalogue_keeps_its_hash():
    assert "model_source" not in Experiment().to_dict()
    assert Experiment(data="digits", model="mlp").identity == "3908a15d"


def test_the_source_is_part_of_the_hash_and_is_read_without_running_it(my_net):
    before = experiment_of()
    assert before.model_source == source_digest("my_net:build")
    my_net.write_text(OTHER)
    after = experiment_of()
    assert before.identity != after.identity
    assert before.but(train=before.train.but(epochs=2)).model_source == before.model_source
    assert after.but(model="my_net:with_top").model_source == after.model_source
    assert after.but(model="mlp").model_source is None
    assert Reduction(models={"my_net:build": "mlp"}).apply(after).model_source is None
    assert not (my_net.parent / "trace").exists()


def test_a_described_experiment_is_restored_without_its_file(my_net):
    plain = experiment_of().to_dict()
    my_net.unlink()
    again = Experiment.from_dict(plain)
    assert again.to_dict() == plain
    with pytest.raises(KerasclfError, match="model_source: expected the SHA-256 of the source of 'my_net:build'"):
        Experiment.from_dict({**plain, "model_source": None})
    with pytest.raises(KerasclfError, match=r"model_source: expected a SHA-256 of 64 digits\. Received: '\.\./x'"):
        Experiment.from_dict({**plain, "model_source": "../x"})
    with pytest.raises(KerasclfError, match="model_source: expected None for mlp"):
        Experiment.from_dict({**plain, "model": "mlp"})


def make_small(input_shape, num_classes):
    """A function that is given as it is."""
    image = keras.Input(input_shape)
    return keras.Model(image, keras.layers.Dense(num_classes, "softmax")(keras.layers.Flatten()(image)))


def test_a_function_stands_for_its_name():
    assert experiment_of(make_small).model == f"{__name__}:make_small"
    with pytest.raises(KerasclfError, match="at the top level of a module"):
        experiment_of(lambda input_shape, num_classes: None)


def test_the_weights_of_an_own_network_are_none_or_a_file(my_net):
    with pytest.raises(KerasclfError, match=r"transfer.weights: expected 'none' or a .keras file, as my_net:build has"):
        experiment_of(transfer=Transfer())
    assert experiment_of(transfer=Transfer("none")).transfer.weights == "none"
    with pytest.raises(KerasclfError, match=r"weights: expected a \.keras file for my_net:build"):
        (my_net.parent / "w.safetensors").touch()
        Inline().plan(PlanRequest({"one": experiment_of(transfer=Transfer("w.safetensors"))}), lambda line: None)


def test_a_changed_source_is_another_experiment_of_the_study(my_net, finished):
    study_folder, _ = finished
    my_net.write_text(OTHER)
    with pytest.raises(
        FolderError, match=r"finished runs of base with another version of my_net:with_top, whose source"
    ):
        run_study(study_of(base=experiment_of("my_net:with_top")), study_folder.path, engine=Inline())


def test_a_file_that_changes_after_the_experiment_was_made_is_refused(my_net, tmp_path):
    experiment = experiment_of()
    my_net.write_text(OTHER)
    with pytest.raises(KerasclfError, match=rf"{my_net} has changed since the experiment was made"):
        run_study(study_of(base=experiment), tmp_path / "out", engine=Inline())


def test_a_report_of_a_study_never_runs_the_module(my_net, finished, monkeypatch):
    draw_nothing(monkeypatch)
    study_folder, model = finished
    main(["report", str(study_folder.path)])
    main(["show", "kernels", str(model.parent)])
    assert not (my_net.parent / "trace").exists()
    with pytest.raises(SystemExit):
        main(["models", str(study_folder.path)])
    assert not (my_net.parent / "trace").exists()


@pytest.mark.slow
def test_a_saved_model_starts_another_training(my_net, finished):
    _, model = finished
    base = experiment_of(str(model), transfer=Transfer(), model_args={"head": ()})
    assert base.transfer.weights == str(model)
    assert base.transfer.freezes_batch_norm
    with pytest.raises(KerasclfError, match=r"transfer.weights: expected '.*model\.keras', the network's own file"):
        base.but(transfer=Transfer("none"))
    frozen = base.but(train=base.train.but(unfreeze="head"), transfer=base.transfer.but(cache="off"))
    again = run_study(study_of(head=frozen), my_net.parent / "again", engine=Inline())
    trained = again.run("head", frozen.identity, 0).path / "model.keras"
    kinds = keras.layers.Conv2D, keras.layers.BatchNormalization
    for kind in kinds:
        np.testing.assert_array_equal(*(_weights(path, kind) for path in (model, trained)))
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(*(_weights(path, keras.layers.Dense) for path in (model, trained)))


def _weights(path, kind):
    layers = keras.models.load_model(path, compile=False)._flatten_layers()
    return np.concatenate([w.ravel() for layer in layers if isinstance(layer, kind) for w in layer.get_weights()])


def test_a_saved_model_is_not_normalised_twice(my_net, finished):
    experiment = experiment_of(str(finished[1]), augmentation=Augmentation(rescale=1 / 255))
    with pytest.raises(KerasclfError, match=r"one: expected an augmentation without normalisation, as .*model\.keras"):
        Inline().plan(PlanRequest({"one": experiment}), lambda line: None)


def test_unnamed_layers_have_the_same_names_in_a_plan_as_in_a_run(my_net):
    for _ in range(3):
        keras.layers.Dense(1)  # the process has built other layers before
    cut = experiment_of(transfer=Transfer("none"), train=TrainConfig(epochs=1, unfreeze="from:dense_1"))
    Inline().plan(PlanRequest({"one": cut}), lambda line: None)
    assert (my_net.parent / "trace").exists()


def test_a_search_varies_arguments_but_not_the_network(my_net):
    experiment = experiment_of(model_args={"units": 4})
    assert change(experiment, {"model.units": 6}).model_source == experiment.model_source
    assert change(experiment, {"model": "mlp"}).model_source is None
    with pytest.raises(KerasclfError, match=r"axis model: expected networks of the catalogue\. Received: 'my_net:with"):
        change(experiment, {"model": "my_net:with_top"})


def test_an_experiment_file_names_a_network(my_net):
    path = my_net.with_suffix(".toml")
    path.write_text('data = "digits"\nmodel = "my_net:build"\nmodel_args = {units = 4}\n')
    assert read_experiment(path) == Experiment(data="digits", model="my_net:build", model_args={"units": 4})


def test_a_function_of_a_notebook_runs_in_this_process_alone(monkeypatch, tmp_path):
    main_module = sys.modules["__main__"]
    monkeypatch.setattr(main_module, "make_small", make_small, raising=False)
    experiment = experiment_of("__main__:make_small")
    with pytest.raises(KerasclfError, match=r"network that other processes can import\. Received: '__main__:make_sm"):
        Processes(1).plan(PlanRequest({"one": experiment}), pytest.fail)
    Inline().plan(PlanRequest({"one": experiment}), lambda line: None)


@pytest.mark.slow
def test_the_example_of_the_manual_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    section = page.partition("## Your own network\n")[2].partition("### Start from")[0]
    module, study = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(module)
    study = study.replace('"runs/filters")', '"runs/filters", engine=Inline())').replace("epochs=2", "epochs=1")
    exec(study, {"Inline": Inline})
    assert len(list(tmp_path.glob("runs/filters/runs/*/seed-0/model.keras"))) == 2
    sys.modules.pop("my_net")


@pytest.mark.slow
def test_worker_processes_import_from_the_same_folders(my_net, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "their_net.py").write_text("from their_parts import *")
    (tmp_path / "elsewhere" / "their_parts.py").write_text(MY_NET)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    study = study_of(here=experiment_of(), there=experiment_of("their_net:build"))
    folder = run_study(study, tmp_path / "out", engine=Processes(1))
    inline = run_study(study, tmp_path / "inline", engine=Inline())
    for name, experiment in study.experiments.items():
        one, other = (f.run(name, experiment.identity, 0).metrics() for f in (folder, inline))
        # With another number of threads, sums round differently.
        assert one["test_loss"] == pytest.approx(other["test_loss"], rel=1e-6)
