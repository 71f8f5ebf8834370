"""Stages read from the layer names of keras.applications 3.15."""

import pytest

from kerasclf.models.stages import stages_of

NETWORKS = {
    "ResNet50": {"conv1_pad": 1, "conv1_conv": 1, "pool1_pad": None, "conv2_block1_0_conv": 2, "conv5_block3_3_bn": 5},
    "ResNet50V2": {"conv1_conv": 1, "conv2_block1_preact_bn": 2, "conv5_block3_3_conv": 5, "post_bn": None},
    "VGG16": {"block1_conv1": 1, "block1_pool": 1, "block5_conv3": 5, "flatten": None, "fc1": None},
    "MobileNetV2": {
        "Conv1": None, "bn_Conv1": None, "expanded_conv_depthwise": None, "block_1_expand": 1,
        "block_16_project_BN": 16, "Conv_1": None,
    },
    "EfficientNetV2B0": {"stem_conv": None, "block1a_project_conv": 1, "block6h_expand_bn": 6, "top_conv": None},
    "ConvNeXtTiny": {
        "convnext_tiny_stem": None, "convnext_tiny_stage_0_block_0_depthwise_conv": 0,
        "convnext_tiny_downsampling_block_0": None, "convnext_tiny_stage_3_block_2_layer_scale": 3,
        "layer_normalization": None,
    },
    "DenseNet121": {"conv1_conv": 1, "conv2_block1_0_bn": 2, "pool2_conv": None, "conv5_block16_2_conv": 5, "bn": None},
    "Xception": {"block1_conv1": 1, "block2_sepconv1": 2, "conv2d_1": None, "block14_sepconv2_bn": 14},
    "InceptionV3": {"conv2d": None, "batch_normalization_93": None, "conv2d_93": None, "mixed10": None},
    "MobileNet": {"conv1": None, "conv1_bn": None, "conv_dw_1": None, "conv_pw_13_bn": None},
}  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_stages_are_read_as_named(network):
    expected = {name: stage for name, stage in NETWORKS[network].items() if stage is not None}
    assert stages_of(list(NETWORKS[network])) == expected


def test_one_stage_is_none():
    assert stages_of(["conv1_conv", "conv2_conv"]) == {"conv1_conv": 1, "conv2_conv": 2}
    assert stages_of(["conv1_conv", "conv1_bn"]) == {}
    assert stages_of([]) == {}
