"""Files that announce more than they hold, or would unpack to gigabytes: refused at once, in little memory."""

import os
import struct
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from kerasclf.commands import show as show_command
from kerasclf.errors import KerasclfError
from kerasclf.files import hdf5_check
from kerasclf.files.arrays import check_unpacked_size, read_npz
from kerasclf.files.reading import read_json
from kerasclf.models.weights.keras_files import read_keras_file
from kerasclf.models.weights.torch_files import read_torch_file

# Reads a file with 512 MB more memory than the process has after its imports.
LIMITED = """
import resource, sys
from pathlib import Path
from kerasclf.data.pixels.decode import read_image
from kerasclf.errors import KerasclfError
from kerasclf.files.arrays import read_npz
from kerasclf.files.reading import read_json
from kerasclf.runs.examples import read_examples
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (512 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
READ = {".json": read_json, ".npz": read_examples, ".png": read_image}
for name in sys.argv[1:]:
    try:
        READ[Path(name).suffix](Path(name))
    except KerasclfError as error:
        print(error)
    else:
        print("read")
"""


def npy(shape, content, kind="|u1"):
    """An array file that announces a shape, whatever its content."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def png(width, height):
    """A PNG file that announces a size and holds no pixel."""
    import zlib

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux only")
def test_hostile_files_take_little_memory_and_time(tmp_path):
    files = {
        "nested.json": b"[" * 100_000,
        "large.json": b" " * (9 << 20),
        "unpacks.npz": None,
        "announces.npz": None,
        "objects.npz": None,
        "huge.png": png(60_000, 60_000),
    }
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    write_zip(tmp_path / "unpacks.npz", {"images.npy": npy((96 << 20,), bytes(96 << 20))})
    write_zip(tmp_path / "announces.npz", {"images.npy": npy((100_000, 100_000), b"1234")})
    write_zip(tmp_path / "objects.npz", {"images.npy": npy((1,), b"cos\nsystem\n.", "|O")})
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *(str(tmp_path / name) for name in files)],
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(files)
    reasons = (
        "is not valid JSON", "expected at most 8,388,608 bytes", "expected at most 67,108,864 bytes when unpacked",
        "images.npy announces 10,000,000,000 bytes and holds 4", "images.npy announces",
        "cannot be read as an image",
    )  # fmt: skip
    for line, name, reason in zip(lines, files, reasons, strict=True):
        assert name in line
        assert reason in line


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (struct.pack("<Q", 200_000) + b'{"a":' + b"[" * 199_995, "nested.safetensors cannot be read"),
        (struct.pack("<Q", 2**62) + b"{}", "it is truncated in its header"),
        (struct.pack("<Q", 80) + b'{"w":{"dtype":"F32","shape":[99,99],"data_offsets":[0,40000000000]}}'.ljust(80),
         "it is truncated in tensor 'w'"),
        (struct.pack("<Q", 50) + b'{"w":{"data_offsets":["a",{}]}}'.ljust(50), "cannot be read"),
    ],
)  # fmt: skip
def test_a_safetensors_file_may_announce_anything(tmp_path, content, reason):
    path = tmp_path / "nested.safetensors"
    path.write_bytes(content)
    with pytest.raises(KerasclfError, match=reason):
        read_torch_file(path)


def test_an_h5_file_may_not_announce_more_than_it_holds(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        group = file.create_group("conv")
        group.attrs["weight_names"] = [b"kernel"]
        group.create_dataset("kernel", (100_000, 100_000), np.float32, chunks=(100, 100))
    with pytest.raises(KerasclfError, match="it announces 40,000,000,000 bytes of weights"):
        read_keras_file(path, "mobilenet_v2")


@pytest.mark.parametrize("kind", ["link", "external", "virtual"])
def test_an_h5_file_may_not_refer_to_another_file(tmp_path, kind):
    path, other = tmp_path / "w.h5", tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["kernel"] = np.zeros(3, np.float32)
    with h5py.File(path, "w") as file:
        if kind == "link":
            file["kernel"] = h5py.ExternalLink(str(other), "kernel")
        elif kind == "external":
            file.create_dataset("kernel", (3,), np.float32, external=[(str(other), 0, 12)])
        else:
            layout = h5py.VirtualLayout((3,), np.float32)
            layout[:] = h5py.VirtualSource(str(other), "kernel", (3,))
            file.create_virtual_dataset("kernel", layout)
    with pytest.raises(KerasclfError, match="kernel lies in another file"):
        read_keras_file(path, "mobilenet_v2")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import time; time.sleep(60)", "it is damaged, and reading it does not end"),
        ("import os; os.abort()", "it is damaged, and the HDF5 library fails to read it"),
    ],
)
def test_a_file_on_which_the_library_hangs_or_crashes_is_refused(tmp_path, monkeypatch, script, message):
    """Two flipped bits are enough; which ones depends on the version of the library."""
    (tmp_path / "w.h5").write_bytes(b"anything")
    (tmp_path / "script.py").write_text(script)
    monkeypatch.setattr(hdf5_check, "__file__", str(tmp_path / "script.py"))
    monkeypatch.setattr(hdf5_check, "_LEAST_S", 2)
    with pytest.raises(KerasclfError, match=message):
        read_keras_file(tmp_path / "w.h5", "mobilenet_v2")


def test_the_weights_within_a_model_are_checked_too(tmp_path):
    path, weights = tmp_path / "m.keras", tmp_path / "w.h5"
    with h5py.File(weights, "w") as file:
        file.create_dataset("kernel", (100_000, 100_000), np.float32, chunks=(100, 100))
    write_zip(path, {"config.json": b"{}", "model.weights.h5": weights.read_bytes()})
    with pytest.raises(KerasclfError, match="it announces 40,000,000,000 bytes of weights"):
        show_command._load(path)


def test_a_model_may_not_unpack_to_far_more_than_its_size(tmp_path):
    path = write_zip(tmp_path / "m.keras", {"config.json": b"{}", "model.weights.h5": bytes(101 << 20)})
    message = "it would unpack to 105,906,178 bytes"
    with pytest.raises(KerasclfError, match=message):
        show_command._load(path)
    with pytest.raises(KerasclfError, match=message):
        read_keras_file(path, "basenet")
    stored = tmp_path / "stored.zip"
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("weights", bytes(101 << 20))
    check_unpacked_size(stored)


def test_a_pth_file_has_names(tmp_path, monkeypatch):
    """A stand-in for PyTorch: the file holds a mapping with a number as key."""
    path = tmp_path / "w.pth"
    path.write_bytes(b"")
    torch = SimpleNamespace(load=lambda *args, **kwargs: {3: np.zeros(2)})
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(KerasclfError, match=r"expected names of tensors\. Received: 3"):
        read_torch_file(path)
    write_zip(path, {"data.pkl": bytes(101 << 20)})
    with pytest.raises(KerasclfError, match="it would unpack to"):
        read_torch_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("read", [read_json, read_npz])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "study.json")
    with pytest.raises(KerasclfError, match="expected a regular file"):
        read(tmp_path / "study.json")
