"""Names in tables are read as they were written, and lines end as on Unix."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasclf.files.csv_files import csv_text, write_table
from tests.damage import names
from tests.test_fuzz import tried

ROWS = [["image", 'a "class"'], ["cat1.jpg\r", "a,b"], ["two\r\nlines", "c\nd"], ["\r", "plain"]]


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_names_are_quoted_where_they_must_be():
    text = 'image,"a ""class"""\n"cat1.jpg\r","a,b"\n"two\r\nlines","c\nd"\n"\r",plain\n'
    assert csv_text(ROWS) == text
    table = io.StringIO()
    write_table(pd.DataFrame(ROWS[1:], columns=ROWS[0]), table, digits=9)
    assert table.getvalue() == text


@pytest.mark.parametrize(("digits", "number"), [(6, "0.333333"), (9, "0.333333333")])
def test_numbers_have_so_many_digits(digits, number):
    table = io.StringIO()
    write_table(pd.DataFrame({"share": [1 / 3, 2.0], "count": [1, 2]}), table, digits)
    assert table.getvalue() == f"share,count\n{number},1\n2,2\n"


@tried(200)
@given(st.lists(st.tuples(names, names), min_size=1, max_size=4))
def test_any_name_is_read_as_it_was_written(rows):
    assert rows_of(csv_text(rows)) == [list(row) for row in rows]
    table = io.StringIO()
    write_table(pd.DataFrame(rows, columns=["image", "class"]), table, digits=6)
    assert rows_of(table.getvalue()) == [["image", "class"], *map(list, rows)]
