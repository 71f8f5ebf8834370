"""Published ImageNet weights are downloaded once and checked by their hash."""

import hashlib

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import find_pretrained, photograph_layers
from kerasclf.models.weights import published
from kerasclf.models.weights.published import PublishedWeights


class TestPublished:
    """ImageNet weights are downloaded once, checked by hash, and stored in a form that needs no PyTorch."""

    @pytest.fixture
    def home(self, tmp_path, monkeypatch, tensors):
        content = b"as if from torch"
        digits = hashlib.sha256(content).hexdigest()[:8]
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setitem(published.PUBLISHED, "squeezenet1_1", PublishedWeights(f"squeezenet-{digits}.pth"))
        monkeypatch.setattr(published, "find_spec", lambda name: name)
        monkeypatch.setattr(published, "read_torch_file", lambda path: tensors)
        return tmp_path / "models"

    def serve(self, monkeypatch, home, *contents):
        """Answers each download with the next content. Returns the list of requested addresses."""
        remaining, asked = list(contents), []

        def get_file(name, origin, cache_subdir):
            asked.append(origin)
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_bytes(remaining.pop(0))
            return str(home / name)

        monkeypatch.setattr(keras.utils, "get_file", get_file)
        return asked

    def test_they_are_downloaded_once_and_stored_as_safetensors(self, monkeypatch, home, tensors):
        asked = self.serve(monkeypatch, home, b"as if from torch")
        found = [find_pretrained("squeezenet1_1", "imagenet") for _ in range(2)]
        assert len(asked) == 1
        assert asked[0].startswith("https://download.pytorch.org/models/squeezenet-")
        assert [path.suffix for path in home.iterdir()] == [".safetensors"]
        for one in found:
            np.testing.assert_array_equal(one["conv1_conv"][1], tensors["features.0.bias"])

    def test_an_incomplete_download_is_repeated(self, monkeypatch, home):
        asked = self.serve(monkeypatch, home, b"as if", b"as if from torch")
        find_pretrained("squeezenet1_1", "imagenet")
        assert len(asked) == 2

    def test_other_content_is_refused_and_deleted(self, monkeypatch, home):
        self.serve(monkeypatch, home, b"other", b"other")
        with pytest.raises(
            KerasclfError, match=r"Expected a SHA-256 that starts with \w{8} for .* Received: \w{8}, in two downloads"
        ):
            find_pretrained("squeezenet1_1", "imagenet")
        assert not list(home.iterdir())

    def test_without_a_network_it_says_what_to_do(self, monkeypatch, home):
        def get_file(name, origin, cache_subdir):
            raise Exception(f"URL fetch failure on {origin}")

        monkeypatch.setattr(keras.utils, "get_file", get_file)
        with pytest.raises(KerasclfError, match=r"could not be downloaded .* kerasclf weights convert"):
            find_pretrained("squeezenet1_1", "imagenet")

    def test_without_pytorch_nothing_is_downloaded(self, monkeypatch, home):
        asked = self.serve(monkeypatch, home)
        monkeypatch.setattr(published, "find_spec", lambda name: None)
        with pytest.raises(KerasclfError, match=r"that only PyTorch reads\. Install it once \(pip install torch\)"):
            find_pretrained("squeezenet1_1", "imagenet")
        assert not asked


def test_a_photograph_is_cut_as_for_the_published_accuracy():
    image = np.zeros((1, 300, 400, 3), np.float32)
    image[:, :, 50:350] = 255  # the largest square in the middle
    cut = np.asarray(photograph_layers("resnet18")(image))
    assert cut.shape == (1, 224, 224, 3)
    np.testing.assert_allclose(cut, 255, rtol=1e-6)
