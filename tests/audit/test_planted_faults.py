"""The planted faults of docs/check.md; the findings are measured by benchmarks/planted_faults.py."""

import pytest
from PIL import Image

from benchmarks.planted_faults import VARIANTS, found_faults, plant, summary
from tests.audit.scenes import scenes


@pytest.fixture
def folder(tmp_path):
    """Two classes of 30 pictures each."""
    for number, picture in enumerate(scenes(60)):
        path = tmp_path / "birds" / ("cuckoo", "grebe")[number % 2] / f"{number // 2:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return tmp_path / "birds"


def test_faults_are_planted_by_a_seed(folder, tmp_path):
    pairs, wrong = plant(folder, tmp_path / "photos", seed=0)
    counts = {
        (path.parent.parent.name, path.parent.name): len(list(path.parent.iterdir()))
        for path in (tmp_path / "photos").glob("*/*/*")
    }
    # 18 of 30 train, 2 validate and 10 test; every second test image has a variant, one of each kind.
    assert {(s, c): n for (s, c), n in counts.items() if s != "train"} == {
        (s, c): n for s, n in (("valid", 2), ("test", 10)) for c in ("cuckoo", "grebe")
    }
    assert counts["train", "cuckoo"] + counts["train", "grebe"] == 2 * (18 + 5)
    assert sorted(pairs.values()) == sorted([*VARIANTS] * 2)
    assert pairs["grebe/crop_20.jpg", "grebe/20.png"] == "crop"
    assert all((tmp_path / "photos/train" / train).is_file() for train, _ in pairs)
    assert len(wrong) == round(0.05 * 36)
    assert all((tmp_path / "photos/train" / name).is_file() for name in wrong)
    for name in wrong:
        label, _, moved = name.partition("/")
        own, _, file = moved.partition("_")
        assert {own, label} == {"cuckoo", "grebe"}
        assert (tmp_path / "photos/train" / name).read_bytes() == (folder / own / file).read_bytes()
    assert plant(folder, tmp_path / "again", seed=0) == (pairs, wrong)


def test_findings_are_compared_with_what_was_planted(tmp_path):
    (tmp_path / "findings.csv").write_text(
        "kind,file,set,other_file,other_set\n"
        "near_across,a/x.png,test,a/crop_x.jpg,train\n"
        "near_across,a/y.png,validation,a/z.png,train\n"
        "near_duplicate,a/1.png,train,a/2.png,train\n"
        "label_error,b/3.png,train,,\n"
        "label_error,b/3.png,test,,\n"
    )
    pairs, wrong = found_faults(tmp_path / "findings.csv")
    assert pairs == {("a/crop_x.jpg", "a/x.png")}
    assert wrong == {"b/3.png", "test: b/3.png"}
    assert summary("label errors", wrong, {"b/3.png", "b/4.png", "b/5.png", "b/6.png"}) == (
        "label errors: 2 found, 4 planted, 1 of both; precision 50 %, recall 25 %"
    )
