"""Tables of labels: columns, sets, groups, and every problem of a table at once."""

import json
import re

import numpy as np
import pytest

from kerasclf import Split, load_dataset
from kerasclf.data import table_files
from kerasclf.data.label_tables import parse_label_table
from kerasclf.data.specs import check_files
from kerasclf.errors import DataError, KerasclfError, Problems
from tests.photos import write_photo

LABELS = ("cat", "dog")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for number in range(24):
        write_photo(root / "images" / f"{number}.png", seed=number)
    return root


def rows_of(count=24):
    return [f"images/{number}.png,{LABELS[number % 2]},film{number // 4}" for number in range(count)]


def write_table(photos, tmp_path, lines, name="labels.csv", encoding="utf-8"):
    (tmp_path / "images").symlink_to(photos / "images")
    table = tmp_path / name
    table.write_bytes("\n".join(lines).encode(encoding))
    return table


def refused(spec):
    with pytest.raises(DataError) as caught:
        check_files(spec)
    return str(caught.value)


def test_usual_columns_are_found(photos, tmp_path):
    said = []
    table = write_table(photos, tmp_path, ["File,Class,film", *rows_of()])
    dataset = load_dataset(f"csv:{table}", log=said.append)
    assert dataset.class_names == LABELS
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 24
    for subset in (dataset.train, dataset.validation, dataset.test):
        numbers = [int(re.search(r"images/(\d+).png", name)[1]) for name in subset.names]
        assert subset.labels.tolist() == [number % 2 for number in numbers]
    assert said[0] == "columns: image 'File', label 'Class'"
    assert dataset.test.groups == ()


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_found(photos, tmp_path, delimiter):
    lines = [line.replace(",", delimiter) for line in ["image,label,film", *rows_of()]]
    table = write_table(photos, tmp_path, lines, encoding="utf-8-sig")
    assert load_dataset(f"csv:{table}").class_names == LABELS


