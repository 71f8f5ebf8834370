"""`kerasclf train` and `kerasclf cache`, as a user meets them."""

import re

import pytest

from kerasclf.cli import main


@pytest.mark.slow
def test_train_trains_a_head_and_then_more_on_what_was_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    command = ["train", "--data", "shapes", "--image-size", "32x32", "--backbone", "mobilenet_v2", "--weights", "none",
               "--unfreeze", "last1", "--quick", "--engine", "inline", "--out", str(out)]  # fmt: skip
    main(command)
    printed = capsys.readouterr().out
    assert "phase 1 of 2: head, 2 epochs" in printed
    assert "on cached activations of mobilenet_v2 up to pool" in printed
    assert "epoch 4/4" in printed
    assert "resumes after" not in printed  # a new phase is no resumed run
    page = (out / "report" / "index.html").read_text()
    assert "started from random weights" in page
    main(["cache", "list"])
    assert re.search(r"mobilenet_v2 up to block_16_project_BN, b?float(16|32)", capsys.readouterr().out)
    main(["cache", "clear"])
    assert "cleared 2 of 2 caches" in capsys.readouterr().out
    main(["cache", "list"])
    assert f"The cache {tmp_path / 'cache'} is empty." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "Which images? Give --data folder:PATH"),
        (["train", "--data", "shapes", "--dropout", "1.5"], "--dropout: expected"),
        (["train", "--data", "shapes", "--learning-rate", "0"], "--learning-rate: expected a number above 0"),
        (["train", "--data", "shapes", "--head-epochs", "-3"], "--head-epochs: expected at least 0. Received: -3."),
        (["train", "--data", "shapes", "--unfreeze", "stag5"], "Did you mean 'stage5'?"),
        (["train", "--data", "shapes", "--backbone", "resnet5", "--weights", "none"], "Did you mean 'resnet50'"),
        (["train", "--data", "shapes", "--views", "3"], "expected an augmentation that changes images"),
        (["cache", "clear", "nothing"], "No cache is named 'nothing'"),
        (["study", "basenet", "--data", "shapes", "--weights", "none"], "basenet, which has no pretrained weights"),
    ],
)
def test_mistakes_with_pretrained_networks(refused, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    inline = ["--engine", "inline"] if arguments[0] != "cache" else []
    assert message in refused(*arguments, *inline)
