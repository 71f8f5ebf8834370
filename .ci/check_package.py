"""Builds the package, and checks that a clean environment can install and use it. Needs only Python and a network.

    python .ci/check_package.py [FOLDER]

The source distribution and the wheel are left in FOLDER, by default dist/. The wheel is built from the source
distribution. Everything else happens in a temporary folder, whose name has a space as many names have under Windows.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MAKE_IMAGES = """
import numpy as np
from pathlib import Path
from PIL import Image

draws = np.random.default_rng(0)
for name, level in (("dark", 60), ("light", 190)):
    folder = Path("my photographs", name)
    folder.mkdir(parents=True)
    for i in range(12):
        pixels = draws.integers(level - 50, level + 50, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
"""
# Types of the package that another project's mypy sees. py.typed makes them count.
CONSUMER = """
from kerasclf import Augmentation, Experiment, TrainConfig

train: TrainConfig = TrainConfig(epochs=3)
reveal_type(Experiment(data="digits", model="mlp", augmentation=Augmentation(), train=train).train.epochs)
"""
IMPORT = "import sys, kerasclf; assert 'tensorflow' not in sys.modules; print(kerasclf.__version__)"


def main() -> None:
    """Builds, installs and uses the package. The first check that fails ends the program."""
    dist = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").absolute()
    with tempfile.TemporaryDirectory(prefix="kerasclf package ", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tools = make_environment(folder / "tools", ["build", "twine", "mypy"])
        shutil.rmtree(dist, ignore_errors=True)
        run(tools, "-m", "build", "--outdir", dist, ROOT)
        (archive,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
        run(tools, "-m", "twine", "check", "--strict", archive, wheel)
        python = make_environment(folder / "clean", [wheel])
        run(python, "-m", "pip", "check")
        check_commands(python, folder, wheel.name.split("-")[1])
        check_types(tools, python, folder)
        run(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", archive)
        check_version(python, folder, wheel.name.split("-")[1])
        print(f"\nPython {sys.version.split()[0]}: {archive.name} and {wheel.name} work.")


def make_environment(folder: Path, packages: Sequence[object]) -> Path:
    """Makes a virtual environment with packages, and returns its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    start = time.monotonic()
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    print(f"{folder.name}: {size / 1e6:,.0f} MB in {time.monotonic() - start:.0f} s", flush=True)
    return python


def check_commands(python: Path, folder: Path, version: str) -> None:
    """Runs what a new user runs, outside the checkout, on images in a folder with a space in its name."""
    check_version(python, folder, version)
    assert "@software" in run(python, "-m", "kerasclf", "cite", cwd=folder)
    assert "kerasclf" in run(python, "-m", "kerasclf", "completion", "bash", cwd=folder)
    run(python, "-c", MAKE_IMAGES, cwd=folder)
    how = ("--backbone", "mlp", "--weights", "none", "--image-size", "32x32", "--epochs", "1", "--out", "my run")
    run(python, "-m", "kerasclf", "train", "my photographs", *how, cwd=folder)
    told = run(python, "-m", "kerasclf", "predict", "my run", "my photographs", "--out", "answers.csv", cwd=folder)
    assert (folder / "answers.csv").read_text(encoding="utf-8").count("\n") == 1 + 24, told
    run(python, "-m", "kerasclf", "study", "basenet", "--data", "shapes", "--quick", "--out", "a study", cwd=folder)
    assert (folder / "a study" / "report" / "index.html").is_file()


def check_version(python: Path, folder: Path, version: str) -> None:
    """Checks the installed version, by the command and by the library, which does not import TensorFlow."""
    command = python.with_name("kerasclf" + python.suffix)
    assert run(command, "--version", cwd=folder) == f"kerasclf {version}\n"
    assert run(python, "-c", IMPORT, cwd=folder) == f"{version}\n"


def check_types(tools: Path, python: Path, folder: Path) -> None:
    """Checks that mypy finds the types of the installed package in the code of another project."""
    (folder / "consumer.py").write_text(CONSUMER, encoding="utf-8")
    told = run(tools, "-m", "mypy", "--strict", "--python-executable", python, "consumer.py", cwd=folder)
    assert 'Revealed type is "int"' in told.replace("builtins.int", "int"), told


def run(program: Path, *arguments: object, cwd: Path = ROOT) -> str:
    """Runs a program and returns what it prints; prints all of it and ends if the program fails."""
    words = [str(program), *map(str, arguments)]
    print("$", *(word if "\n" not in word else "…" for word in words[1:]), flush=True)
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nexit code {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
