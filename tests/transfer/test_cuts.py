"""Cuts: their positions, the weights that train, and the equality of both parts together with the network."""

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import build
from kerasclf.models.stages import CONVOLUTIONS
from kerasclf.networks.network_checks import known_networks
from kerasclf.transfer.cuts import Cuts
from tests.transfer.conftest import random_images, randomize, small_network

# unfreeze → first trainable layer, and last layer below the cut.
RESNET50 = {
    "head": ("logits", "pool"),
    "all": ("image", None),
    "last1": ("conv5_block3_3_conv", "conv5_block2_out"),
    "last15": ("conv4_block5_2_conv", "conv4_block4_out"),
    "last22": ("conv4_block3_1_conv", "conv4_block2_out"),
    "last30": ("conv3_block4_3_conv", "conv3_block3_out"),
    "stage5": ("conv5_block1_1_conv", "conv4_block6_out"),
    "last_stage": ("conv5_block1_1_conv", "conv4_block6_out"),
    "stage4": ("conv4_block1_1_conv", "conv3_block4_out"),
    "stage2": ("conv2_block1_1_conv", "pool1_pool"),
    "stage1": ("conv1_pad", None),
    "from:conv5_block3_2_conv": ("conv5_block3_2_conv", "conv5_block2_out"),
    "from:conv4_block1_0_conv": ("conv4_block1_0_conv", "conv3_block4_out"),
    "from:pool": ("pool", "conv5_block3_out"),
}


@pytest.fixture(scope="module")
def resnet50():
    return Cuts(build("keras_resnet50", (32, 32, 3), 3))


@pytest.fixture
def cuts():
    return Cuts(randomize(small_network()))


@pytest.mark.parametrize("unfreeze", RESNET50)
def test_resnet50_is_cut_at_the_requested_position(resnet50, unfreeze):
    first, below = RESNET50[unfreeze]
    assert resnet50.network.operations[resnet50.first_trainable(unfreeze)].name == first
    cut = resnet50.cut_for(unfreeze)
    assert (None if cut is None else resnet50.name(cut)) == below


@pytest.mark.parametrize(
    ("network", "first", "below", "convolutions"),
    [
        # The maps shrink at block_13_depthwise, whose block starts with block_13_expand.
        ("mobilenet_v2", "block_13_expand", "block_12_add", 13),
        ("squeezenet1_1", "conv4_pool", "conv3_fire2_out", 12),
        ("resnet18", "conv5_block1_1_pad", "conv4_block2_out", 5),
        # The maps shrink once more at the end, after all convolutional layers.
        ("vgg11", "conv5_1_conv", "conv4_pool", 2),
    ],
)
def test_the_last_stage_starts_with_the_block_that_halves_the_maps_a_last_time(network, first, below, convolutions):
    cuts = Cuts(build(network, (64, 64, 3), 3, {"head": ()}))
    position = cuts.first_trainable("last_stage")
    assert cuts.network.operations[position].name == first
    assert cuts.name(cuts.cut_for("last_stage")) == below
    above = [step for step in cuts.network.operations[position:] if isinstance(step, CONVOLUTIONS)]
    assert len(above) == convolutions


@pytest.mark.parametrize("network", ["mobilenet_v2", "squeezenet1_1"])
def test_the_list_of_networks_counts_the_convolutional_layers_that_can_train(network):
    cuts, convolutions = Cuts(build(network, (64, 64, 3), 3, {"head": ()})), known_networks()[network].convolutions
    first = cuts.network.operations[cuts.first_trainable(f"last{convolutions}")]
    assert first.name in ("Conv1", "conv1_conv")
    with pytest.raises(KerasclfError, match=f"has {convolutions} convolutional layers"):
        cuts.first_trainable(f"last{convolutions + 1}")


