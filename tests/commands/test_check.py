"""`kerasclf check`."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from kerasclf.cli import main
from kerasclf.data.decode import read_image
from tests.audit.scenes import VARIANTS, rows_of, scenes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of two classes in three sets without any fault."""
    root = tmp_path_factory.mktemp("data") / "photos"
    pictures = iter(scenes(40, seed=5, side=48))
    for subset, count in (("train", 12), ("valid", 4), ("test", 4)):
        for name in ("cat", "dog"):
            (root / subset / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(next(pictures)).save(root / subset / name / f"{number:02}.png")
    return root


@pytest.fixture
def faulty(photos, tmp_path):
    """The folder with an equal image and five near-duplicates across sets, and an image in two classes."""
    root = shutil.copytree(photos, tmp_path / "photos")
    for number, (name, change) in enumerate(VARIANTS.items()):
        picture = read_image(root / f"train/cat/{number:02}.png")
        Image.fromarray(change(picture)).save(root / f"test/cat/{name}.png")
    shutil.copy(root / "train/cat/06.png", root / "test/cat/copy.png")
    shutil.copy(root / "train/cat/07.png", root / "train/dog/copy.png")
    return root


def pair_of(row):
    """Returns set and file of both images of a finding; the training set is shuffled, so either may be first."""
    return frozenset({f"{row['set']}: {row['file']}", f"{row['other_set']}: {row['other_file']}"})


def check(*arguments, code=0):
    if not code:
        main(["check", *arguments])
        return
    with pytest.raises(SystemExit) as caught:
        main(["check", *arguments])
    assert caught.value.code == code


def test_a_faultless_folder_is_checked(photos, tmp_path, capsys):
    out = tmp_path / "out"
    check(f"folder:{photos}", "--out", str(out))
    printed = capsys.readouterr().out
    assert "24 train, 8 validation, 8 test" in printed
    assert f"page: {out / 'index.html'}\nclean list: {out / 'clean.csv'}, 40 of 40 images\n" in printed
    assert sorted(path.name for path in out.iterdir()) == ["clean.csv", "findings.csv", "index.html"]
    rows = rows_of(out / "clean.csv")
    assert len(rows) == 40 and rows[0].keys() == {"image", "label", "set"}
    assert {(row["label"], row["set"]) for row in rows} == {
        (label, subset) for label in ("cat", "dog") for subset in ("train", "validation", "test")
    }
    assert all(read_image(Path(row["image"])).shape == (48, 48, 3) for row in rows)


def test_faults_are_found_and_left_out(faulty, tmp_path, capsys):
    out = tmp_path / "out"
    check(f"folder:{faulty}", "--out", str(out), "--price", code=1)
    captured = capsys.readouterr()
    assert "the test accuracy of a head: " in captured.out
    assert captured.err == f"error: 7 findings of 3 kinds matter. {out / 'findings.csv'} lists them.\n"
    rows = rows_of(out / "findings.csv")
    assert {(row["kind"], pair_of(row)) for row in rows if row["matters"] == "yes"} == {
        *(
            ("near_across", frozenset({f"test: cat/{name}.png", f"train: cat/{n:02}.png"}))
            for n, name in enumerate(VARIANTS)
        ),
        ("duplicate_across", frozenset({"test: cat/copy.png", "train: cat/06.png"})),
        ("conflicting_labels", frozenset({"train: dog/copy.png", "train: cat/07.png"})),
    }
    kept = {row["image"] for row in rows_of(out / "clean.csv")}
    assert len(kept) == 47 - 8
    assert {str(faulty / "test/cat" / f"{name}.png") for name in (*VARIANTS, "copy")} <= kept

    page = (out / "index.html").read_text()
    assert "7 findings that matter." in page
    assert "Without the findings it lacks 8 images in fitting and 0 test images." in page
    assert "<h2>Near-duplicates across sets: 5</h2>" in page
    assert "<td>cat</td><td>12</td><td>4</td><td>10</td><td>26</td><td>48×48</td>" in page
    assert page.count("data:image/jpeg") >= 2 * 7 + 2 * 8
    assert not re.search(r'(src|href)="(?!data:)', page)  # it needs no other file


def test_names_are_escaped_on_the_page(photos, tmp_path):
    root = shutil.copytree(photos, tmp_path / "photos")
    for subset in ("train", "valid", "test"):
        (root / subset / "cat").rename(root / subset / "<b>cat")
    check(f"folder:{root}", "--out", str(tmp_path / "out"))
    page = (tmp_path / "out/index.html").read_text()
    assert "<b>cat" not in page and "&lt;b&gt;cat" in page


def test_only_an_earlier_check_is_replaced(photos, tmp_path, refused):
    out, spec = tmp_path / "out", f"folder:{photos}"
    check(spec, "--out", str(out))
    (out / "note.txt").write_text("from the first check")
    message = f"{out} already exists and is not overwritten. Give another --out, or --overwrite.\n"
    assert refused("check", spec, "--out", str(out)).endswith(message)
    assert (out / "note.txt").exists()
    check(spec, "--out", str(out), "--overwrite")
    assert not (out / "note.txt").exists()

    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("")
    assert "--out: expected a new or empty folder." in refused("check", spec, "--out", str(other), "--overwrite")
    assert (other / "thesis.txt").exists()


def test_all_problems_are_reported_at_once(refused, tmp_path):
    message = refused(
        "check", f"folder:{tmp_path}/missing", "--backbone", "resnet5", "--image-size", "big", "--augment", "rotation"
    )
    assert "missing does not exist." in message
    assert "--image-size" in message and "'big'" in message
    assert "--augment: expected NAME=VALUE, such as rotation_range=15. Received: 'rotation'." in message


def test_an_unknown_network_is_refused(photos, refused):
    assert "Did you mean" in refused("check", f"folder:{photos}", "--backbone", "keras_resnet5", "--weights", "none")


@pytest.mark.parametrize("spec", ["iris", "points"])
def test_tables_are_refused(spec, refused):
    assert f"Expected a data set of images. Received: {spec}, a table." in refused("check", spec)


def test_the_results_may_not_lie_among_the_images(photos, refused):
    assert "lies inside the images" in refused("check", f"folder:{photos}", "--out", str(photos / "train/check"))


def test_broken_files_are_findings(photos, tmp_path, capsys):
    root = shutil.copytree(photos, tmp_path / "photos")
    broken = root / "train/dog/03.png"
    broken.write_bytes(broken.read_bytes()[:200])
    out = tmp_path / "out"
    check(f"folder:{root}", "--out", str(out), code=1)
    assert capsys.readouterr().err.startswith("error: 1 finding of 1 kind matters. ")
    (row,) = (row for row in rows_of(out / "findings.csv") if row["matters"] == "yes")
    assert (row["kind"], row["file"]) == ("broken", str(broken)) and "cannot be read as an image" in row["note"]
    assert str(broken) not in {row["image"] for row in rows_of(out / "clean.csv")}


def test_groups_that_straddle_sets_are_findings(photos, tmp_path):
    """The files of each set are numbered from 0, so most numbers lie in all sets."""
    out = tmp_path / "out"
    check(f"folder:{photos}", "--group-by", "([0-9]+).png", "--out", str(out), code=1)
    rows = [row for row in rows_of(out / "findings.csv") if row["kind"] == "straddling_group"]
    assert sorted(row["note"] for row in rows) == [
        f"{number:02}: 6 images in train, validation and test" for number in range(4)
    ]
    clean = rows_of(out / "clean.csv")
    assert {row["set"] for row in clean if row["group"] in ("00", "01", "02", "03")} == {"test"}
    assert len(clean) == 40 - 4 * 4


def test_the_clean_list_is_a_data_set_without_findings(faulty, tmp_path):
    check(f"folder:{faulty}", "--out", str(tmp_path / "out"), code=1)
    check(str(tmp_path / "out/clean.csv"), "--out", str(tmp_path / "again"))


def test_a_pattern_without_groups_is_refused(photos, refused):
    assert "--group-by" in refused("check", f"folder:{photos}", "--group-by", "patient_([0-9]+)", "--out", "unused")
