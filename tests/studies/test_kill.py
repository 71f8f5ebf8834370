"""A study that is killed at any moment and resumed gives results that are bit-identical to an uninterrupted study."""

import itertools
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from kerasclf.files.reading import file_digest
from kerasclf.studies.study_folder import StudyFolder
from tests.photos import add_images
from tests.studies.killable import killable_study, sharing_study
from tests.studies.kills import KilledCommand, check_outcomes, finish, kill, outcome, random_kills, start, wait_for

EXPERIMENTS = {**sharing_study().experiments, **killable_study().experiments}
ALL, SHARING = tuple(killable_study().experiments), tuple(sharing_study().experiments)
KILLABLE = "tests.studies.killable"


def columns_of(table):
    return pd.read_csv(table).drop(columns=["seconds", "images_per_second", "waiting_share"], errors="ignore")


def rows_in(cache):
    """Returns the activations in each cache, by the key of the image."""
    found = []
    for keys in cache.rglob("keys.txt"):
        names = keys.read_text().split()
        rows = np.split(np.fromfile(keys.with_name("rows.bin"), np.uint8), len(names))
        found.append({name: row.tobytes() for name, row in zip(names, rows, strict=True)})
    return found


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def check_same(folder, uninterrupted, names):
    experiments = {name: EXPERIMENTS[name] for name in names}
    check_outcomes(outcome(folder, experiments), outcome(uninterrupted, experiments))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("ema",), id="one", marks=pytest.mark.slow),
        pytest.param(("plateau", "ema"), id="side by side", marks=pytest.mark.slow),
    ],
)
def test_a_killed_study_ends_like_an_uninterrupted_one(tmp_path, names):
    """The study is killed in the middle of its runs, and its workers end by themselves."""
    finish(KILLABLE, tmp_path / "uninterrupted", *names)
    process = start(KILLABLE, tmp_path / "study", *names)
    wait_for(process, names[0], "epoch 2/")
    kill(process, with_workers=False)
    assert f"{names[0]}  resumes after epoch" in finish(KILLABLE, tmp_path / "study", *names)
    check_same(tmp_path / "study", tmp_path / "uninterrupted", names)


@pytest.mark.slow
def test_a_continued_training_killed_twice_ends_like_an_uninterrupted_one(tmp_path, monkeypatch):
    """It starts from the model of the earlier run, and its new images are divided, the same way each time."""
    import keras

    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    photos, first = tmp_path / "photos", tmp_path / "first"
    add_images(photos, 12)
    finish("kerasclf", "train", "--data", f"folder:{photos}", "--backbone", "squeezenet1_1", "--weights", "none",
           "--unfreeze", "last2", "--quick", "--image-size", "32x32", "--out", first)  # fmt: skip
    add_images(photos, 8, first=20)
    command = ("kerasclf", "train", "--continue", first, "--epochs", "40", "--out")
    finish(*command, tmp_path / "uninterrupted")
    for epoch, with_workers in ((3, False), (20, True)):
        process = start(*command, tmp_path / "killed")
        wait_for(process, f"epoch {epoch}/40")
        kill(process, with_workers)
    assert "  resumes after epoch " in finish(*command, tmp_path / "killed")
    (expected,), (found,) = (
        [run.parent for run in (tmp_path / name).glob("runs/*/seed-0/model.keras")]
        for name in ("uninterrupted", "killed")
    )
    for name in ("predictions.csv", "earlier_predictions.csv", "classes.json"):
        assert file_digest(found / name) == file_digest(expected / name), name
    pd.testing.assert_frame_equal(columns_of(found / "history.csv"), columns_of(expected / "history.csv"))
    models = (keras.models.load_model(run / "model.keras").get_weights() for run in (found, expected))
    for one, other in zip(*models, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_ctrl_c_stops_a_study_and_its_workers(tmp_path):
    command = [sys.executable, "-m", "kerasclf", "study", "basenet", "--data", "digits", "--image-size", "32x32",
               "--jobs", "2", "--only", "sgd_40", "--repeats", "2", "--out", str(tmp_path / "out")]  # fmt: skip
    # In the background a shell ignores Ctrl-C, and the children of these tests would inherit that.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for line in process.stdout:
        if "epoch 1/40" in line:
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.send_signal(signal.SIGINT)
    try:
        log = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Repeat the command to resume." in log
    assert "Traceback" not in log
    assert not psutil.wait_procs(workers, timeout=5)[1]


@pytest.mark.slow
def test_studies_killed_twenty_times_end_like_an_uninterrupted_one(tmp_path):
    """The moments are random, from the first imports to the last figure, in as many studies as needed."""
    command = KilledCommand(["-m", KILLABLE], tmp_path)
    command.finish(str(tmp_path / "uninterrupted"), *ALL)
    outs = ((str(tmp_path / f"study-{number}"), *ALL) for number in itertools.count())
    for study, *_ in random_kills(command, 20, seed=7, longest=25, outs=outs):
        check_same(Path(study), tmp_path / "uninterrupted", ALL)
        assert names_in(study) == names_in(tmp_path / "uninterrupted")


@pytest.mark.slow
def test_shared_runs_killed_twenty_times_end_like_runs_alone(tmp_path):
    command = KilledCommand(["-m", KILLABLE], tmp_path)
    command.finish(str(tmp_path / "alone"), *SHARING, "--no-share")
    outs = ((str(tmp_path / f"study-{number}"), *SHARING) for number in itertools.count())
    taken = []
    for study, *_ in random_kills(command, 20, seed=11, longest=25, outs=outs):
        check_same(Path(study), tmp_path / "alone", SHARING)
        assert names_in(study) == names_in(tmp_path / "alone")
        runs = (StudyFolder(Path(study)).run(name, EXPERIMENTS[name].identity, 0) for name in SHARING)
        taken += [share["epochs"] for run in runs for share in run.description().get("shared", {"taken": []})["taken"]]
    assert sum(taken) > 20


# Makes the extraction of a command slow, in each of its processes.
SLOW_EXTRACTION = """
import importlib.machinery, sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name != "kerasclf.transfer.extraction":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def execute_slowly(module):
            execute(module)
            module._WRITE_BYTES = 1
            padded = module._padded
            module._padded = lambda images: time.sleep(0.7) or padded(images)
        spec.loader.exec_module = execute_slowly
        return spec

sys.meta_path.insert(0, Slow())
"""


@pytest.mark.slow
def test_an_extraction_killed_seven_times_ends_like_an_uninterrupted_one(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(60):
            Image.fromarray(draw.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{number}.png")
    (tmp_path / "sitecustomize.py").write_text(SLOW_EXTRACTION)
    command = KilledCommand(
        ["-m", "kerasclf", "train", "--data", f"folder:{tmp_path / 'photos'}", "--backbone", "squeezenet1_1",
         "--weights", "none", "--unfreeze", "head", "--quick", "--image-size", "32x32", "--epochs", "2", "--out"],
        tmp_path,
        {"KERASCLF_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    command.finish(str(tmp_path / "uninterrupted"))
    rows = rows_in(tmp_path / "cache")
    assert len(rows) == 1, "nothing was extracted"

    def outs():
        for number in itertools.count():
            shutil.rmtree(tmp_path / "cache")
            yield (str(tmp_path / f"run-{number}"),)

    for (out,) in random_kills(command, 7, seed=3, longest=20, outs=outs()):
        for file in ("predictions.csv", "history.csv"):
            before, after = (columns_of(next(Path(path).rglob(file))) for path in (tmp_path / "uninterrupted", out))
            pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert rows_in(tmp_path / "cache") == rows
