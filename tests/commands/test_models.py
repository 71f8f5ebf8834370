"""`kerasclf models`, as a user meets it."""

import re
import subprocess
import sys

import pytest
from rich.console import Console

from kerasclf.cli import main
from tests.own_networks import MY_NET


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "basenett"], "Did you mean 'basenet'?"),
        (
            ["models", "basenet", "--input", "8x8x3"],
            "--input: basenet needs images of at least 16x16 pixels. Received: 8x8.",
        ),
        (["models", "basenet", "--input", "32x32x3", "--classes", "0"], "--classes: "),
        (["models", "basenet", "--input", "8x8"], "--input: expected HEIGHTxWIDTHxCHANNELS"),
        (
            ["models", "basenet", "--input", "13"],
            "--input: expected HEIGHTxWIDTHxCHANNELS for basenet. Received: '13'.",
        ),
        (["models", "--draw"], "Which network? Give its name first"),
        (
            ["models", "basenet", "--diagram", "a.gif"],
            "--diagram: expected a file .png, .svg, .pdf, .txt. Received: 'a.gif'.",
        ),
    ],
)
def test_mistakes_get_one_message_and_exit_2(refused, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused(*arguments)
    assert message in error
    assert error.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_models_are_listed(capsys):
    main(["models"])
    printed = capsys.readouterr().out
    assert re.search(r"^  basenet +24,197  32x32x3 +16x16 +BaseNet: two valid 5×5", printed, flags=re.MULTILINE)
    assert re.search(r"^resnet: ResNet-18 to ResNet-152", printed, flags=re.MULTILINE)


def test_the_list_of_models_needs_no_tensorflow():
    code = "from kerasclf.cli import main; main(['models']); import sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize("width", [80, 140])
def test_a_model_is_explained_in_any_width(width, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.cli.Console", lambda **settings: Console(width=width))
    main(["models", "basenet", "--input", "64x64x3", "--classes", "10"])
    printed = capsys.readouterr().out
    assert printed.startswith("Builds BaseNet: two valid 5×5 convolutions with pooling, one hidden dense layer.\n")
    assert re.search(r"conv1_conv .* 60 × 60 × 6 +456 +1\.620 M .* 5/1", printed)
    assert ("(64 − 5 + 2·0)/1 + 1 = 60" in printed) == (width == 140)
    assert ("Columns left out on this narrow console: kind, (W − F + 2P)/S + 1" in printed) == (width == 80)
    assert "basenet, 64x64x3, 10 classes: 138,632 parameters · 3.378 M multiply-adds" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= width


def test_a_model_has_its_own_sizes_where_none_are_given(capsys):
    main(["models", "course_cnn"])
    assert "course_cnn, 28x28x1, 10 classes: " in capsys.readouterr().out


def test_a_network_of_your_own_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(MY_NET)
    main(["models", "my_net:build", "--input", "8x8x1", "--classes", "3"])
    printed = capsys.readouterr().out
    assert printed.startswith("Builds a convolution and a hidden layer.\n")
    assert "my_net-build, 8x8x1, 3 classes: 1,227 parameters" in " ".join(printed.split())
    sys.modules.pop("my_net")


def test_a_model_is_drawn(tmp_path, capsys):
    main(["models", "basenet", "--draw"])
    assert re.search(r"^Conv2D 5×5, 16 · ReLU +10 × 10 × 16 +conv2_conv$", capsys.readouterr().out, flags=re.MULTILINE)
    main(["models", "basenet", "--diagram", str(tmp_path / "basenet.txt")])
    assert f"The diagram is in {tmp_path / 'basenet.txt'}." in capsys.readouterr().out
    assert "Conv2D 5×5, 16 · ReLU" in (tmp_path / "basenet.txt").read_text()


def test_without_graphviz_a_diagram_is_text(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.models.explaining.diagram._missing", lambda: "graphviz (apt install graphviz)")
    main(["models", "basenet", "--diagram", str(tmp_path / "basenet.png")])
    printed = capsys.readouterr().out
    assert (
        "basenet.png was not written: graphviz (apt install graphviz) is not installed. The diagram as text:" in printed
    )
    assert "Conv2D 5×5, 16 · ReLU" in printed
