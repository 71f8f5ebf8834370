"""Files of tensors, whole and damaged."""

import json
import re
import struct
import sys
import zipfile

import pytest
from safetensors.numpy import save_file

from kerasclf.errors import KerasclfError
from kerasclf.models.weights.torch_files import read_torch_file


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_file_names_the_first_truncated_tensor(tensors, tmp_path, keep):
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(
        KerasclfError, match=r"truncated in tensor '[\w.]+': expected [\d,]+ bytes, received [\d,]+\."
    ) as caught:
        read_torch_file(path)
    name = re.search(r"tensor '([\w.]+)'", str(caught.value))[1]
    length = struct.unpack("<Q", content[:8])[0]
    begin, end = json.loads(content[8 : 8 + length])[name]["data_offsets"]
    assert begin <= int(len(content) * keep) - 8 - length < end


def test_a_file_truncated_in_its_header_says_so(tensors, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(tensors, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(KerasclfError, match="truncated in its header, before the first tensor"):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("name", "message"), [("none.safetensors", "does not exist"), ("weights.bin", r"expected a file \.safetensors")]
)
def test_files_it_cannot_read_are_named(tmp_path, name, message):
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(KerasclfError, match=message):
        read_torch_file(tmp_path / name)


def test_without_pytorch_a_pth_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "resnet18.pth").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(KerasclfError, match=r"only PyTorch reads\. Install it \(pip install torch\)"):
        read_torch_file(tmp_path / "resnet18.pth")


def test_a_damaged_archive_is_refused_before_pytorch_is_looked_for(tmp_path, monkeypatch):
    path = tmp_path / "resnet18.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(300 << 20))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(KerasclfError, match=r"resnet18\.pth cannot be read: it would unpack to 314,572,800 bytes"):
        read_torch_file(path)
