"""`kerasclf weights`, as a user meets it."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from kerasclf.cli import main
from kerasclf.models import find_pretrained
from tests.models.weights import golden


@pytest.fixture(scope="module")
def tensors():
    return golden.state_dict("squeezenet1_1")


def write(tensors, path):
    save_file(tensors, path)
    return path


def test_every_form_it_writes_gives_the_same_network(tensors, tmp_path, capsys):
    source = write(tensors, tmp_path / "source.safetensors")
    for name in ("out.keras", "out.safetensors"):
        main(["weights", "convert", str(source), "squeezenet1_1", "-o", str(tmp_path / name)])
        assert "1,235,496 parameters, every tensor matched" in capsys.readouterr().out
        found = find_pretrained("squeezenet1_1", str(tmp_path / name))
        np.testing.assert_array_equal(found["conv1_conv"][1], tensors["features.0.bias"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.keras",
        "out.safetensors",
        "source.safetensors",
    ]


@pytest.mark.parametrize(
    ("model", "out", "message"),
    [
        ("squeezenet", "out.keras", "Unknown model 'squeezenet'. Did you mean 'squeezenet1_1'?"),
        ("squeezenet1_1", "out.bin", "-o: expected a file .keras, .weights.h5, .safetensors."),
        ("squeezenet1_1", "source.safetensors", "already exists and is not overwritten"),
    ],
)
def test_what_it_cannot_do_it_says_first(tensors, tmp_path, capsys, model, out, message):
    source = write(tensors, tmp_path / "source.safetensors")
    with pytest.raises(SystemExit, match="2"):
        main(["weights", "convert", str(source), model, "-o", str(tmp_path / out)])
    assert message in capsys.readouterr().err