def test_columns_groups_and_the_root_are_given(photos, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["photo,animal,film", *rows_of()]).replace("images/", ""))
    spec = f"csv:{table}:image=photo,label=animal,group=film,root={photos / 'images'}"
    dataset = load_dataset(spec, split=Split(test=0.3, validation=0.2))
    groups = [set(subset.groups) for subset in (dataset.train, dataset.validation, dataset.test)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 6
    assert dataset.test.names[0].endswith(".png")
    assert "/" not in dataset.test.names[0]


def test_a_path_alone_is_a_table(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label,film", *rows_of()])
    assert load_dataset(str(table)).spec == f"csv:{table}"


def test_sets_are_taken_from_their_column(photos, tmp_path):
    words = ("Train", "training", "val", "TEST", "train", "test")
    lines = [f"{row},{words[number // 4]}" for number, row in enumerate(rows_of())]
    dataset = load_dataset(f"csv:{write_table(photos, tmp_path, ['image,label,film,split', *lines])}")
    assert [len(subset) for subset in (dataset.train, dataset.validation, dataset.test)] == [12, 4, 8]
    assert dataset.validation.names == tuple(f"images/{number}.png" for number in range(8, 12))


def test_json_lines_have_the_same_columns(photos, tmp_path):
    rows = [dict(zip(("image", "label", "film"), row.split(","), strict=True)) for row in rows_of()]
    table = write_table(photos, tmp_path, map(json.dumps, rows), name="labels.jsonl")
    assert load_dataset(f"csv:{table}").class_names == LABELS


def test_parquet_without_its_library_names_the_library(photos, tmp_path, monkeypatch):
    def missing(path):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr("pandas.read_parquet", missing)
    table = write_table(photos, tmp_path, ["anything"], name="labels.parquet")
    assert refused(f"csv:{table}") == f"{table} needs a library for Parquet. Install it: pip install pyarrow"


def test_numbers_are_classes_in_their_order_and_keep_their_zeros(photos, tmp_path):
    lines = [f"images/{number}.png,{('007', '10', '2')[number % 3]}" for number in range(24)]
    dataset = load_dataset(f"csv:{write_table(photos, tmp_path, ['image,label', *lines])}")
    assert dataset.class_names == ("2", "007", "10")


@pytest.mark.parametrize("odd", ["+-5", "9" * 5000])
def test_texts_that_are_no_usual_number_are_classes_too(photos, tmp_path, odd):
    lines = [f"images/{number}.png,{(odd, '1')[number % 2]}" for number in range(24)]
    dataset = load_dataset(f"csv:{write_table(photos, tmp_path, ['image,label', *lines])}")
    assert set(dataset.class_names) == {odd, "1"}


def test_absolute_paths_and_paths_of_windows_are_found(photos, tmp_path):
    lines = [f"{photos / 'images' / f'{number}.png'},{LABELS[number % 2]}" for number in range(12)]
    lines += [f"images\\{number}.png,{LABELS[number % 2]}" for number in range(12, 24)]
    dataset = load_dataset(f"csv:{write_table(photos, tmp_path, ['image,label', *lines])}")
    names = {*dataset.train.names, *dataset.validation.names, *dataset.test.names}
    assert f"{photos}/images/3.png" in names
    assert "images/13.png" in names


def test_missing_columns_are_answered_with_those_there_are(photos, tmp_path):
    table = write_table(photos, tmp_path, ["photo,animal", "images/0.png,cat"])
    assert refused(f"csv:{table}") == (
        f"{table}: expected columns for image and label. Received: photo, animal. Name them as "
        f"csv:{table}:image=COLUMN,label=COLUMN."
    )
    assert refused(f"csv:{table}:image=foto,label=animal").startswith(
        f"{table}: expected the column 'foto'. Received: photo, animal. Did you mean 'photo'? Name them as"
    )


def test_all_problems_of_a_table_are_named_at_once(photos, tmp_path):
    lines = [
        "image,label,group,set",
        *(f"images/{number}.png,{LABELS[number % 2]},film{number % 3},train" for number in range(4)),
        "images/0.png,dog,film1,train",
        "images/1.png,dog,film1,train",
        *(f"images/{number}.png,cat,film9,test" for number in range(30, 55)),
        "images/9.png,,,validation",
    ]
    table = write_table(photos, tmp_path, lines)
    missing = ", ".join(str(tmp_path / "images" / f"{number}.png") for number in range(30, 50))
    assert refused(f"csv:{table}") == (
        f"{table} cannot be used:\n"
        "  - Column 'label' is empty in 1 row, first in row 32.\n"
        "  - Column 'group' is empty in 1 row, first in row 32.\n"
        f"  - 25 images of 32 do not exist: {missing}, ....\n"
        "  - Expected each image in one row. Received: images/0.png has the labels 'cat' and 'dog' in rows 1 and 5; "
        "images/1.png is listed in rows 2 and 6.\n"
        "  - The set test has no image of 'dog'.\n"
        "  - The set validation has no image of 'cat', 'dog'."
    )


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ["image,label", "images/0.png,0.25", "images/1.png,3"],
            "Column 'label': expected classes. Received numbers with decimals, such as 0.25. Give a column of class "
            "names or whole numbers as label=COLUMN.",
        ),
        (
            ["image,label", "images/0.png,cat", "images/1.png,cat"],
            "Column 'label': expected at least 2 classes. Received: 1, 'cat'.",
        ),
        (
            ["image,label,set", "images/0.png,cat,train", "images/1.png,dog,left"],
            "Column 'set': expected train, validation or test. Received: 'left'.",
        ),
    ],
)
def test_wrong_columns_are_named(photos, tmp_path, lines, problem):
    assert refused(f"csv:{write_table(photos, tmp_path, lines)}") == problem


def test_tables_of_another_form_are_refused(photos, tmp_path):
    table = write_table(photos, tmp_path, ["[1, 2]", "3"], name="labels.jsonl")
    assert refused(f"csv:{table}").startswith(f"{table} cannot be read as a table: ")
    table.with_suffix(".csv").write_text("image,label,label ,x\na.png,1,2,3\n")
    assert refused(f"csv:{table.with_suffix('.csv')}").endswith("expected each column once. Received twice: 'label'.")


@pytest.mark.parametrize("rows", [["a.png,cat,3", "b.png,dog,4"], ["a.png,cat", "b.png,dog,4"]])
def test_rows_with_more_fields_than_the_heading_are_refused(photos, tmp_path, rows):
    """pandas would take the first field of each row as its index, and read every other field one column too far."""
    table = write_table(photos, tmp_path, ["image,label", *rows])
    assert refused(f"csv:{table}").startswith(f"{table} cannot be read as a table: ")


def test_several_labels_of_an_image_are_refused(photos, tmp_path):
    lines = ['{"image": "images/0.png", "label": "cat"}', '{"image": "images/1.png", "label": ["cat", "dog"]}']
    assert refused(f"csv:{write_table(photos, tmp_path, lines, name='labels.jsonl')}") == (
        "Column 'label': expected one class per image. Received a list or an object in 1 row, first in row 2."
    )


