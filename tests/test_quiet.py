"""TensorFlow is quiet after `import kerasclf`."""

import gc
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kerasclf import quiet

# A package in TensorFlow's place: it writes to standard error below Python, as TensorFlow's C++ code does.
FAKE = "import os\nos.write(2, b'I0000 oneDNN custom operations are on.')\n"


def run(code, tmp_path, **environment):
    (tmp_path / "tensorflow").mkdir(exist_ok=True)
    (tmp_path / "tensorflow" / "__init__.py").write_text(FAKE)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    clean = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code], env={**clean, "PYTHONPATH": path, **environment}, capture_output=True, text=True
    )


def test_the_first_import_of_tensorflow_writes_nothing(tmp_path):
    done = run("import kerasclf, tensorflow, os; os.write(2, b'later messages show')", tmp_path)
    assert done.stderr == "later messages show"
    assert "I0000" in run("import tensorflow, kerasclf", tmp_path).stderr  # too late


@pytest.mark.parametrize(
    ("code", "environment", "level"),
    [
        ("import kerasclf", {}, "2"),
        ("import kerasclf", {"TF_CPP_MIN_LOG_LEVEL": "0"}, "0"),
        ("import tensorflow, kerasclf", {}, "None"),
    ],
)
def test_the_level_of_messages_is_set_unless_the_user_says_otherwise(tmp_path, code, environment, level):
    done = run(f"{code}, os; print(os.environ.get('TF_CPP_MIN_LOG_LEVEL'))", tmp_path, **environment)
    assert done.stdout.strip() == level


def test_a_missing_tensorflow_is_reported_as_usual():
    code = "import kerasclf, sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; import tensorflow"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "No module named 'tensorflow'" in done.stderr


def test_the_collector_pauses_and_goes_on():
    with quiet.without_collector():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with quiet.without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_hidden_packages_cannot_be_imported_in_this_thread_until_the_end():
    with quiet.HiddenPackages("colorsys"), ThreadPoolExecutor(1) as pool:
        sys.modules.pop("colorsys", None)
        with pytest.raises(ModuleNotFoundError, match="colorsys is hidden"):
            importlib.import_module("colorsys")
        assert pool.submit(importlib.import_module, "colorsys").result().__name__ == "colorsys"
        importlib.import_module("colorsys")  # imported already
    sys.modules.pop("colorsys")
    importlib.import_module("colorsys")
