"""The benchmark of time to accuracy: its sets, its contestants, and what a second start goes on with."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import time_to_accuracy
from benchmarks.time_to_accuracy import CONTESTANTS, Rounds, divide, installed, main, row_of


def sets_of(folder):
    return {part: sorted(path.name for path in (folder / part).rglob("*.jpg")) for part in ("train", "valid", "test")}


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        for number in range(20):
            file = tmp_path / "photos" / name / f"{name}{number:02}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return tmp_path / "photos"


def test_a_folder_is_divided_by_class_and_anew_in_each_round(tmp_path, photos):
    for out, seed in (("a", 0), ("again", 0), ("b", 1)):
        divide(str(photos), tmp_path / out, seed)
    found = sets_of(tmp_path / "a")
    assert {part: len(files) for part, files in found.items()} == {"train": 24, "valid": 6, "test": 10}
    assert len({file for files in found.values() for file in files}) == 40
    assert len(list((tmp_path / "a" / "test" / "dog").iterdir())) == 5
    assert found == sets_of(tmp_path / "again") != sets_of(tmp_path / "b")


def test_birds_keep_their_test_images(tmp_path, photos):
    root = tmp_path / "birds"
    photos.rename(root.parent / "images")
    root.mkdir()
    (root.parent / "images").rename(root / "images")
    (root / "lists").mkdir()
    names = [f"{name}/{name}{number:02}.jpg" for name in ("cat", "dog") for number in range(20)]
    (root / "lists" / "train.txt").write_text("\n".join(names[::2]))
    (root / "lists" / "test.txt").write_text("\n".join(names[1::2]))
    divide(f"birds:{root}", tmp_path / "out", 0)
    found = sets_of(tmp_path / "out")
    assert found["test"] == sorted(Path(name).name for name in names[1::2])
    assert (len(found["train"]), len(found["valid"])) == (16, 4)
    assert (tmp_path / "out" / "test" / "dog" / "dog01.jpg").resolve() == root / "images" / "dog" / "dog01.jpg"


def test_a_contestant_without_its_packages_is_left_out_with_a_hint(capsys, monkeypatch):
    monkeypatch.setitem(time_to_accuracy.RIVALS, "fastai", time_to_accuracy.Rival("x", "y", ("no_such_package",)))
    assert list(installed(["kerasclf", "fastai"], dict.fromkeys(CONTESTANTS, sys.executable))) == ["kerasclf"]
    assert capsys.readouterr().err == (
        f"fastai takes no part: {sys.executable} lacks no_such_package. Install it there, or name another Python: "
        "--rivals fastai=PYTHON\n"
    )


def test_a_second_start_measures_only_what_is_missing(tmp_path, photos, monkeypatch, capsys):
    made = []

    def measure(images, weights, seconds):
        made.append((sets_of(images)["test"], seconds))
        if len(made) == 2:
            raise RuntimeError("out of memory")
        return {"accuracy": 0.5, "seconds": seconds, "what": "head"}

    monkeypatch.setattr(time_to_accuracy, "kerasclf", measure)
    command = [str(photos), "--weights", str(tmp_path), "--only", "kerasclf", "--rounds", "2", "--minutes", "1", "2"]
    command += ["--add-to", str(tmp_path / "rounds.json")]
    main(command)
    assert [seconds for _, seconds in made] == [60, 120, 60, 120]
    assert made[0][0] == made[1][0] != made[2][0]
    assert f"{photos}, 2 min, kerasclf, round 1 failed:\nout of memory" in capsys.readouterr().err
    main(command)
    assert made[4:] == made[1:2]
    assert len(json.loads((tmp_path / "rounds.json").read_text())) == 4
    assert "| 2 min | kerasclf | 0.500 (0.500–0.500) | 120–120 | head |" in capsys.readouterr().out


def test_a_rival_needs_a_name_and_a_python(capsys):
    with pytest.raises(SystemExit):
        main(["photos", "--weights", "w", "--rivals", "pytorch=python3"])
    assert "--rivals: expected fastai=PYTHON or autokeras=PYTHON. Received: pytorch=python3." in capsys.readouterr().err


def test_rounds_without_a_model_are_counted():
    results = [
        {"accuracy": None, "seconds": 50.0, "what": "no trial was finished"},
        {"accuracy": 0.25, "seconds": 61.0, "what": "2 trials"},
    ]
    assert row_of(1, "autokeras", results)[2:] == [
        "0.250 (0.250–0.250), none in 1 of 2 rounds", "50–61", "no trial was finished; 2 trials",
    ]  # fmt: skip
    assert row_of(1, "autokeras", results[:1])[2] == "no model"


def test_the_file_is_not_needed(capsys):
    rounds = Rounds(None)
    rounds.add("x, 1 min, kerasclf, round 1", lambda: {"accuracy": 1.0})
    assert rounds.of("x, 1 min, kerasclf") == [{"accuracy": 1.0}]
    assert rounds.of("x, 1 min, keras") == []
