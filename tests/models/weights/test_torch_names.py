"""Names of layers in torchvision and timm."""

from kerasclf.models.weights.torch_names import family_of


def test_torchvision_and_timm_name_the_same_layers_otherwise():
    layers = [
        "conv1_1_conv",
        "conv1_1_relu",
        "conv1_pool",
        "conv2_1_conv",
        "pool",
        "dense1_dense",
        "dense2_dense",
        "logits",
    ]
    namings = family_of(layers).namings
    assert namings["torchvision"](layers) == {
        "conv1_1_conv": "features.0", "conv1_1_relu": "features.1", "conv1_pool": "features.2",
        "conv2_1_conv": "features.3",
        "dense1_dense": "classifier.0", "dense2_dense": "classifier.3", "logits": "classifier.6",
    }  # fmt: skip
    timm = namings["timm"](layers)
    assert [timm[name] for name in layers[-3:]] == ["pre_logits.fc1", "pre_logits.fc2", "head.fc"]
