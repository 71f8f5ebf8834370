"""Which images some words name. Nothing is decoded."""

import io
import os

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.inference.image_files import ImageFiles


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with images in two levels, and with files that are none."""
    for name in ("b.jpg", "a.png", "notes.txt", ".hidden.jpg", "more/c.jpg", "more/deep/d.JPG", "more/._c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give_stdin(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (".", ["a.png", "b.jpg", "more/c.jpg", "more/deep/d.JPG"]),
        ("more", ["more/c.jpg", "more/deep/d.JPG"]),
        ("b.jpg", ["b.jpg"]),
        ("notes.txt", ["notes.txt"]),  # given by name: its row says that it is no image
        ("*", ["a.png", "b.jpg", "more/c.jpg", "more/deep/d.JPG"]),
        ("*.jpg", ["b.jpg"]),
        ("**/*.jpg", ["b.jpg", "more/c.jpg"]),
        ("**/*", ["a.png", "b.jpg", "more/c.jpg", "more/deep/d.JPG"]),
        ("**/deep", ["more/deep/d.JPG"]),
        ("m[o]re/?.jpg", ["more/c.jpg"]),
    ],
)
def test_files_folders_and_globs(here, word, found):
    files = ImageFiles((word,))
    assert list(files) == found
    assert files.check() == len(found)


def test_a_file_with_the_name_of_a_glob_is_itself(here):
    (here / "b[1].jpg").write_bytes(b"")
    (here / "b1.jpg").write_bytes(b"")
    assert list(ImageFiles(("b[1].jpg",))) == ["b[1].jpg"]


def test_a_column_is_relative_to_its_table(here):
    (here / "more" / "photos.csv").write_bytes(b'\xef\xbb\xbfid,path\n1,c.jpg\n2,"deep/d.JPG"\n3,\n4\n5,/x/\xff.jpg\n')
    files = ImageFiles(("more/photos.csv:path",))
    assert list(files) == ["more/c.jpg", "more/deep/d.JPG", os.fsdecode(b"/x/\xff.jpg")]
    assert files.check() == 3


def test_tables_are_those_that_training_reads(here):
    (here / "semicolons.csv").write_text("name;path\n1;a.png\n2;more\\c.jpg\n")
    (here / "lines.jsonl").write_text('{"path": "b.jpg"}\n{"path": null}\n')
    files = ImageFiles(("semicolons.csv:path", "lines.jsonl:path"))
    assert list(files) == ["a.png", "more/c.jpg", "b.jpg"]
    with pytest.raises(KerasclfError, match=r"Expected lines\.jsonl:COLUMN, .* Its columns: path\."):
        ImageFiles(("lines.jsonl",)).check()


def test_standard_input_is_read_line_by_line_and_not_counted(here, monkeypatch):
    give_stdin(monkeypatch, b"a.png\r\n\nmore/\xff.jpg\n")
    files = ImageFiles(("-", "b.jpg"))
    assert files.check() is None
    assert list(files) == ["a.png", os.fsdecode(b"more/\xff.jpg"), "b.jpg"]


def test_a_folder_that_links_to_itself_ends(here):
    (here / "more" / "up").symlink_to(here)
    assert len(list(ImageFiles((".",)))) == 4


def test_all_words_that_name_nothing_are_listed(here):
    (here / "empty").mkdir()
    (here / "texts").mkdir()
    (here / "texts" / "a.txt").write_bytes(b"")
    (here / "photos.csv").write_text("id,path\n1,\n")
    words = (
        "mor",
        "*.gif",
        "empty",
        "texts",
        "photos.csv",
        "photos.csv:pat",
        "photos.csv:path",
        "no.csv:path",
        "-",
        "-",
    )
    with pytest.raises(KerasclfError) as caught:
        ImageFiles(words).check()
    lines = str(caught.value).splitlines()
    assert lines[0] == "Some images cannot be found:"
    assert [line.removeprefix("  - ") for line in lines[1:3]] == [
        "mor does not exist. Did you mean 'more'?",
        "Expected at least one image. Received: *.gif, which matches no image.",
    ]
    assert lines[3].endswith("in the folder empty. Received: none.")
    assert "in the folder texts. Received: none (left out 1 file that is no image (1 .txt)" in lines[4]
    assert [line.removeprefix("  - ") for line in lines[5:]] == [
        "Expected photos.csv:COLUMN, the column with the paths of the images. Its columns: id, path.",
        "photos.csv: Unknown column 'pat'. Did you mean 'path'? Known: id, path.",
        "Expected at least one image. Received: photos.csv:path, which names no image.",
        "The table no.csv does not exist.",
        "Expected - for standard input once. Received it twice.",
    ]