def test_a_name_that_no_file_can_have_is_a_missing_image(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label,film", "a\0b.png,cat,film", *rows_of()])
    assert "1 image of 25 do not exist: " in refused(f"csv:{table}")


def test_other_encodings_and_no_rows_are_refused(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label", "images/0.png,Bär"], encoding="latin-1")
    assert refused(f"csv:{table}").startswith(f"{table} is not UTF-8 (")
    table.write_text("image,label\n")
    assert refused(f"csv:{table}") == f"{table}: expected a row per image. Received: no rows."
    table.write_text("")
    assert refused(f"csv:{table}") == f"{table} is empty."
    assert refused(f"csv:{tmp_path / 'other.csv'}") == f"The table {tmp_path / 'other.csv'} does not exist."


@pytest.mark.parametrize("rest", ["", "a.csv:image=a,image=b", "a.csv:image=", "a.csv:label=x,colour=y"])
def test_wrong_forms_are_refused(rest):
    with pytest.raises(DataError, match=re.escape(f"Received: csv:{rest}.")):
        parse_label_table(rest)


def test_a_spec_names_columns_after_the_file():
    table = parse_label_table(r"C:\my photos\labels.csv:image=a b,group=c")
    assert str(table.path) == r"C:\my photos\labels.csv"
    assert table.columns == {"image": "a b", "group": "c"}


def test_a_pattern_is_refused_where_the_table_names_groups(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label,group", *rows_of()])
    with pytest.raises(DataError, match="group: expected None, as the table names the groups"):
        load_dataset(f"csv:{table}", split=Split(group=r"(\d)"))


def test_a_wrong_pattern_has_one_message_where_the_table_names_groups(photos, tmp_path):
    """`Split` refuses it with the same words, so that a command lists it once."""
    table = write_table(photos, tmp_path, ["image,label,group", *rows_of()])
    problems = Problems()
    with problems.collect():
        check_files(f"csv:{table}", group="(")
    with problems.collect():
        Split(group="(")
    with pytest.raises(KerasclfError, match=r"^group: expected a regular expression\. Received: '\('"):
        problems.raise_all("kerasclf train cannot run")


def test_a_table_is_read_once_until_it_changes(photos, tmp_path, monkeypatch):
    read, read_csv = [], table_files._read_csv

    def counted(path, errors):
        read.append(path)
        return read_csv(path, errors)

    monkeypatch.setattr(table_files, "_read_csv", counted)
    table = write_table(photos, tmp_path, ["image,label", *(row.rpartition(",")[0] for row in rows_of())])
    check_files(f"csv:{table}")
    load_dataset(f"csv:{table}")
    assert read == [table]
    table.write_text(table.read_text().replace(",cat", ",lion"))
    assert load_dataset(f"csv:{table}").class_names == ("dog", "lion")
    assert read == [table, table]


def test_a_broken_image_that_is_left_out_needs_no_group(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label,film", *rows_of(), "broken.png,cat,film9"])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pattern = "images/(.)"
    check_files(f"csv:{table}", group=pattern, skip_broken=True)
    dataset = load_dataset(f"csv:{table}", split=Split(group=pattern), skip_broken=True)
    groups = {group for subset in (dataset.train, dataset.validation, dataset.test) for group in subset.groups}
    assert groups == set("0123456789")
    with pytest.raises(DataError, match=r"names none for 1 of them: broken\.png\."):
        check_files(f"csv:{table}", group=pattern)


def test_broken_images_are_left_out_on_request(photos, tmp_path):
    table = write_table(photos, tmp_path, ["image,label,film", *rows_of(), "broken.png,cat,film9"])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png cannot be read as an image"):
        load_dataset(f"csv:{table}")
    said = []
    dataset = load_dataset(f"csv:{table}", skip_broken=True, log=said.append)
    assert sum(len(subset) for subset in (dataset.train, dataset.validation, dataset.test)) == 24
    assert said[-1].startswith(f"left out 1 broken image:\n  - {tmp_path / 'broken.png'} cannot be read as an image")


def test_images_read_on_demand_keep_their_keys_without_the_broken_ones(photos, tmp_path, monkeypatch):
    table = write_table(photos, tmp_path, ["image,label,film", "broken.png,cat,film9", *rows_of()])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    in_memory = load_dataset(f"csv:{table}", skip_broken=True)
    monkeypatch.setattr("kerasclf.data.listings.IN_MEMORY_LIMIT", 0)
    on_demand = load_dataset(f"csv:{table}", skip_broken=True)
    assert on_demand.train.keys == in_memory.train.keys
    everything = np.arange(len(on_demand.train))
    assert (on_demand.train.images.read(everything) == in_memory.train.images.read(everything)).all()
