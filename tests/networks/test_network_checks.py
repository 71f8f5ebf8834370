"""Files of weights in a folder are found by the names of the networks."""

import pytest

from kerasclf.models.weights.published import PUBLISHED
from kerasclf.networks.network_checks import (
    TORCH_FAMILIES,
    has_convolutions,
    known_networks,
    unfreeze_problems,
    weights_file,
    weights_problems,
)

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
    expected = "such as {0}.safetensors, {0}.pth or {0}.keras. Received"
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


def test_a_network_without_convolutional_layers_has_no_last_stage():
    assert not has_convolutions("mlp", "last_stage")
    assert not has_convolutions("perceptron", "last1")
    assert has_convolutions("nin", "last_stage")
    assert has_convolutions("my_net:build", "last_stage")
    assert has_convolutions("mlp", "head") and has_convolutions("mlp", "all")


def test_too_few_convolutional_layers_are_told_before_the_network_is_built():
    assert unfreeze_problems("nin", {"head": ()}, "last10") == [
        "unfreeze: nin has 9 convolutional layers. Expected 'head', 'all' or 'last1' to 'last9'. Received: 'last10'."
    ]
    assert unfreeze_problems("nin", {"head": ()}, "last9") == []
    assert unfreeze_problems("nin", {}, "last10") == []  # its own top is a convolutional layer
    assert unfreeze_problems("resnet_to_convnext", {"head": (), "step": 0}, "last999") == []
    assert unfreeze_problems("my_net:build", {"head": ()}, "last999") == []


KERAS, TORCH = ".keras (a saved model)", ".safetensors or .pth (with the names of torchvision or timm)"
APPLICATIONS = ".weights.h5 (Keras 3) or .h5 (of keras.applications)"


@pytest.mark.parametrize(
    ("network", "forms", "accepted", "refused"),
    [
        ("mobilenet_v2", f"{KERAS}, {APPLICATIONS}", (".keras", ".weights.h5", ".h5"), (".safetensors", ".pth", ".pt")),
        ("efficientnet_lite1", f"{KERAS}, {TORCH}", (".keras", ".safetensors", ".pth", ".pt"), (".weights.h5", ".h5")),
        ("nin", KERAS, (".keras",), (".safetensors", ".pth", ".weights.h5", ".h5", ".bin")),
        ("resnet_to_convnext", KERAS, (".keras",), (".safetensors", ".h5")),
    ],
)
def test_a_network_takes_the_forms_of_its_family_alone(tmp_path, network, forms, accepted, refused):
    for suffix in (*accepted, *refused):
        (tmp_path / f"w{suffix}").touch()
    for suffix in accepted:
        assert weights_problems(network, str(tmp_path / f"w{suffix}")) == []
    for suffix in refused:
        file = str(tmp_path / f"w{suffix}")
        assert weights_problems(network, file) == [
            f"weights: expected a file {forms} for {network}. Received: {file!r}."
        ]
    (missing,) = weights_problems(network, "lost.keras")
    assert missing.endswith(f"'none' or a file: {forms}. Received: 'lost.keras', which does not exist.")
    assert ("'imagenet'" in missing) == known_networks()[network].imagenet


@pytest.mark.parametrize(
    ("network", "examples"),
    [
        ("mobilenet_v2", "mobilenet_v2.weights.h5, mobilenet_v2.h5 or mobilenet_v2.keras"),
        ("efficientnet_lite1", "efficientnet_lite1.safetensors, efficientnet_lite1.pth or efficientnet_lite1.keras"),
        ("nin", "nin.keras"),
    ],
)
def test_the_files_that_a_folder_should_hold_are_accepted(tmp_path, network, examples):
    (problem,) = weights_problems(network, str(tmp_path))
    assert f", such as {examples}. Received 0; the folder holds no weights." in problem
    for name in examples.replace(" or ", ", ").split(", "):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).touch()
        assert weights_problems(network, weights_file(network, str(folder))) == []


def test_a_file_in_a_folder_that_the_network_cannot_take_is_not_its_file(tmp_path):
    for name in ("mobilenet_v2.pth", "mobilenet_v2_notop.weights.h5", "nin.safetensors"):
        (tmp_path / name).touch()
    assert weights_file("mobilenet_v2", str(tmp_path)) == str(tmp_path / "mobilenet_v2_notop.weights.h5")
    assert "Received 0; the folder holds" in weights_problems("nin", str(tmp_path))[0]


def test_the_families_with_weights_of_pytorch_are_those_of_torchvision_and_timm():
    published = {known_networks()[name].family for name in PUBLISHED}
    assert published | {"efficientnet_lite"} == set(TORCH_FAMILIES)
