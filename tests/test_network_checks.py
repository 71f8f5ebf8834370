"""Files of weights in a folder are found by the names of the networks."""

import pytest

from kerasclf.network_checks import has_convolutions, weights_file, weights_problems

FILES = (
    "efficientnetv2_b0.weights.h5",
    "mobilenet_v2_notop.weights.h5",
    "notes.txt",
    "resnet50-0676ba61.pth",
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "resnet50v2.h5",
    "vgg11.safetensors",
    "vgg11_bn.safetensors",
    "vgg16.pth",
    "vgg16.safetensors",
)


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("network", "file"),
    [
        ("efficientnetv2_b0", "efficientnetv2_b0.weights.h5"),
        ("mobilenet_v2", "mobilenet_v2_notop.weights.h5"),
        ("resnet50", "resnet50-0676ba61.pth"),
        ("keras_resnet50", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("resnet50v2", "resnet50v2.h5"),
        ("vgg11", "vgg11.safetensors"),
        ("vgg11_bn", "vgg11_bn.safetensors"),
    ],
)
def test_a_network_has_the_file_that_is_named_after_it(folder, network, file):
    assert weights_file(network, str(folder)) == str(folder / file)


def test_other_sources_and_ambiguous_folders_stay_as_they_are(folder):
    for weights in ("imagenet", "none", str(folder / "vgg11.safetensors"), "/nowhere"):
        assert weights_file("vgg11", weights) == weights
    assert weights_file("vgg16", str(folder)) == weights_file("resnet18", str(folder)) == str(folder)


def test_a_folder_without_exactly_one_file_is_refused_with_what_was_found(folder):
    expected = "such as {0}.safetensors, {0}.pth or {0}.weights.h5. Received"
    assert weights_problems("vgg16", str(folder)) == [
        f"weights: expected one file of vgg16 in the folder {str(folder)!r}, {expected.format('vgg16')} 2; the folder "
        "holds vgg16.pth, vgg16.safetensors."
    ]
    (none,) = weights_problems("resnet18", str(folder))
    assert none.startswith(f"weights: expected one file of resnet18 in the folder {str(folder)!r}, ")
    assert f"Received 0; the folder holds {', '.join(name for name in FILES if name != 'notes.txt')}." in none
    assert weights_problems("vgg11", str(folder)) == [
        f"weights: expected a file. Received the folder {str(folder)!r}. Give {str(folder / 'vgg11.safetensors')!r}."
    ]


def test_the_convolutional_layers_that_unfreeze_names_are_counted():
    assert has_convolutions("squeezenet1_1", "last25")
    assert not has_convolutions("squeezenet1_1", "last26")
    assert has_convolutions("squeezenet1_1", "stage9")
    assert has_convolutions("my_net:build", "last99")
