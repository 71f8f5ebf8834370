"""Tables: wine, iris, points."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.svm import LinearSVC

from kerasclf.data import ArrayRows, Split, kfold, load_dataset
from kerasclf.data.snapshot import read_snapshot, write_snapshot
from kerasclf.errors import DataError


def rows_of(dataset):
    sets = [dataset.train, dataset.validation, dataset.test]
    return np.concatenate([subset.images.array for subset in sets]), np.concatenate([subset.labels for subset in sets])


def test_iris_is_scikit_learns_divided_by_class():
    iris = load_dataset("iris", split=Split(validation=0.25, test=0.2))
    assert (len(iris.train), len(iris.validation), len(iris.test)) == (90, 30, 30)
    assert iris.class_names == ("setosa", "versicolor", "virginica")
    assert iris.image_shape == (1, 1, 4)
    assert iris.is_table
    np.testing.assert_array_equal(np.bincount(iris.test.labels), [10, 10, 10])
    first = int(iris.test.names[0])
    np.testing.assert_array_equal(iris.test.images.array[0, 0, 0], datasets.load_iris().data[first].astype(np.float32))


def test_iris_with_a_class_that_no_flower_has():
    four, three = load_dataset("iris:4"), load_dataset("iris")
    assert four.class_names == (*three.class_names, "none")
    np.testing.assert_array_equal(four.train.images.array, three.train.images.array)
    with pytest.raises(DataError, match=r"Received: iris:5"):
        load_dataset("iris:5")


def test_a_line_divides_the_points():
    points = load_dataset("points")
    values, labels = rows_of(points)
    flat = values.reshape(len(values), -1)
    assert flat.shape == (200, 2)
    assert LinearSVC(C=1e4, max_iter=100_000, random_state=0).fit(flat, labels).score(flat, labels) == 1
    np.testing.assert_array_equal(values, rows_of(load_dataset("points"))[0])


HEADING = "fixed acidity,alcohol,quality"


@pytest.fixture
def wine(tmp_path):
    def write(*lines, heading=HEADING):
        (tmp_path / "wine.csv").write_text("\n".join([heading, *lines]) + "\n")
        return f"wine:{tmp_path / 'wine.csv'}"

    return write


@pytest.mark.parametrize("separator", [",", ";"])
def test_wine_of_quality_six_and_more_is_good(wine, separator):
    lines = [f"{i}.5,{10 + i},{3 + i % 6}" for i in range(60)]
    spec = wine(*(line.replace(",", separator) for line in lines), heading=HEADING.replace(",", separator))
    found = load_dataset(spec)
    assert (found.class_names, found.image_shape) == (("ordinary", "good"), (1, 1, 2))
    values, labels = rows_of(found)
    np.testing.assert_array_equal(labels, (values[:, 0, 0, 0].astype(int) % 6 >= 3).astype(int))
    assert values.dtype == np.float32


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1,2,3", "1,x,3"], r"line 3: expected numbers .*'x'"),
        (["1,2,3", "1,2"], r"line 3: expected 3 finite numbers\. Received: 1, 2"),
        (["1,nan,3"], r"line 2: expected 3 finite numbers"),
        ([], "Expected rows below the headings"),
    ],
)
def test_a_damaged_wine_file_is_named_by_line(wine, lines, message):
    with pytest.raises(DataError, match=message):
        load_dataset(wine(*lines))


def test_all_damaged_lines_of_a_wine_file_are_named_at_once(wine):
    with pytest.raises(DataError) as caught:
        load_dataset(wine("1,2,3", "1,x,3", "1,2", *["inf,2,3"] * 20))
    first, *others = str(caught.value).splitlines()
    assert first.endswith("wine.csv cannot be used:")
    assert "line 3: expected numbers" in others[0] and "line 4: expected 3 finite numbers" in others[1]
    assert (len(others), others[-1]) == (21, "  - and 2 more")


def test_another_file_than_wine_is_refused(wine):
    with pytest.raises(DataError, match=r"expected 'quality' as the last heading\. Received: 'price'.*winequality-red"):
        load_dataset(wine("1,2", heading="age,price"))
    for spec in ("wine", "wine:/nowhere.csv"):
        with pytest.raises(DataError, match=r"Get winequality-red\.csv .* as `data`"):
            load_dataset(spec)


def test_the_real_wine(real_data):
    found = load_dataset(f"wine:{real_data / 'winequality-red.csv'}")
    values, labels = rows_of(found)
    assert values.shape == (1599, 1, 1, 11)
    assert labels.sum() == 855


def test_rows_have_no_size_in_pixels():
    with pytest.raises(DataError, match=r"^image_size: expected None for iris, a table\. Received: \(8, 8\)\.$"):
        load_dataset("iris", image_size=(8, 8))
    with pytest.raises(ValueError, match=r"float32 array of shape \(n, 1, 1, features\)"):
        ArrayRows(np.zeros((3, 4), np.float32))


def test_rows_go_into_snapshots_and_folds(tmp_path):
    iris = load_dataset("iris")
    assert write_snapshot(iris, tmp_path / "iris.npz")
    again = read_snapshot(tmp_path / "iris.npz")
    assert again.manifest == iris.manifest
    assert isinstance(again.train.images, ArrayRows)
    assert all(isinstance(fold.train.images, ArrayRows) for fold in kfold(iris, 3))