@pytest.mark.parametrize(
    ("unfreeze", "frozen"),
    # By hand: 2048·3 + 3 weights of the head train. Of the 53,120 running averages, 22,528 are in stage 5.
    [("head", 23_587_712 - 53_120), ("stage5", 8_589_184 - (53_120 - 22_528)), ("all", 0)],
)
def test_resnet50_trains_the_expected_number_of_weights(resnet50, unfreeze, frozen):
    counts = resnet50.freeze(unfreeze, freeze_batch_norm=False)
    assert counts.frozen == frozen
    assert counts.trainable + counts.frozen == resnet50.network.count_params() - 53_120
    assert resnet50.network.count_params() == 23_587_712 + 2048 * 3 + 3


@pytest.mark.parametrize(
    ("unfreeze", "below"),
    [
        ("head", "pool"),
        ("last1", "conv1_relu"),  # inside the block, where two tensors pass
        ("last2", "conv1_relu"),
        ("from:conv2_block1_add", "conv1_relu"),
        ("from:conv2_block1_out", "conv2_block1_add"),
        ("stage2", "conv1_relu"),
        ("last3", None),  # the first convolution: no weights below it
    ],
)
def test_the_cut_lies_before_a_residual_block(cuts, unfreeze, below):
    cut = cuts.cut_for(unfreeze)
    assert (None if cut is None else cuts.name(cut)) == below


@pytest.mark.parametrize("unfreeze", ["head", "stage2", "from:conv1_bn", "from:conv2_block1_out"])
def test_both_parts_together_equal_the_network(cuts, unfreeze):
    images = random_images(5).astype(np.float32)
    expected = cuts.network(images)
    cut = cuts.cut_for(unfreeze)
    np.testing.assert_array_equal(cuts.upper(cut)(cuts.lower([cut])(images)), expected)
    # The parts share the layers of the network.
    cuts.network.get_layer("logits").bias.assign([0.0, 9.0, 0.0])
    changed = cuts.upper(cut)(cuts.lower([cut])(images))
    assert (np.asarray(changed) != np.asarray(expected)).all()


def test_frozen_and_trainable_weights_add_up_to_the_network_without_its_running_averages(cuts):
    every = cuts.network.count_params() - 2 * 2 * 4
    # 3·3·3·4 + 4 below; 2·4 trainable and 2·4 moving in each normalisation; twice 3·3·4·4 + 4, and 4·3 + 3 above.
    counts = cuts.freeze("stage2", freeze_batch_norm=False)
    assert (counts.trainable, counts.frozen) == (148 + 8 + 148 + 15, 112 + 8)
    assert counts.trainable + counts.frozen == every
    counts = cuts.freeze("stage2", freeze_batch_norm=True)
    assert (counts.trainable, counts.frozen) == (148 + 148 + 15, 112 + 8 + 8)


