"""BaseNet's deeper variant: batch normalisation."""

from kerasclf.models import basenet_deeper


def test_batch_norm_goes_with_every_hidden_layer():
    before, after = (
        [type(layer).__name__ for layer in basenet_deeper(batch_norm=place).layers] for place in ("before", "after")
    )
    for kinds, step in ((before, -1), (after, 1)):
        relus = [i for i, kind in enumerate(kinds) if kind == "ReLU"]
        assert len(relus) == 7
        assert all(kinds[i + step] == "BatchNormalization" for i in relus)
