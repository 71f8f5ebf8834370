"""Arguments that `build` rejects."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import build


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "perceptron",
            {"num_classes": 3},
            r"num_classes: expected 2, as one unit separates only two classes\. Received: 3",
        ),
        ("mlp", {"hidden": "halfing"}, r"hidden: expected widths or one of 'halving', .* Received: 'halfing'"),
        ("mlp", {"hidden": (10, 0)}, r"hidden: expected widths of at least 1\. Received: \(10, 0\)"),
        (
            "mlp",
            {"activation": "rellu"},
            r"activation: expected the name of an activation of Keras\. Received: 'rellu'",
        ),
        ("simple_cnn", {"dropout": 1.0}, r"dropout: expected a share from 0 to below 1\. Received: 1\.0"),
        ("resnet18", {"stem": "5x5"}, r"stem: expected one of '7x7', '3x3'\. Received: '5x5'"),
        ("resnet18", {"input_shape": (32, 32, 4)}, r"channels: expected one of 1, 3\. Received: 4"),
        ("vgg16", {"preprocess": "keras"}, r"preprocess: expected one of 'imagenet', None\. Received: 'keras'"),
        ("basenet", {"head": "12-x"}, r"head: expected widths .*Received: '12-x'"),
        ("basenet", {"pooling": "mean"}, r"pooling: expected one of 'avg', 'max', 'flatten'\. Received: 'mean'"),
        ("basenet", {"head_dropout": 1}, r"head_dropout: expected a share"),
        ("basenet", {"head_activation": "x"}, r"head_activation: expected the name of an activation"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(name, arguments, message):
    given = {"input_shape": (32, 32, 3), "num_classes": 5, **arguments}
    with pytest.raises(KerasclfError, match=message):
        build(name, given.pop("input_shape"), given.pop("num_classes"), given)


def test_unknown_names_suggest_known_ones():
    with pytest.raises(KerasclfError, match=r"Unknown model 'basent'\. Did you mean 'basenet'\?"):
        build("basent", (32, 32, 3), 2)
    with pytest.raises(KerasclfError, match=r"argument of basenet_deeper 'batchnorm'\. Did you mean 'batch_norm'\?"):
        build("basenet_deeper", (32, 32, 3), 2, {"batchnorm": "before"})
    with pytest.raises(KerasclfError, match="batch_norm: expected one of None, 'before', 'after'"):
        build("basenet_deeper", (32, 32, 3), 2, {"batch_norm": "between"})