@pytest.mark.parametrize("freeze_batch_norm", [True, False])
@pytest.mark.parametrize(
    ("unfreeze", "above"), [("all", ["conv1_bn", "conv2_block1_1_bn"]), ("stage2", ["conv2_block1_1_bn"]), ("head", [])]
)
def test_batch_normalisation_above_the_cut_is_frozen_only_on_request(cuts, unfreeze, above, freeze_batch_norm):
    cuts.freeze(unfreeze, freeze_batch_norm)
    norms = [layer for layer in cuts.network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    trained = [layer.name for layer in norms if layer.trainable]
    assert trained == ([] if freeze_batch_norm else above)


def test_a_later_call_unfreezes_layers_of_an_earlier_one(cuts):
    cuts.freeze("head", True)
    assert [weight.path for weight in cuts.network.trainable_weights] == ["logits/kernel", "logits/bias"]
    cuts.freeze("all", False)
    assert len(cuts.network.trainable_weights) == 12


def test_batch_normalisation_of_a_head_trains(resnet50):
    """Its weights are new, even if those of the backbone are frozen."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(name="bn")(keras.layers.Conv2D(2, 3, name="conv1_conv")(image))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(2, name="logits")(keras.layers.BatchNormalization(name="head_bn")(x))
    network = keras.Model(image, x)
    Cuts(network).freeze("all", freeze_batch_norm=True)
    assert not network.get_layer("bn").trainable
    assert network.get_layer("head_bn").trainable


def test_batch_normalisation_of_feature_maps_is_frozen_in_a_network_that_keeps_its_top():
    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(name="bn")(keras.layers.Conv2D(2, 3)(image))
    x = keras.layers.Dense(4)(keras.layers.Flatten()(x))
    network = keras.Model(image, keras.layers.Dense(2)(keras.layers.BatchNormalization(name="top_bn")(x)))
    Cuts(network).freeze("all", freeze_batch_norm=True)
    assert not network.get_layer("bn").trainable
    assert network.get_layer("top_bn").trainable


@pytest.mark.parametrize(
    ("unfreeze", "message"),
    [
        (
            "haed",
            "unfreeze: expected 'head', 'all', 'last_stage', 'lastN' (the last N convolutional layers), 'stageK' (from "
            "stage K on) or 'from:LAYER'. Received: 'haed'. Did you mean 'head'?",
        ),
        ("last0", "unfreeze: small has 3 convolutional layers. Expected 'last1' to 'last3'. Received: 'last0'."),
        ("last4", "unfreeze: small has 3 convolutional layers. Expected 'last1' to 'last3'. Received: 'last4'."),
        (
            "stage3",
            "unfreeze: small has no stage 3. Stages: stage1, stage2. Use 'from:LAYER' or 'lastN' for any other "
            "position.",
        ),
    ],
)
def test_a_missing_cut_is_refused(cuts, unfreeze, message):
    cuts.first_trainable("last3")
    with pytest.raises(KerasclfError) as caught:
        cuts.first_trainable(unfreeze)
    assert str(caught.value) == message


def test_a_layer_name_without_from_gets_a_hint(cuts):
    with pytest.raises(KerasclfError, match=r"Did you mean 'from:conv1_bn'\?$"):
        cuts.first_trainable("conv1_bn")


def test_a_missing_layer_is_refused_with_the_closest_name(cuts):
    cuts.first_trainable("from:conv2_block1_1_conv")
    with pytest.raises(
        KerasclfError, match=r"small has no layer 'conv2_block1_1_cnv'\. Did you mean 'conv2_block1_1_conv'\?"
    ):
        cuts.first_trainable("from:conv2_block1_1_cnv")


@pytest.mark.parametrize("unfreeze", ["head", "stage1"])
def test_a_network_without_a_new_head_has_no_such_cut(unfreeze):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="conv1_conv")(image)
    cuts = Cuts(keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)), name="plain"))
    assert cuts.first_trainable("last1") == 1
    assert cuts.first_trainable("all") == 0
    with pytest.raises(KerasclfError) as caught:
        cuts.first_trainable(unfreeze)
    assert str(caught.value) == (
        "unfreeze: plain is not a backbone with a new head. Expected 'all', 'lastN' or 'from:LAYER'. "
        f"Received: {unfreeze!r}."
    )


def test_a_network_without_stages_in_its_layer_names_is_reported():
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Conv2D(2, 3, name="first")(image))
    cuts = Cuts(keras.Model(image, keras.layers.Dense(2, name="logits")(x), name="nameless"))
    assert cuts.cut_for("head") == 3
    with pytest.raises(KerasclfError, match=r"no stage 1\. Stages: none in the names of its layers\."):
        cuts.first_trainable("stage1")


def test_untouched_cuts_of_runs(resnet50):
    """A cut above layers that an earlier phase of the run trained is not among them."""

    def names(*runs):
        return [resnet50.name(cut) for cut in resnet50.untouched(runs)]

    assert names(["head"], ["head", "stage5"], ["head", "all"]) == ["conv4_block6_out", "pool"]
    assert names(["stage5", "head"], ["stage4"]) == ["conv3_block4_out", "conv4_block6_out"]
    assert names(["stage5", "stage4", "stage5"]) == ["conv3_block4_out", "conv4_block6_out"]
    assert names(["all"], ["all", "head"], []) == []
