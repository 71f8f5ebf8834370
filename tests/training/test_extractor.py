"""The extractor compiles one function per set of cuts, and everything that decides the activations names the cache."""

import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.training import devices, extractor
from kerasclf.training.assembly import build_model
from kerasclf.training.extractor import Extractor, freeze_below
from kerasclf.training.recipe import Recipe
from kerasclf.transfer import Transfer
from tests.training.test_phase_inputs import DATA, network

TENSORFLOW = Transfer(weights="none", engine="tensorflow")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))


def built(augmentation=None, source=None, **fields):
    train = TrainConfig(jit=False, **fields)
    recipe = Recipe(network, (train,), augmentation=augmentation or Augmentation(), source=source)
    return build_model(DATA, recipe)


def test_one_function_is_compiled_per_set_of_cuts(monkeypatch):
    compiled = []

    def counted(lower):
        compiled.append(lower.name)
        return tensorflow_compute(lower)

    tensorflow_compute = extractor.tensorflow_compute
    monkeypatch.setattr(extractor, "tensorflow_compute", counted)
    model = built()
    head, stage = (model.assembled.cuts.cut_for(unfreeze) for unfreeze in ("head", "stage2"))
    source = freeze_below(model, head, TENSORFLOW).source
    upper, lower = source.cache_point(head), source.cache_point(stage)
    assert compiled == []
    assert source.compute([upper]) is source.compute((upper,))
    assert len(compiled) == 1
    assert source.compute([upper, lower]) is source.compute([upper, lower])
    assert len(compiled) == 2
    assert len(model.compiled) == 1, "each has a copy of the weights"


def test_phases_share_a_compiled_part_until_its_weights_change(monkeypatch):
    compiled = []
    monkeypatch.setattr(extractor, "tensorflow_compute", lambda lower: compiled.append(lower.name) or len(compiled))
    model = built()
    core, cut = model.assembled.core, model.assembled.cuts.cut_for("stage2")

    def compute():
        frozen = freeze_below(model, cut, TENSORFLOW)
        return frozen.source.compute([frozen.point])

    assert [compute(), compute()] == [1, 1]
    core.get_layer("logits").bias.assign([1.0, 0.0, 0.0])  # above the cut
    assert compute() == 1
    core.get_layer("conv1_conv").set_weights([2 * weight for weight in core.get_layer("conv1_conv").get_weights()])
    assert compute() == 2


def test_its_activations_are_those_of_the_model_below_the_cut():
    model = built()
    cuts = [model.assembled.cuts.cut_for(unfreeze) for unfreeze in ("head", "stage2")]
    images = DATA.test.images.array
    source = Extractor(model, "tensorflow")
    found = next(iter(source.compute([source.cache_point(cut) for cut in cuts])(iter([images]))))
    for rows, expected in zip(found, model.assembled.below(cuts)(images, training=False), strict=True):
        np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-5)


def test_weights_precision_normalisation_and_views_name_the_cache():
    model = built()
    cut = model.assembled.cuts.cut_for("stage2")

    def folder(model, transfer=TENSORFLOW):
        return freeze_below(model, cut, transfer).point.cache.folder

    first = folder(model)
    assert folder(built()) == first
    folders = {
        first,
        folder(built(precision="mixed_bfloat16")),
        folder(built(Augmentation(rescale=0.5))),
        folder(built(Augmentation(horizontal_flip=True)), TENSORFLOW.but(views=2)),
        folder(built(Augmentation(vertical_flip=True)), TENSORFLOW.but(views=2)),
        # The source of an own network, whose layers may compute something else now.
        folder(built(source="a" * 64)),
        folder(built(source="b" * 64)),
    }
    assert len(folders) == 7
    layer = model.assembled.core.get_layer("conv1_conv")
    layer.set_weights([weight + 1e-3 for weight in layer.get_weights()])
    assert folder(model) not in folders
    other = built()
    other.assembled.core.get_layer("logits").bias.assign([1.0, 0.0, 0.0])  # above the cut
    assert folder(other) == first


def test_another_device_or_library_names_another_cache(monkeypatch):
    model = built()
    cut = model.assembled.cuts.cut_for("stage2")

    def folder():
        return freeze_below(model, cut, TENSORFLOW).point.cache.folder

    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    first = folder()
    assert folder() == first
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    without = folder()
    monkeypatch.setattr(devices, "processor_name", lambda: "another CPU")
    assert len({first, without, folder()}) == 3
